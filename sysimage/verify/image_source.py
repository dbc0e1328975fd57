"""Where an image is: an archive or an OCI layout directory, read in place. Nothing is ever extracted.

An archive that is compressed as a whole, as Guix writes them and as engines load them, is decompressed into an unnamed
temporary file first: its members are read in any order.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Protocol, Self

from sysimage.errors import IntegrityError
from sysimage.verify.chunk_stream import CHUNK, ChunkStream
from sysimage.verify.compression import decompressed_archive
from sysimage.verify.issue_collector import MalformedError, escaped
from sysimage.verify.limits import Limits
from sysimage.verify.tar import MemberKind, read_members

_MOST_LINKS = 8
_HEADER_CHUNK = 1 << 16
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class ImageSource(Protocol):
    """Named files, read in any order and from several threads."""

    complete: bool
    """Whether every file in it belongs to the image: an archive has one image, a layout directory may have several."""
    distant: bool
    """Whether reading costs a download."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def names(self) -> tuple[str, ...]:
        """The regular files, sorted; for a directory only those at the top."""
        ...

    def size(self, name: str) -> int | None:
        """Bytes, or None where there is no such regular file."""
        ...

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content."""
        ...

    def read(self, name: str, most: int) -> bytes:
        """The content, whole; a MalformedError when it is absent or has more than ``most`` bytes."""
        ...


class ImagePlace(Protocol):
    """Where an image is that is not in a file or directory, such as a registry. Its text is the image's name."""

    def open(self, limits: Limits) -> ImageSource:
        """Open it for reading."""
        ...


class _Opened:
    """A descriptor that is closed at the end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._descriptor)


class TarImageSource(_Opened):
    """A tar, perhaps compressed: an OCI layout, a docker-archive, or both at once."""

    complete = True
    distant = False

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        try:
            self._decompress(limits)
            self._members = self._index(limits)
        except MalformedError as error:
            os.close(self._descriptor)
            raise IntegrityError(f"cannot read {path}: the archive {error}") from None
        except BaseException:
            os.close(self._descriptor)
            raise

    def _decompress(self, limits: Limits) -> None:
        """Take the content of a compressed archive in its place."""
        size = os.fstat(self._descriptor).st_size
        content = decompressed_archive(_file_chunks(self._descriptor, 0, size), limits)
        if content is None:
            return
        with tempfile.TemporaryFile() as spool:
            left = limits.uncompressed_size
            for chunk in content:
                left -= len(chunk)
                if left < 0:
                    raise MalformedError("grows beyond what an image may have")
                spool.write(chunk)
            os.dup2(spool.fileno(), self._descriptor, inheritable=False)  # and whole when the other one is closed

    def _index(self, limits: Limits) -> dict[str, tuple[int, int]]:
        stream = _FileStream(self._descriptor)
        found: dict[str, tuple[int, int]] = {}
        links: dict[str, str] = {}
        everything: set[str] = set()
        for member in read_members(stream, limits):
            name = member.name[1:]
            if name in everything:
                raise MalformedError(f"has two members {name}")
            everything.add(name)
            if len(everything) > limits.archive_members:
                raise MalformedError(f"has more than {limits.archive_members} members")
            if member.segments is not None:
                raise MalformedError(f"has a sparse file at {name}, where only whole files belong")
            if member.kind is MemberKind.FILE:
                found[name] = (stream.offset, member.size)
            elif member.kind in (MemberKind.SYMLINK, MemberKind.HARD_LINK):
                above = PurePosixPath(name).parent if member.kind is MemberKind.SYMLINK else PurePosixPath()
                links[name] = os.path.normpath(above / member.link.decode("utf-8", "surrogateescape"))
            elif member.kind is not MemberKind.DIRECTORY:
                raise MalformedError(f"has a {member.kind.value} at {name}, where only files belong")
        # Docker saves a layer that an image has twice as a file and a link to it. None is followed out of the archive.
        for name in links:
            target = name
            for _ in range(_MOST_LINKS):
                target = links.get(target, target)
            if target in found:
                found[name] = found[target]
        return found

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._members))

    def size(self, name: str) -> int | None:
        return self._members[name][1] if name in self._members else None

    def chunks(self, name: str) -> Iterator[bytes]:
        offset, size = self._members[name]
        return _file_chunks(self._descriptor, offset, offset + size)

    def read(self, name: str, most: int) -> bytes:
        return _read(self, name, most)


class LayoutImageSource(_Opened):
    """An OCI image layout in a directory. No symlink in it is followed."""

    complete = False
    distant = False

    def __init__(self, path: Path) -> None:
        super().__init__(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def names(self) -> tuple[str, ...]:
        return tuple(
            sorted(
                name
                for name in os.listdir(self._descriptor)  # noqa: PTH208
                if self.size(name) is not None
            )
        )

    def size(self, name: str) -> int | None:
        with suppress(OSError):
            descriptor = self._open(name)
            try:
                return os.fstat(descriptor).st_size
            finally:
                os.close(descriptor)
        return None

    def chunks(self, name: str) -> Iterator[bytes]:
        descriptor = self._open(name)
        try:
            yield from _file_chunks(descriptor, 0, os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)

    def read(self, name: str, most: int) -> bytes:
        return _read(self, name, most)

    def _open(self, name: str) -> int:
        *directories, last = name.split("/")
        above = os.dup(self._descriptor)
        try:
            for directory in directories:
                below = os.open(directory, _OPEN_FLAGS | os.O_DIRECTORY, dir_fd=above)
                os.close(above)
                above = below
            descriptor = os.open(last, _OPEN_FLAGS, dir_fd=above)
        finally:
            os.close(above)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(f"{name} is not a regular file")
        return descriptor


class _FileStream(ChunkStream):
    """A file as a stream that seeks over what is skipped."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._length = os.fstat(descriptor).st_size
        super().__init__(iter(()))

    def _more(self) -> bool:
        self._before += len(self._chunk)
        self._at = 0
        self._chunk = os.pread(self._descriptor, _HEADER_CHUNK, self._before)
        return bool(self._chunk)

    def skip(self, size: int) -> None:
        target = self.offset + size
        if target > self._length:
            raise MalformedError(f"ends {target - self._length} bytes early, inside a file's content")
        if target <= self._before + len(self._chunk):
            self._at = target - self._before
        else:
            self._before, self._chunk, self._at = target, b"", 0


def _file_chunks(descriptor: int, begin: int, end: int) -> Iterator[bytes]:
    while chunk := os.pread(descriptor, min(CHUNK, end - begin), begin):
        begin += len(chunk)
        yield chunk


def _read(source: ImageSource, name: str, most: int) -> bytes:
    size = source.size(name)
    if size is None:
        raise MalformedError(f"has no file {escaped(name)}")
    if size > most:
        raise MalformedError(f"has {size} bytes in {escaped(name)}; more than {most} are not read")
    return b"".join(source.chunks(name))
