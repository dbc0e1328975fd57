"""The root file system as scripts see it and change it: what the packages have, and the changes on top."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sysimage.rootfs.tree import Kind


@dataclass(frozen=True, slots=True)
class FileNode:
    """What is at one path."""

    kind: Kind
    mode: int = 0o755
    owner: str = "root"
    group: str = "root"
    """Names, or numbers as text."""
    content: bytes | Path | None = None
    """Of a file: its bytes, the file on this machine that holds them, or None where that is not known."""
    target: str | None = None
    """Of a symlink."""

    @classmethod
    def directory(cls, mode: int = 0o755) -> FileNode:
        return cls(Kind.DIRECTORY, mode)

    @classmethod
    def file(cls, content: bytes | Path | None, mode: int = 0o644) -> FileNode:
        return cls(Kind.FILE, mode, content=content)

    @classmethod
    def symlink(cls, target: str) -> FileNode:
        return cls(Kind.SYMLINK, 0o777, target=target)


class FileSource(Protocol):
    """What the packages have. Paths are absolute; no symlink among their parents is followed."""

    def node(self, path: str) -> FileNode | None: ...

    def names(self, path: str) -> Iterable[str]: ...

    def left_out(self, path: str) -> bool:
        """Whether a package has something there that the image lacks on purpose."""
        ...

    def files_of(self, package: str) -> Iterable[str] | None:
        """The paths of everything that a package has; None if that is not known."""
        ...


class RootFiles:
    """A file system whose changes are kept apart."""

    def __init__(self, source: FileSource) -> None:
        self._source = source
        self.changes: dict[str, FileNode | None] = {}
        """Real path → the file there now."""
        self.makers: dict[str, str] = {}
        self.maker = ""
        """The package whose script changes files now."""
        self.removed: list[str] = []
        """Files of packages that the last commands took away."""
        self._names: dict[str, set[str]] = {}
        self._unpacked_later: frozenset[str] = frozenset()

    @contextmanager
    def before_unpacking(self, package: str) -> Iterator[None]:
        """The files of a package do not exist yet. A file that is written at the path of one of them is replaced by it
        later."""
        paths = (self.real(path, follow=False) for path in self.files_of(package) or ())
        self._unpacked_later = frozenset(path for path in paths if path.count("/") > 1)  # links into /usr are there
        try:
            yield
        finally:
            for path in self._unpacked_later & self.changes.keys():
                node = self._source.node(path)
                if node is not None and node.kind is not Kind.DIRECTORY:
                    del self.changes[path]
            self._unpacked_later = frozenset()

    def real(self, path: str, *, follow: bool = True) -> str:
        """The path without symlinks on the way, and at its end if ``follow``; the rest of a path that does not exist is
        not changed."""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        done = ""
        left = 40
        while parts:
            part = parts.pop(0)
            if part == "..":
                done = posixpath.dirname(done).rstrip("/")
                continue
            here = f"{done}/{part}"
            node = self._at(here)
            if node is not None and node.target is not None and (parts or follow) and left:
                left -= 1
                if node.target.startswith("/"):
                    done = ""
                parts = [one for one in node.target.split("/") if one not in ("", ".")] + parts
            else:
                done = here
        return done or "/"

    def node(self, path: str, *, follow: bool = True) -> FileNode | None:
        """What is at a path; with ``follow`` never a symlink."""
        node = self._at(self.real(path, follow=follow))
        return None if follow and node is not None and node.target is not None else node  # links in a circle

    def is_directory(self, path: str, *, follow: bool = True) -> bool:
        """Whether a directory is at a path."""
        node = self.node(path, follow=follow)
        return node is not None and node.kind is Kind.DIRECTORY

    def left_out(self, path: str) -> bool:
        """Whether a package has something there that the image lacks on purpose."""
        return self._source.left_out(self.real(path, follow=False))

    def files_of(self, package: str) -> list[str] | None:
        """The sorted paths of everything that a package has; None if that is not known."""
        paths = self._source.files_of(package)
        return None if paths is None else sorted(paths)

    def _at(self, path: str) -> FileNode | None:
        if path in self.changes:
            return self.changes[path]
        if path == "/":
            return FileNode.directory()
        node = self._source.node(path)
        is_later = path in self._unpacked_later and node is not None and node.kind is not Kind.DIRECTORY
        return None if is_later else node

    def names(self, path: str) -> list[str]:
        """The sorted names in a directory."""
        real = self.real(path)
        names = {*self._source.names(real), *self._names.get(real, ())}
        prefix = real.rstrip("/")
        return sorted(name for name in names if self._at(f"{prefix}/{name}") is not None)

    def put(self, path: str, node: FileNode | None, *, follow: bool = False) -> None:
        """Put something at a path, or take it away; directories on the way are not made."""
        real = self.real(path, follow=follow)
        if node is not None and self._at(real) == node:
            return
        shipped = None if node is not None or real in self.changes else self._at(real)
        if shipped is not None and shipped.kind is not Kind.DIRECTORY:
            self.removed.append(real)
        self.changes[real] = node
        self.makers[real] = self.maker
        above, _, name = real.rpartition("/")
        self._names.setdefault(above or "/", set()).add(name)

    def change(self, path: str, *, follow: bool = True, **what: int | str) -> None:
        """Give what is at a path another ``mode``, ``owner`` or ``group``."""
        real = self.real(path, follow=follow)
        node = self._at(real)
        if node is not None:
            self.put(real, replace(node, **what))  # type: ignore[arg-type]

    def make_directories(self, path: str, mode: int = 0o755) -> None:
        """Make a directory and those above it; ``mode`` is the mode of the last directory."""
        real = self.real(path)
        above = posixpath.dirname(real)
        if self._at(real) is not None:
            return
        if real != "/":
            self.make_directories(above)
        self.put(real, FileNode.directory(mode))

    def remove(self, path: str) -> None:
        """Remove what is at a path, and everything below it."""
        real = self.real(path, follow=False)
        node = self._at(real)
        if node is None:
            return
        if node.kind is Kind.DIRECTORY:
            for name in self.names(real):
                self.remove(f"{real}/{name}")
        self.put(real, None)

    def below(self, path: str) -> list[str]:
        """A path and all below it, directories before what they hold; symlinks are not followed."""
        found = [path]
        if self.is_directory(path, follow=False):
            for name in self.names(path):
                found += self.below(f"{path.rstrip('/')}/{name}")
        return found

    def read(self, path: str) -> bytes | None:
        """The content of a file; None where it is not known."""
        node = self.node(path)
        content = None if node is None else node.content
        return content.read_bytes() if isinstance(content, Path) else content
