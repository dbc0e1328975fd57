"""A file tree as a value: what is at each image path, with owners and modes that need no privilege to write down."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import Issue, SysimageError
from sysimage.rules.paths import directories_above
from sysimage.store.paths import StorePath


class TreeError(SysimageError):
    """Entries that cannot be in one tree; the issues name both origins of every conflict."""


def is_normalised(path: str) -> bool:
    """Whether ``path`` is an image path: absolute, without ``.``, ``..``, NUL, doubled or trailing slashes."""
    if path == "/":
        return True
    start, *parts = path.split("/")
    return not start and bool(parts) and _NO_NAMES.isdisjoint(parts) and "\0" not in path


_NO_NAMES = frozenset(("", ".", ".."))


class Kind(enum.Enum):
    DIRECTORY = "dir"
    FILE = "file"
    SYMLINK = "symlink"


NOBODYS = "sysimage"
"""The owner of entries that the spec does not name: directories that every root has, and parents."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is at one image path. Use the three constructors `directory`, `file` and `symlink`."""

    path: str
    """Image path: absolute, normalised, without a trailing slash; ``/`` is the root itself."""
    kind: Kind
    mode: int
    """Permission bits, set-user-ID, set-group-ID and sticky included: at most 0o7777."""
    uid: int = 0
    gid: int = 0
    content: bytes | Path | None = None
    """A file's bytes, or the host file that holds them."""
    target: str | None = None
    """What a symlink says."""
    owner: str = NOBODYS
    """The origin of this entry: a JSON pointer into the spec, a store path, or ``sysimage``."""
    known_digest: Digest | None = field(default=None, compare=False)
    """Of the content, where a host file is known not to change, such as one of a store item."""
    item: StorePath | None = None
    """The store item from which this entry follows: it is in the layer of that item, if the image has one."""
    capabilities: bytes = b""
    """What a file's program may do, whichever user starts it: the value of its attribute ``security.capability``."""
    attributes: tuple[tuple[bytes, bytes], ...] = ()
    """The pax records of a directory's extended attributes, as a base image has them, sorted."""

    def __post_init__(self) -> None:
        if not is_normalised(self.path):
            raise ValueError(f"not a normalised absolute path: {self.path!r}")
        if not 0 <= self.mode <= 0o7777:
            raise ValueError(f"mode of {self.path} is {self.mode:o}")
        if self.capabilities and self.kind is not Kind.FILE:
            raise ValueError(f"{self.path}: only a file has capabilities")
        if self.attributes and self.kind is not Kind.DIRECTORY:
            raise ValueError(f"{self.path}: only a directory has attributes of a base")
        if (self.kind is Kind.FILE) != (self.content is not None) or (self.kind is Kind.SYMLINK) != (
            self.target is not None
        ):
            raise ValueError(f"{self.path}: only a file has content, only a symlink has a target")
        if self.target is not None and (not self.target or "\0" in self.target):
            raise ValueError(f"not what a symlink can say, at {self.path}: {self.target!r}")

    @classmethod
    def directory(cls, path: str, mode: int = 0o755, uid: int = 0, gid: int = 0, owner: str = NOBODYS) -> Entry:
        return cls(path, Kind.DIRECTORY, mode, uid, gid, owner=owner)

    @classmethod
    def file(
        cls, path: str, content: bytes | Path, mode: int = 0o644, uid: int = 0, gid: int = 0, owner: str = NOBODYS
    ) -> Entry:
        return cls(path, Kind.FILE, mode, uid, gid, content=content, owner=owner)

    @classmethod
    def symlink(cls, path: str, target: str, uid: int = 0, gid: int = 0, owner: str = NOBODYS) -> Entry:
        return cls(path, Kind.SYMLINK, 0o777, uid, gid, target=target, owner=owner)

    def size(self) -> int:
        """Bytes of the content; 0 for what is not a file."""
        if isinstance(self.content, Path):
            return self.content.stat().st_size
        return len(self.content or b"")

    def digest(self) -> Digest:
        """SHA-256 of a file's content, which is read for it unless that is known."""
        if self.known_digest is not None:
            return self.known_digest
        if isinstance(self.content, Path):
            with self.content.open("rb") as file:
                return Digest.of_file(file)
        return Digest.of(self.read())

    def read(self) -> bytes:
        """The content of a file, whole."""
        if self.content is None:
            raise ValueError(f"{self.path} is not a file")
        return self.content.read_bytes() if isinstance(self.content, Path) else self.content


class RootTree:
    """Entries by image path, sorted as tuples of components, so that a directory comes right before what it holds.

    Parents without a declaration are added as root's, 0755. Two entries at one path, an entry below something that is
    not a directory, and names beginning with ``.wh.`` (a layer's whiteouts) raise `TreeError`, all at once. A directory
    may be declared twice if both say the same.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        by_path: dict[str, Entry] = {}
        issues = []
        for entry in entries:
            if "/.wh." in entry.path:
                issues.append(Issue(entry.path, f"a layer would read this name as a whiteout (from {entry.owner})"))
            other = by_path.setdefault(entry.path, entry)
            if other is not entry and not _agree(other, entry):
                issues.append(Issue(entry.path, f"declared by {other.owner} and, differently, by {entry.owner}"))
        for path in sorted(by_path):
            entry = by_path[path]
            for parent in directories_above(path):
                above = by_path.get(parent)
                if above is None:
                    above = by_path[parent] = Entry.directory(parent)
                if above.kind is not Kind.DIRECTORY:
                    issues.append(
                        Issue(path, f"is below {parent}, which is not a directory ({entry.owner} and {above.owner})")
                    )
        if issues:
            raise TreeError("cannot put the entries into one tree: they contradict each other", issues=issues)
        by_path.setdefault("/", Entry.directory("/"))
        self._by_path = {path: by_path[path] for path in sorted(by_path, key=_components)}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._by_path.values())

    def __len__(self) -> int:
        return len(self._by_path)

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def __getitem__(self, path: str) -> Entry:
        return self._by_path[path]

    def get(self, path: str) -> Entry | None:
        return self._by_path.get(path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RootTree) and self._by_path == other._by_path

    __hash__ = None  # type: ignore[assignment]


def _components(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/")) if path != "/" else ()


def _agree(one: Entry, other: Entry) -> bool:
    return one.kind is other.kind is Kind.DIRECTORY and (one.mode, one.uid, one.gid) == (
        other.mode,
        other.uid,
        other.gid,
    )
