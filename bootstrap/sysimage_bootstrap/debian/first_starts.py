"""What Debian's packages make when they are installed, and a service needs before it starts for the first time.

In an image it is made by the service's first start instead, inside the container: no other container has its keys then,
and data are made where they are kept, be it a volume.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FirstStart:
    """A command that root runs before a unit starts, if a path does not exist. Both may have specifiers of units."""

    unit: str
    """The name of the unit, or of its template."""
    absent: str
    command: tuple[str, ...]


ROOT_KEYS = (
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
)
"""The keys of the DNS root (IANA's root-anchors.xml): what a resolver begins with and then renews itself."""

FIRST_STARTS = (
    FirstStart(
        "postgresql@.service",
        "/etc/postgresql/%I/postgresql.conf",
        ("/usr/bin/sh", "-c", 'exec pg_createcluster "${1%%%%-*}" "${1#*-}"', "pg_createcluster", "%i"),
    ),
    FirstStart(
        "mariadb.service",
        "/var/lib/mysql/mysql",
        ("/usr/bin/mariadb-install-db", "--user=mysql", "--skip-test-db", "--skip-name-resolve"),
    ),
    FirstStart(
        "unbound.service",
        "/var/lib/unbound/root.key",
        (
            *("/usr/bin/sh", "-c"),
            'cat /usr/share/dns/root.key > "$1" 2>/dev/null || printf "%%s\\n" "$2" "$3" > "$1"'
            '; chown unbound:unbound "$1"',
            *("root.key", "/var/lib/unbound/root.key", *ROOT_KEYS),
        ),
    ),
    FirstStart("ssh.service", "/etc/ssh/ssh_host_ed25519_key", ("/usr/bin/ssh-keygen", "-A")),
    FirstStart("dbus.service", "/var/lib/dbus/machine-id", ("/usr/bin/dbus-uuidgen", "--ensure")),
    FirstStart(
        "munge.service",
        "/etc/munge/munge.key",
        ("/usr/bin/sh", "-c", "/usr/sbin/mungekey --create && chown munge:munge /etc/munge/munge.key"),
    ),
    FirstStart("named.service", "/etc/bind/rndc.key", ("/usr/sbin/rndc-confgen", "-a", "-u", "bind")),
)

_SERVER = re.compile(r"postgresql-([0-9]+)")


def unit_groups(packages: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Units that start others which only a configured Debian has: name → names, for an image of these packages."""
    versions = sorted((int(match[1]) for name in packages if (match := _SERVER.fullmatch(name))), reverse=True)
    return {"postgresql": tuple(f"postgresql@{version}-main" for version in versions)}
