"""Files that appear whole or not at all, and bytes that go from file to file without passing through this process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import mmap
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from sysimage.errors import IntegrityError, MachineError

_PAGE = max(4096, mmap.PAGESIZE)
_WORTH_DIRECT = 256 << 10
"""Bytes below which a write past the page cache is not worth its wait."""
_NOT_THIS_WAY = {errno.EXDEV, errno.EINVAL, errno.EBADF, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}


@contextlib.contextmanager
def published(path: Path) -> Iterator[int]:
    """A descriptor of a new file, open for reading and writing, that takes its place at ``path`` when all went well.

    Until then what was at ``path`` stays untouched; after an error nothing is left. The file is durable before it is
    renamed. A symlink at ``path`` is followed, so what it points to is replaced. A pipe or a device, such as
    ``/dev/stdout``, is never replaced but written to.
    """
    if path.is_dir():
        raise MachineError(f"cannot write {path}: it is a directory")
    if path.exists() and not path.is_file():
        with _opened_for_writing(path) as fd:
            yield fd
        return
    path = path.resolve()
    _sweep(path)
    temporary = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}.part")
    try:
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)  # `_sweep` of another process sees that somebody lives
            yield fd
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _opened_for_writing(path: Path) -> Iterator[int]:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror}") from error


def _sweep(path: Path) -> None:
    """Remove what killed writers of this file left."""
    for stale in sorted(path.parent.glob(f".{glob.escape(path.name[:200])}.{'[0-9a-f]' * 12}.part")):
        with contextlib.suppress(OSError), stale.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stale.unlink()


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write to a file or a pipe, all of it."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def set_length(fd: int, size: int) -> None:
    """Give a new file its length, so that those who write at many places do not wait for one another to extend it."""
    if stat.S_ISREG(os.fstat(fd).st_mode):
        os.ftruncate(fd, size)


class PlacedWriter:
    """Writes at given places of an open file, past the page cache where that can be done.

    What was just hashed is not needed in memory again, and pages that are made only to be written to the disk cost as
    much as reading the files. Whole pages go straight to the disk; what begins or ends within a page goes through the
    cache, always, so that a page is never written in both ways. Where a file system refuses, everything does.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._direct: int | None = None
        with contextlib.suppress(OSError):
            self._direct = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave_direct()

    def _leave_direct(self) -> None:
        if self._direct is not None:
            os.close(self._direct)
            self._direct = None

    def write(self, data: bytes | memoryview, offset: int) -> int:
        """Write all of ``data`` at ``offset``; returns its length. Memory at a page's boundary goes best."""
        rest = memoryview(data)
        begin = -offset % _PAGE
        end = len(rest) - (offset + len(rest)) % _PAGE
        if self._direct is None or end - begin < _WORTH_DIRECT:
            return self._write_through_cache(rest, offset)
        self._write_through_cache(rest[:begin], offset)
        done = begin
        while self._direct is not None and done < end and done % _PAGE == begin:
            try:
                done += os.pwrite(self._direct, rest[done:end], offset + done)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                self._leave_direct()
        self._write_through_cache(rest[done:], offset + done)
        return len(rest)

    def _write_through_cache(self, data: memoryview, offset: int) -> int:
        done = 0
        while done < len(data):
            done += os.pwrite(self._fd, data[done:], offset + done)
        return done


def copy_all(source: int, target: int, size: int) -> None:
    """Append the ``size`` bytes of an open file to another file or a pipe, in the kernel where it can do that.

    A source that is shorter is an `IntegrityError`.
    """
    done = 0
    for copy in (_copy_file_range, _sendfile, _read_and_write):
        try:
            while done < size:
                count = copy(source, target, done, min(size - done, 1 << 30))
                if count == 0:
                    raise IntegrityError(f"cannot copy a blob: it ends after {done} of {size} bytes")
                done += count
        except OSError as error:
            if copy is _read_and_write or error.errno not in _NOT_THIS_WAY:
                raise
        else:
            return


def _copy_file_range(source: int, target: int, offset: int, count: int) -> int:
    return os.copy_file_range(source, target, count, offset_src=offset)


def _sendfile(source: int, target: int, offset: int, count: int) -> int:
    return os.sendfile(target, source, offset, count)


def _read_and_write(source: int, target: int, offset: int, count: int) -> int:
    data = os.pread(source, min(count, 1 << 20), offset)
    write_all(target, data)
    return len(data)
