"""Understood means equal: what is read from scripts is what dpkg leaves when it runs them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dpkg_configure.chroot import make_chroot
from tests.dpkg_configure.compare import Comparison

SYSTEMS = {
    "web": ("apache2", "libapache2-mod-php", "php-mysql", "php-mbstring", "php-xml", "mariadb-server"),
    "servers": ("redis-server", "cron", "nano", "memcached", "openssh-server", "prometheus", "squid", "unbound"),
    "mail": ("postfix", "dovecot-imapd", "valkey-server", "dnsmasq", "haproxy", "lighttpd"),
    "databases": ("postgresql", "slapd", "mosquitto", "rabbitmq-server", "tomcat10", "nginx", "php-fpm", "etcd-server"),
    "networks": ("bind9", "exim4-daemon-light", "chrony", "rsyslog", "logrotate", "fail2ban", "snmpd", "proftpd-core"),
    "files": ("samba", "nfs-common", "cups", "tftpd-hpa", "vsftpd", "opendkim", "spamassassin", "varnish", "uwsgi"),
}
"""Sets of packages that dpkg configures together."""
LEAST = 150
"""Packages with scripts."""


@pytest.fixture(scope="module")
def tally() -> Iterator[dict[str, str]]:
    """Package with scripts → how equal it was in the worst case; printed when all were compared."""
    found: dict[str, str] = {}
    yield found
    counts = [sum(how == one for how in found.values()) for one in ("whole", "by the list", "wrong")]
    print(
        f"\n{len(found)} packages with scripts compared: {counts[0]} equal whole, {counts[1]} equal by the list, "
        f"{counts[2]} not equal"
    )


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_tree_is_the_one_that_dpkg_leaves(name: str, tmp_path: Path, tally: dict[str, str]) -> None:
    chroot = make_chroot(tmp_path, SYSTEMS[name])
    found = Comparison.of(chroot)
    unread = {line.package for line in found.said.unread}
    print(f"{len(found.said.changes)} paths changed by scripts; not read whole: {', '.join(sorted(unread)) or 'none'}")
    order = ("whole", "by the list", "wrong")
    for package in found.scripted:
        tally[package] = max(tally.get(package, "whole"), found.unlike.get(package, "whole"), key=order.index)
    shutil.rmtree(tmp_path)  # a gigabyte
    assert not found.faults, "\n".join(f"{one.path}: {one.what}" for one in found.faults)


def test_enough_packages_were_compared(tally: dict[str, str]) -> None:
    assert len(tally) >= LEAST
