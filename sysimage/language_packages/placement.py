"""Items of language packages in a system: none in the way of another, and what their programs lack there."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sysimage.errors import Issue
from sysimage.notices import notice
from sysimage.rootfs.system import SystemResult
from sysimage.rootfs.tree import Kind
from sysimage.store.items import ShownFiles, StoreItem
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.debs.elf import Elf, ElfError, read_elf


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """An item whose files are below a directory of the image."""

    item: StoreItem
    files: tuple[str, ...]
    """Its files and links, relative to it, sorted."""

    @classmethod
    def of(cls, item: StoreItem) -> PlacedItem:
        """An item that is on this machine."""
        found = []
        for directory, _, names in os.walk(item.place):
            below = os.path.relpath(directory, item.place)
            found += [posixpath.normpath(posixpath.join(below, name)) for name in names]
        return cls(item, tuple(sorted(found)))

    @property
    def name(self) -> str:
        return self.item.path.name


@dataclass(frozen=True, slots=True)
class PlacedProgram:
    """A dynamically linked file of an item."""

    placed: PlacedItem
    path: str
    """Relative to the item."""
    elf: Elf


def without_duplicates(items: Sequence[PlacedItem], top: str) -> Iterator[StoreItem]:
    """The items, each without the shown files that an earlier item also has: of two files with one name the first is
    used."""
    first: dict[str, StoreItem] = {}
    for placed in items:
        item = placed.item
        hidden = [path for path in placed.files if path in first]
        for path in hidden:
            other = first[path]
            if _content(item.place / path) != _content(other.place / path):
                notice(f"{top}/{path} is that of {other.path.name}; {placed.name} has another one")
        first |= {path: item for path in placed.files if path not in first}
        yield replace(item, shown=ShownFiles(tuple(hidden), top=top)) if hidden else item


def contradictions(items: Sequence[PlacedItem], top: str, system: SystemResult, where: str) -> Iterator[Issue]:
    """Files where the rest of the system has a directory, or the reverse."""
    kinds = {entry.path: entry.kind for entry in system.entries}
    for placed in items:
        for path in placed.files:
            place = f"{top}/{path}"
            if kinds.get(place) is Kind.DIRECTORY:
                yield Issue(where, f"{placed.name} has a file at {place}, which is a directory")
            above = posixpath.dirname(place)
            while above != top:
                if kinds.get(above, Kind.DIRECTORY) is not Kind.DIRECTORY:
                    yield Issue(where, f"{placed.name} has {place}, and {above} is not a directory")
                above = posixpath.dirname(above)


def programs_of(items: Sequence[PlacedItem], top: str) -> Iterator[PlacedProgram]:
    """Every dynamically linked program and library, for whichever machine it is."""
    for placed in items:
        for path in placed.files:
            if (placed.item.place / path).is_symlink():
                continue
            try:
                elf = read_elf(placed.item.place / path)
            except ElfError as error:
                notice(f"{top}/{path} of {placed.name} cannot be read as a program: {error}")
                continue
            if elf is not None:
                yield PlacedProgram(placed, path, elf)


def missing_libraries(
    programs: Iterable[PlacedProgram],
    items: Sequence[PlacedItem],
    top: str,
    system: SystemResult,
    architecture: str,
    where: str,
) -> Iterator[Issue]:
    """Libraries that the dynamic linker will not find, for programs where they are.

    They are not relinked: a library of theirs is found through its own RUNPATH, and one of the system's in /usr.
    """
    own = {f"{top}/{path}" for placed in items for path in placed.files}
    in_system = _SystemLibraries.of(system, architecture)
    lacking: dict[tuple[str, str], str] = {}
    inside = {placed.name: {posixpath.basename(path) for path in placed.files} for placed in items}
    for program in programs:
        name = program.placed.name
        origin = posixpath.dirname(f"{top}/{program.path}")
        places = [one.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for one in program.elf.runpath]
        for library in program.elf.needed:
            found = any(posixpath.normpath(f"{place}/{library}") in own for place in places)
            # What another library of the package has loaded already counts for all: packages rely on it.
            if not found and library not in inside[name] and not in_system.has(library):
                lacking.setdefault((name, library), program.path)
    for (name, library), path in sorted(lacking.items()):
        hint = _PACKAGES.get(library)
        add = f'add "{hint}" to "packages"' if hint else 'add the Debian package that has it to "packages"'
        yield Issue(where, f"{name}: {path} needs {library}, which the image lacks: {add}")


@dataclass(frozen=True, slots=True)
class _SystemLibraries:
    directories: tuple[Path, ...]
    known: dict[str, bool]

    @classmethod
    def of(cls, system: SystemResult, architecture: str) -> _SystemLibraries:
        shown = [item.location for item in system.items if item.shown is not None and item.location is not None]
        return cls(tuple(top / one for top in shown for one in ELF_TARGETS[architecture].directories), {})

    def has(self, name: str) -> bool:
        if name not in self.known:
            self.known[name] = any(os.path.lexists(directory / name) for directory in self.directories)
        return self.known[name]


def _content(place: Path) -> bytes:
    return os.fsencode(place.readlink()) if place.is_symlink() else place.read_bytes()


_PACKAGES: Mapping[str, str] = {
    "libstdc++.so.6": "libstdc++6",
    "libgcc_s.so.1": "libgcc-s1",
    "libgomp.so.1": "libgomp1",
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0t64",
    "libX11.so.6": "libx11-6",
    "libpq.so.5": "libpq5",
    "libz.so.1": "zlib1g",
}
"""The packages of the libraries that manylinux wheels may take from the system (PEP 600's policies), and a few more."""
