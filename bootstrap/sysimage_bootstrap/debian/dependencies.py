"""Where what a package declares to need is not what its files need."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

ON_DEMAND = frozenset({"perl-base"})
"""Essential packages that are there only where something needs them: Debian has them for its maintainer scripts."""

_UNSAID: Mapping[str, tuple[str, ...]] = {
    "perl-base": (
        "adduser",
        "apt",
        "binutils-*",
        "debconf",
        "dpkg",
        "groff-base",
        "init-system-helpers",
        "libc-devtools",
        "locales",
        "make",
        "sgml-base",
        "ucf",
        "valgrind",
        "vim-common",
        "xml-core",
    )
}
"""Package → shell patterns for those whose programs call it although they do not depend on it, as they need not."""
_UNUSED: Mapping[str, frozenset[str]] = {"ca-certificates": frozenset({"openssl"})}
"""Package → what nothing but its maintainer scripts, and the tools that these run, needs."""
ONLY_CONFIGURE = frozenset({"base-passwd", "ca-certificates", "debconf", "libpam-runtime", "openssl", "tzdata"})
"""Packages whose scripts configure what is configured already, or have another program in their place: that they call
something is not a reason to have it."""


def undeclared(package: str) -> tuple[str, ...]:
    """What a package needs and does not declare."""
    return tuple(
        needed for needed, patterns in _UNSAID.items() if any(fnmatchcase(package, pattern) for pattern in patterns)
    )


def is_unused(package: str, needed: str) -> bool:
    """Whether a package declares to need another that its own files never use."""
    return needed in _UNUSED.get(package, ())
