"""How the rules see the files of an image, and where a path leads in them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from sysimage.rules.finding import escaped
from sysimage.rules.paths import Parts, as_parts, as_path
from sysimage.rules.programs import UNKNOWN_PROGRAM, Program

_MOST_LINKS = 40
"""That the kernel follows in one path."""
MADE_AT_BOOT = tuple(map(as_parts, ("/run", "/proc", "/dev", "/sys", "/tmp")))  # noqa: S108 - the image's
"""What is below is known only in a running system."""


class FileKind(enum.Enum):
    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "link"
    SPECIAL = "special file"


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What is at one path."""

    kind: FileKind
    mode: int
    """Permission bits."""
    link: bytes = b""
    """What a symlink says."""
    program: Callable[[], Program] = field(default=lambda: UNKNOWN_PROGRAM, compare=False)
    """Reads what the kernel would of an executable file."""


class Files(Protocol):
    """The files of an image, as the writer or the verifier reads them."""

    def at(self, parts: Parts) -> FileInfo | None:
        """What is at exactly this path, no link followed. What is above it are directories."""
        ...

    def names(self, parts: Parts) -> Iterable[bytes]:
        """The names in the directory at exactly this path, in any order; none where there is no directory."""
        ...


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """Where a path leads."""

    parts: Parts
    """Without links."""
    seen: FileInfo


@dataclass(frozen=True, slots=True)
class UnresolvedPath:
    """Why a path leads nowhere."""

    why: str
    """Completes the sentence "it cannot run, because …"."""
    at: Parts
    """Where nothing is, without links."""
    through_link: bool
    """Whether a link led there."""
    plainly: bool = False
    """Whether there is no more to say than that it is not there."""

    def is_below(self, places: Iterable[Parts]) -> bool:
        """Whether what is missing would be at or below one of the places."""
        return any(self.at[: len(place)] == place for place in places)


def _pieces(path: bytes) -> list[bytes]:
    """The parts of a path, last first. "." stays, and is what a slash at the end means: only a directory has it."""
    return [part for part in reversed((path + b"." if path.endswith(b"/") else path).split(b"/")) if part]


def resolve_path(files: Files, path: bytes, start: Parts = ()) -> ResolvedPath | UnresolvedPath:
    """Follow a path and its links as a process inside the image would; a relative one begins at ``start``."""
    todo = _pieces(path)
    at: list[bytes] = [] if path.startswith(b"/") else list(start)
    link, behind_link = "", 0  # the last link, and how much of the path is left behind what it says
    links = 0
    while todo:
        part = todo.pop()
        if part == b".":
            continue
        if part == b"..":
            del at[-1:]
            continue
        here = (*at, part)
        seen = files.at(here)
        if seen is None:
            missing = link if link and len(todo) >= behind_link else escaped(as_path(here))
            return UnresolvedPath(f"{missing} is not in the image", here, bool(links), not links)
        if seen.kind is FileKind.SYMLINK:
            links += 1
            if links > _MOST_LINKS:
                return UnresolvedPath(f"links lead in circles at {escaped(as_path(here))}", here, True)
            link, behind_link = f"{escaped(as_path(here))} is a link to {escaped(seen.link)}, which", len(todo)
            if seen.link.startswith(b"/"):
                at = []
            todo += _pieces(seen.link)
            continue
        if seen.kind is not FileKind.DIRECTORY and todo:
            return UnresolvedPath(
                f"{escaped(as_path(here))} is a {seen.kind.value}, no directory", (*here, todo[-1]), bool(links)
            )
        at.append(part)
    seen = files.at(tuple(at)) or FileInfo(FileKind.DIRECTORY, 0o755)
    return ResolvedPath(tuple(at), seen)
