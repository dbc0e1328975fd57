"""The Python packages of a spec in a system: their items beside its own, and what they lack there."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sysimage.errors import Issue, SpecError
from sysimage.notices import notice
from sysimage.progress import Progress
from sysimage.rootfs.system import SystemResult
from sysimage.rootfs.tree import Kind
from sysimage.spec.model import SystemSpec
from sysimage.store.items import ShownFiles, StoreItem
from sysimage.wheels.fetch import WheelSource
from sysimage.wheels.items import TOP, WheelItems
from sysimage.wheels.lock_file import read_lock
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.debs.elf import ElfError, read_elf

_WHERE = "/python/lock"


def with_wheels(
    spec: SystemSpec,
    spec_dir: Path,
    system: SystemResult,
    source: WheelSource,
    items: WheelItems,
    progress: Progress,
) -> SystemResult:
    """``system`` with the wheels of its spec's lock file; what the store has is not fetched.

    The items are roots of their own, so that a system does not change because a wheel does. A `SpecError` names every
    fault of the lock file, every library that a wheel needs and the image lacks, and every file that stands in the way
    of another.
    """
    if spec.python is None:
        return system
    files = source.choose(read_lock(spec.python, spec_dir, items.target), items.target)
    missing = [file for file in files if not items.has(file)]
    places = source.fetch(missing, items.target) if missing else {}
    made = []
    for done, file in enumerate(files, 1):
        made.append(items.item(file, places.get(file.sha256)))
        progress("wheels", done, len(files))
    contents = {item.path.name: sorted(_files(item)) for item in made}
    made = list(_without_duplicates(made, contents))
    issues = [*_contradictions(made, contents, system), *_missing_libraries(made, contents, system, spec.architecture)]
    if issues:
        raise SpecError(f"cannot put the Python packages of {spec.name} into the image", issues=issues)
    source.remember(item.path for item in made)
    together = {item.path: item for item in (*system.items, *made)}
    return replace(
        system,
        items=tuple(together[path] for path in sorted(together)),
        other_roots=(*system.other_roots, *(item.path for item in made)),
    )


def _place(item: StoreItem) -> Path:
    if item.location is None:
        raise ValueError(f"{item.path} has no location")
    return item.location


def _files(item: StoreItem) -> Iterator[str]:
    """The files of an item, relative to it."""
    top = _place(item)
    for directory, _, names in os.walk(top):
        below = os.path.relpath(directory, top)
        yield from (posixpath.normpath(posixpath.join(below, name)) for name in names)


def _without_duplicates(made: Sequence[StoreItem], contents: Mapping[str, Sequence[str]]) -> Iterator[StoreItem]:
    """The items, of which each shows what no earlier one shows: of two files with one name the first counts."""
    first: dict[str, StoreItem] = {}
    for item in made:
        hidden = [path for path in contents[item.path.name] if path in first]
        for path in hidden:
            other = first[path]
            if (_place(item) / path).read_bytes() != (_place(other) / path).read_bytes():
                notice(f"{TOP}/{path} is that of {other.path.name}; {item.path.name} has another one")
        first |= {path: item for path in contents[item.path.name] if path not in first}
        yield replace(item, shown=ShownFiles(tuple(hidden), top=TOP)) if hidden else item


def _contradictions(
    made: Sequence[StoreItem], contents: Mapping[str, Sequence[str]], system: SystemResult
) -> Iterator[Issue]:
    """Files where the rest of the system has a directory, or the reverse."""
    kinds = {entry.path: entry.kind for entry in system.entries}
    for item in made:
        for path in contents[item.path.name]:
            place = f"{TOP}/{path}"
            if kinds.get(place) is Kind.DIRECTORY:
                yield Issue(_WHERE, f"{item.path.name} has a file at {place}, which is a directory")
            above = posixpath.dirname(place)
            while above != TOP and above != "/":
                if kinds.get(above, Kind.DIRECTORY) is not Kind.DIRECTORY:
                    yield Issue(_WHERE, f"{item.path.name} has {place}, and {above} is no directory")
                above = posixpath.dirname(above)


def _missing_libraries(
    made: Sequence[StoreItem], contents: Mapping[str, Sequence[str]], system: SystemResult, architecture: str
) -> Iterator[Issue]:
    """Libraries that the dynamic linker will not find, for a wheel's files where they stand.

    Wheels are not relinked: a library of theirs is found through its own RUNPATH, and one of the system's in /usr.
    """
    target = ELF_TARGETS[architecture]
    own = {f"{TOP}/{path}" for item in made for path in contents[item.path.name]}
    shown = [item for item in system.items if item.shown is not None and item.location is not None]
    provided: dict[str, bool] = {}

    def in_system(name: str) -> bool:
        if name not in provided:
            provided[name] = any(
                os.path.lexists(_place(item) / directory / name) for item in shown for directory in target.directories
            )
        return provided[name]

    for item in made:
        lacking: dict[str, str] = {}
        inside = {posixpath.basename(path) for path in contents[item.path.name]}
        for path in contents[item.path.name]:
            try:
                elf = read_elf(_place(item) / path)
            except ElfError as error:
                notice(f"{TOP}/{path} of {item.path.name} cannot be read as a program: {error}")
                continue
            if elf is None:
                continue
            if elf.machine != target.machine:
                yield Issue(_WHERE, f"{item.path.name}: {TOP}/{path} is for another architecture than {architecture}")
                continue
            origin = posixpath.dirname(f"{TOP}/{path}")
            places = [one.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for one in elf.runpath]
            for name in elf.needed:
                found = any(posixpath.normpath(f"{place}/{name}") in own for place in places)
                # What another library of the wheel has loaded already counts for all: wheels rely on it.
                if not found and name not in inside and not in_system(name):
                    lacking.setdefault(name, path)
        for name, path in sorted(lacking.items()):
            hint = _PACKAGES.get(name)
            add = f'add "{hint}" to "packages"' if hint else 'add the Debian package that has it to "packages"'
            yield Issue(_WHERE, f"{item.path.name}: {path} needs {name}, which the image lacks: {add}")


_PACKAGES = {
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
