"""Finds the jars that a spec names, and where each is to be."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sysimage.errors import Issue, MachineError, SpecError
from sysimage.rules.paths import as_parts, path_fault
from sysimage.spec.check_sources import source_root
from sysimage.spec.java import Java
from sysimage.spec.json_text import pointer

_SUFFIX = ".jar"
_WHITEOUT = ".wh."
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar on this machine."""

    path: str
    """Where it is to be, relative to the directory of all jars in the image."""
    place: Path
    sha256: str
    """Of its bytes, in hex."""
    where: str
    """The place in the spec that names it, or its directory."""
    is_named: bool
    """Whether the spec names it by itself, as it does an application's own."""

    @property
    def name(self) -> str:
        return self.place.name


@dataclass(frozen=True, slots=True)
class FoundJars:
    """What the directories of a spec hold."""

    jars: tuple[Jar, ...]
    """Sorted by where they are to be."""
    left_out: tuple[str, ...]
    """A sentence about each directory with other files."""


def find_jars(java: Java, spec_dir: Path, taken: tuple[Path, ...] = ()) -> FoundJars:
    """The jars of a spec; a `SpecError` with every fault. Other files are left out without being named if they are
    below what is ``taken`` into the image otherwise."""
    search = _Search(spec_dir, taken)
    for index, source in enumerate(java.jars):
        search.add(source, pointer("java", "jars", index))
    if search.issues:
        raise SpecError("cannot use the jars of the spec", issues=search.issues)
    return FoundJars(tuple(search.found[path] for path in sorted(search.found)), tuple(search.left_out))


@dataclass
class _Search:
    spec_dir: Path
    taken: tuple[Path, ...]
    found: dict[str, Jar] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, source: str, where: str) -> None:
        top = self.spec_dir / source
        try:
            if not top.is_dir():
                self._jar(top, top.name, where, is_named=True)
                return
            files = list(_files(top))
            jars = [place for place in files if place.suffix.lower() == _SUFFIX]
            for place in jars:
                self._inside(place, source, place.relative_to(top).as_posix(), where)
        except OSError as error:
            raise MachineError(f"cannot read the jars {top}: {error.strerror}: {error.filename}") from None
        if not jars:
            self.issues.append(Issue(where, f"no jar is in {source}"))
        elif others := [place for place in files if place.suffix.lower() != _SUFFIX and not self._is_taken(place)]:
            names = ", ".join(place.relative_to(top).as_posix() for place in others[:_SHOWN])
            more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
            self.left_out.append(
                f'{source} holds what is not a jar and is left out: {names}{more}; "trees" takes other files'
            )

    def _is_taken(self, place: Path) -> bool:
        return any(place.is_relative_to(one) for one in self.taken)

    def _inside(self, place: Path, source: str, path: str, where: str) -> None:
        root = source_root(self.spec_dir, source)
        if not place.exists():
            self.issues.append(Issue(where, f"{place} is a link to nothing"))
        elif not place.resolve().is_relative_to(root):
            self.issues.append(Issue(where, f"{place} is a link that leads out of the spec's directory"))
        elif place.is_file():
            self._jar(place, path, where)

    def _jar(self, place: Path, path: str, where: str, *, is_named: bool = False) -> None:
        if fault := _fault(path):
            self.issues.append(Issue(where, f"{place.parent} has a jar whose name {fault}"))
            return
        with place.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        other = self.found.setdefault(path, Jar(path, place, sha256, where, is_named))
        if other.sha256 != sha256:
            self.issues.append(Issue(where, f"{place} and {other.place} are different jars for one place: {path}"))


def _files(top: Path) -> Iterator[Path]:
    """Everything below a directory but directories, in a fixed order; links to directories are not followed."""

    def refuse(error: OSError) -> None:
        raise error

    for directory, directories, names in os.walk(top, onerror=refuse):
        directories.sort()
        links = [name for name in directories if (Path(directory) / name).is_symlink()]
        yield from (Path(directory) / name for name in sorted((*names, *links)))


def _fault(path: str) -> str | None:
    try:
        path.encode()
    except UnicodeEncodeError:
        return "is not UTF-8"
    if any(part.startswith(_WHITEOUT) for part in path.split("/")):
        return f'begins with "{_WHITEOUT}": layers mark deleted files so'
    return path_fault(as_parts(f"/{path}"))
