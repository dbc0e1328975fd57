"""The file system that the packages would make together, and which of them holds each path of it.

Lookups here answer what the running system would: which file a NEEDED library, a script's interpreter or a symlink
means. Paths are relative to ``/usr`` of that file system, which is where an item's top is.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sysimage_bootstrap.debs.inventory import Inventory

_OUTSIDE = frozenset(
    ("boot", "dev", "etc", "home", "media", "mnt", "opt", "proc", "root", "run", "srv", "sys", "tmp", "var")
)
"""Top directories that belong to the running system, not to a package: paths in them are not changed."""


@dataclass(frozen=True, slots=True, order=True)
class PackagePath:
    """A path in the item of a package."""

    package: str
    path: str
    """Relative to the item."""


class UnionTree:
    """All packages' files, directories and links. Where several hold a path, the asking package's own comes first, then
    the first by name."""

    def __init__(self, inventories: Mapping[str, Inventory]) -> None:
        self.inventories = inventories
        self._holders: dict[str, list[str]] = {}
        self._directories: dict[str, list[str]] = {}
        self._libraries: dict[str, list[PackagePath]] = {}
        for package in sorted(inventories):
            inventory = inventories[package]
            directories: set[str] = set()
            for paths in (inventory.files, inventory.links):
                for path in paths:
                    self._holders.setdefault(path, []).append(package)
                    directory, name = posixpath.split(path)
                    if ".so" in name and path.startswith("lib"):
                        self._libraries.setdefault(name, []).append(PackagePath(package, path))
                    while directory and directory not in directories:
                        directories.add(directory)
                        directory = posixpath.dirname(directory)
            for directory in directories:
                self._directories.setdefault(directory, []).append(package)

    def find(self, path: str, asking: str) -> PackagePath | None:
        """The package that holds a file or a symlink; None if no package does."""
        holders = self._holders.get(path)
        if not holders:
            return None
        return PackagePath(asking if asking in holders else holders[0], path)

    def has(self, path: str) -> bool:
        """Whether any package holds a file or a symlink there."""
        return path in self._holders

    def has_directory(self, path: str) -> bool:
        """Whether any package holds something below it."""
        return path in self._directories

    def find_directory(self, path: str, asking: str, among: Collection[str]) -> PackagePath | None:
        """The package that holds a directory: the asking one, or the only one ``among`` some."""
        holders = self._directories.get(path, ())
        if asking in holders:
            return PackagePath(asking, path)
        known = [holder for holder in holders if holder in among]
        return PackagePath(known[0], path) if len(known) == 1 else None

    def find_in(self, directories: Iterable[str], name: str, asking: str) -> PackagePath | None:
        """The package that holds ``name`` in the first of the directories that has it."""
        for directory in directories:
            found = self.find(posixpath.join(directory, name), asking)
            if found is not None:
                return found
        return None

    def named(self, library: str) -> list[PackagePath]:
        """Every place where a library, or a symlink, has this name, sorted."""
        return sorted(self._libraries.get(library, ()))

    def final(self, place: PackagePath) -> PackagePath:
        """The file at the end of a chain of symlinks, or the last link if its target is unknown."""
        for _ in range(40):
            target = self.inventories[place.package].links.get(place.path)
            if target is None:
                return place
            inside = in_usr(link_target(self.inventories[place.package], place.path))
            following = self.find(inside, place.package) if inside is not None else None
            if following is None:
                return place
            place = following
        return place


def link_target(inventory: Inventory, path: str) -> str:
    """The image path that a symlink of a package means, normalised."""
    top = "/" if path in inventory.root_links else "/usr"
    # normpath keeps two slashes at the front, as POSIX lets it; we have no use for them.
    joined = posixpath.normpath(posixpath.join(top, posixpath.dirname(path), inventory.links[path]))
    return "/" + joined.lstrip("/")


def in_usr(image_path: str) -> str | None:
    """An image path relative to ``/usr``; None if it is not there. ``/lib`` and its like are in ``/usr`` too."""
    path = image_path.strip("/")
    if path in ("", "usr") or path.split("/")[0] in _OUTSIDE:
        return None
    return path.removeprefix("usr/")
