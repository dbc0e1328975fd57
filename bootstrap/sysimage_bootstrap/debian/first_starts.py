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
    FirstStart("ssh.service", "/etc/ssh/ssh_host_ed25519_key", ("/usr/bin/ssh-keygen", "-A")),
    FirstStart("dbus.service", "/var/lib/dbus/machine-id", ("/usr/bin/dbus-uuidgen", "--ensure")),
    FirstStart("munge.service", "/etc/munge/munge.key", ("/usr/sbin/mungekey", "--create")),
    FirstStart("named.service", "/etc/bind/rndc.key", ("/usr/sbin/rndc-confgen", "-a", "-u", "bind")),
)

_SERVER = re.compile(r"postgresql-([0-9]+)")


def unit_groups(packages: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Units that start others which only a configured Debian has: name → names, for an image of these packages."""
    versions = sorted((int(match[1]) for name in packages if (match := _SERVER.fullmatch(name))), reverse=True)
    return {"postgresql": tuple(f"postgresql@{version}-main" for version in versions)}
