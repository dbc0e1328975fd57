"""Understood means equal: what is read from scripts is what dpkg leaves when it runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dpkg_configure.chroot import make_chroot
from tests.dpkg_configure.compare import differences, understood

SYSTEMS = {
    "web": ("apache2", "libapache2-mod-php", "php-mysql", "php-mbstring", "php-xml", "mariadb-server"),
    "servers": ("redis-server", "cron", "nano", "memcached", "openssh-server", "prometheus", "squid", "unbound"),
    "mail": ("postfix", "dovecot-imapd", "valkey-server", "dnsmasq", "haproxy", "lighttpd"),
}
"""Sets of packages that dpkg configures together."""


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_tree_is_the_one_that_dpkg_leaves(name: str, tmp_path: Path) -> None:
    chroot = make_chroot(tmp_path, SYSTEMS[name])
    said, files = understood(chroot)
    unread = {line.package for line in said.unread}
    print(f"{len(said.changes)} paths changed by scripts; not read whole: {', '.join(sorted(unread)) or 'none'}")
    found = list(differences(chroot, files))
    assert not found, "\n".join(f"{path}: {what}" for path, what in found)
