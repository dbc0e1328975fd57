"""The packages of a system as the parts of it see them: an item, the place of its files, and its package's metadata."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sysimage.errors import IntegrityError
from sysimage.rootfs.shown_files import shown_entry
from sysimage.rootfs.tree import Entry
from sysimage.store.items import ShownFiles, StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.debs.inventory import Attributes, PackageFacts
from sysimage_bootstrap.system.union import UnionSource
from sysimage_bootstrap.system.usr_files import usr_files


@dataclass(frozen=True, slots=True)
class Installed:
    """One package."""

    name: str
    path: StorePath
    location: Path
    facts: PackageFacts
    usr: ShownFiles
    """How the item appears below /usr, whatever system it is part of."""
    _listed: dict[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)
    """The names in directories that were looked into: every package is asked for every program."""

    @classmethod
    def of(cls, name: str, item: StoreItem, facts: PackageFacts) -> Installed:
        if item.location is None:
            raise IntegrityError(f"cannot use {item.path}: its files are not on this machine")
        return cls(name, item.path, item.location, facts, usr_files(facts))

    @property
    def attributes(self) -> Mapping[str, Attributes]:
        """Path relative to the item → modes and owners that the item has lost."""
        return self.facts.attributes

    def replaces(self, other: Installed) -> bool:
        """Whether the files of this package replace those of another package."""
        return self.facts.overwrites(other.facts)

    def usr_entry(self, path: str) -> Entry:
        """A file or a link as it appears below /usr."""
        return shown_entry(self.location, path, self.usr, str(self.path))

    def has(self, relative: str) -> bool:
        """Whether the item has something at a path; a link counts whatever it leads to."""
        folder, _, name = relative.rpartition("/")
        if name in ("", ".", ".."):
            return os.path.lexists(self.location / relative)
        return name in self.names(folder)

    def names(self, folder: str) -> frozenset[str]:
        """The names in a directory of the item; none if it is not a directory."""
        if folder not in self._listed:
            try:
                self._listed[folder] = frozenset(os.listdir(f"{self.location}/{folder}"))  # noqa: PTH208
            except (FileNotFoundError, NotADirectoryError):
                self._listed[folder] = frozenset()
        return self._listed[folder]

    def source(self, below: str = "") -> UnionSource:
        return UnionSource(self.path, self.location, below)

    def walk_all(self) -> Iterator[tuple[str, Path]]:
        """Everything in the item, as `walk` gives what is below one directory."""
        for name in sorted(self.names("")):
            yield name, self.location / name
            yield from self.walk(name)

    def walk(self, top: str) -> Iterator[tuple[str, Path]]:
        """Everything below a directory of the item, directories before what they hold: relative path and file."""
        directory = self.location / top
        if not directory.is_dir() or directory.is_symlink():
            return
        for entry in sorted(directory.iterdir()):
            relative = f"{top}/{entry.name}"
            yield relative, entry
            yield from self.walk(relative)


def provider(packages: Iterable[Installed], relative: str) -> Installed | None:
    """The package whose item has ``relative``; the first by name if several have."""
    return next((package for package in packages if package.has(relative)), None)
