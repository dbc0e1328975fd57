"""Understood means equal: what is read from scripts is what dpkg leaves when it runs them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dpkg_configure.chroot import make_chroot
from tests.dpkg_configure.compare import OUTCOMES, Comparison

SYSTEMS = {
    "web": ("apache2", "libapache2-mod-php", "php-mysql", "php-mbstring", "php-xml", "mariadb-server"),
    "servers": ("redis-server", "cron", "nano", "memcached", "openssh-server", "prometheus", "squid", "unbound"),
    "mail": ("postfix", "dovecot-imapd", "valkey-server", "dnsmasq", "haproxy", "lighttpd"),
    "databases": ("postgresql", "slapd", "mosquitto", "rabbitmq-server", "tomcat10", "nginx", "php-fpm", "etcd-server"),
    "networks": ("bind9", "exim4-daemon-light", "chrony", "rsyslog", "logrotate", "fail2ban", "snmpd", "proftpd-core"),
    "files": ("samba", "nfs-common", "cups", "tftpd-hpa", "vsftpd", "opendkim", "spamassassin", "varnish", "uwsgi"),
    "small": (
        *("at", "anacron", "avahi-daemon", "knockd", "lldpd", "mini-httpd", "monit", "nagios-nrpe-server", "ngircd"),
        *("nsd", "ntpsec", "openvpn", "privoxy", "stunnel4", "tinyproxy", "tor", "inspircd", "beanstalkd"),
        *("gearman-job-server", "dovecot-pop3d", "prosody", "radicale"),
    ),
}
"""Sets of packages that dpkg configures together."""
LEAST = 150
"""Packages with scripts that are read whole, and equal."""


@pytest.fixture(scope="module")
def tally() -> Iterator[dict[str, str]]:
    """Package with scripts → how equal it was in the worst case; printed when all were compared."""
    found: dict[str, str] = {}
    yield found
    counts = ", ".join(f"{sum(how == one for how in found.values())} {one}" for one in OUTCOMES)
    print(f"\n{len(found)} packages with scripts compared: {counts}")


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_tree_is_the_one_that_dpkg_leaves(name: str, tmp_path: Path, tally: dict[str, str]) -> None:
    found = Comparison.of(make_chroot(tmp_path, SYSTEMS[name]))
    unread = {line.package for line in found.said.unread}
    print(f"{len(found.said.changes)} paths changed by scripts; not read whole: {', '.join(sorted(unread)) or 'none'}")
    for package, outcome in found.outcomes.items():
        tally[package] = max(tally.get(package, OUTCOMES[0]), outcome, key=OUTCOMES.index)
    shutil.rmtree(tmp_path)  # a gigabyte
    assert not found.faults, "\n".join(f"{one.path}: {one.what}" for one in found.faults)


def test_enough_packages_were_compared(tally: dict[str, str]) -> None:
    assert len([outcome for outcome in tally.values() if outcome in OUTCOMES[:2]]) >= LEAST
