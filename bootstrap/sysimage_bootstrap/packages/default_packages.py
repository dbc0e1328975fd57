"""Which packages every system has, besides those that its system.json names.

Debian calls some packages Essential: all others may use them without declaring it. They are here by name, because
only so is it visible that ``dpkg`` and ``init-system-helpers`` are not: nothing is installed or configured inside.
"""

from __future__ import annotations

from collections.abc import Mapping

from sysimage.spec.model import Init, SystemSpec
from sysimage_bootstrap.debian.dependencies import ON_DEMAND

ESSENTIAL = (
    "base-files",
    "base-passwd",
    "bash",
    "bsdutils",
    "coreutils",
    "dash",
    "debianutils",
    "diffutils",
    "findutils",
    "grep",
    "gzip",
    "hostname",
    "libc-bin",
    "login",
    "ncurses-base",
    "ncurses-bin",
    "perl-base",
    "sed",
    "sysvinit-utils",
    "tar",
    "util-linux",
)
"""Debian's Essential set, without what only serves a package manager."""

EVERYWHERE = (
    "ca-certificates",  # TLS from the first minute
    "libpam-runtime",  # su, and every service that asks for a password
    "login.defs",
    "mawk",  # an awk is promised by base-files
    "media-types",
    "netbase",  # names of protocols and ports
    "passwd",
    "tzdata",
)
"""Small things whose absence surprises."""

IN_EVERY_IMAGE = ("base-files", "base-passwd")
"""Even in one for a plain program: what system it is, the licences that copyright files refer to, and accounts."""

WITH_INIT: Mapping[Init, tuple[str, ...]] = {
    # procps shows the processes, of which such a system has several
    Init.SHEPHERD: ("guile-3.0", "procps", "shepherd"),
    Init.SYSTEMD: ("procps", "systemd", "systemd-sysv"),
}
"""What an image needs that boots an init."""

NOT_INSTALLED = ("dpkg", "init-system-helpers")
"""What is never there, even as a dependency: maintainer scripts do not run."""
SYSTEMD = ("systemd", "systemd-sysv")
"""What is there only where it is the init."""


LOCALES_PACKAGE = "locales-all"
"""Has every locale, compiled."""
_BUILT_IN_ZONES = frozenset({"UTC", "Etc/UTC"})
_BUILT_IN_LOCALES = frozenset({"C", "POSIX", "C.UTF-8", "C.utf8"})


def base_packages(spec: SystemSpec) -> tuple[str, ...]:
    """The packages besides ``spec.packages``, sorted; some may take part in the build alone (`build_only`)."""
    wanted = {*IN_EVERY_IMAGE, *build_only(spec)}
    if spec.essential:
        wanted |= {*ESSENTIAL, *EVERYWHERE}
        wanted -= ON_DEMAND if spec.slim else frozenset()
    if spec.has_init:
        wanted |= set(WITH_INIT[spec.init])
    if not is_built_in_zone(spec.time_zone):
        wanted.add("tzdata")
    return tuple(sorted(wanted - set(spec.exclude)))


def excluded_packages(spec: SystemSpec) -> frozenset[str]:
    """What must not be installed, even as a dependency."""
    return frozenset({*spec.exclude, *NOT_INSTALLED, *(() if spec.has_systemd else SYSTEMD)})


def build_only(spec: SystemSpec) -> tuple[str, ...]:
    """Packages that the image is made with and that do not get into it."""
    if is_built_in_locale(spec.locale) or LOCALES_PACKAGE in spec.packages:
        return ()
    return (LOCALES_PACKAGE,)


def is_built_in_zone(time_zone: str) -> bool:
    """Whether the C library knows the time zone without data."""
    return time_zone in _BUILT_IN_ZONES


def is_built_in_locale(locale: str) -> bool:
    """Whether the C library has the locale, so that every system has it."""
    return locale in _BUILT_IN_LOCALES
