"""Programs that call what their packages do not depend on, because Debian has it everywhere."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sysimage.errors import Issue, SpecError
from sysimage_bootstrap.debian.dependencies import ONLY_CONFIGURE

if TYPE_CHECKING:
    from sysimage_bootstrap.debian.slim import Slim
    from sysimage_bootstrap.debs.inventory import Inventory

_PROGRAM_OF = {"perl-base": "perl"}
"""Essential package that may be absent → the program that scripts call."""


class UndeclaredNeedsError(SpecError):
    """Packages are missing although no package declares to need them."""

    def __init__(self, packages: Iterable[str], issues: Iterable[Issue]) -> None:
        self.packages = tuple(sorted(set(packages)))
        super().__init__(
            "cannot make the system: programs call other programs that it lacks",
            hint=f"add to the packages: {', '.join(self.packages)}",
            issues=tuple(issues),
        )


def require_declared_needs(inventories: Mapping[str, Inventory], slim: Slim) -> None:
    """Check that no script of the packages that were asked for calls one that is spared.

    An `UndeclaredNeedsError` names all such packages.
    """
    found = list(_calls(inventories, slim))
    if found:
        raise UndeclaredNeedsError((needed for needed, _ in found), (issue for _, issue in found))


def _calls(inventories: Mapping[str, Inventory], slim: Slim) -> Iterator[tuple[str, Issue]]:
    from sysimage_bootstrap.planning.shebangs import REWRITTEN  # a system that was made before is not looked at

    for package in sorted(slim.asked & inventories.keys() - ONLY_CONFIGURE):
        inventory = inventories[package]
        for path, first_line in inventory.scripts.items():
            if not path.startswith(REWRITTEN):
                continue
            for needed in sorted(slim.spared):
                program = _PROGRAM_OF[needed]
                if program in map(posixpath.basename, first_line.split()) or program in inventory.words.get(path, ()):
                    yield needed, Issue(f"{package}: {path}", f"calls {program}, which is in {needed}")
