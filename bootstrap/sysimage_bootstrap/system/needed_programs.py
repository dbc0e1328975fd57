"""The programs that booting needs, found among the packages of a system."""

from __future__ import annotations

from collections.abc import Iterable

from sysimage.errors import SpecError
from sysimage.store.paths import StorePath
from sysimage_bootstrap.system.installed_packages import Installed, provider


class NeededPrograms:
    """Finds programs by their place in the store, and knows the items that they come from."""

    def __init__(self, packages: Iterable[Installed]) -> None:
        self._packages = tuple(packages)
        self._found: set[StorePath] = set()

    def find(self, relative: str, package: str) -> str:
        """The path of a program in its item; a `SpecError` if its ``package`` is left out."""
        item = provider(self._packages, relative)
        if item is None:
            raise SpecError(
                f"cannot boot the system: it has no {relative}", hint=f"do not leave {package} out of the packages"
            )
        self._found.add(item.path)
        return f"{item.path}/{relative}"

    @property
    def items(self) -> tuple[StorePath, ...]:
        """Those of all programs that were found."""
        return tuple(sorted(self._found))
