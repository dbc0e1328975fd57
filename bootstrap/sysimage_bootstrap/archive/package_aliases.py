"""What people call programs that Debian's packages have under another name: the name of the program, or that of other
distributions."""

from __future__ import annotations

from collections.abc import Mapping

PACKAGE_ALIASES: Mapping[str, tuple[str, ...]] = {
    "apache": ("apache2",),
    "build-base": ("build-essential",),
    "docker": ("docker.io", "podman"),
    "dig": ("bind9-dnsutils", "dnsutils"),
    "glibc": ("libc6",),
    "go": ("golang-go",),
    "golang": ("golang-go",),
    "gpg": ("gnupg",),
    "httpd": ("apache2", "nginx"),
    "java": ("default-jre-headless", "default-jdk-headless"),
    "jdk": ("default-jdk-headless",),
    "jre": ("default-jre-headless",),
    "mariadb": ("mariadb-server",),
    "mysql": ("default-mysql-server", "mariadb-server"),
    "mysql-client": ("default-mysql-client", "mariadb-client"),
    "mysql-server": ("default-mysql-server", "mariadb-server"),
    "nc": ("netcat-openbsd",),
    "node": ("nodejs",),
    "openssh": ("openssh-server", "openssh-client"),
    "openjdk": ("default-jdk-headless",),
    "ping": ("iputils-ping",),
    "pip": ("python3-pip",),
    "pip3": ("python3-pip",),
    "postgres": ("postgresql",),
    "postgresql-server": ("postgresql",),
    "ps": ("procps",),
    "py3-pip": ("python3-pip",),
    "python": ("python3",),
    "python-is-python": ("python-is-python3",),
    "python2": ("python3",),
    "redis-cli": ("redis-tools",),
    "rust": ("rustc",),
    "shadow": ("passwd",),
    "ssh-server": ("openssh-server",),
    "sshd": ("openssh-server",),
    "vi": ("vim-tiny",),
}
"""Name → the packages that have it, the likeliest first; those that the archive lacks are left out."""
