"""Files and directories that appear whole or not at all: temporary name, fsync, rename."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from sysimage.files.temporary import temporary_directory, temporary_file


@contextlib.contextmanager
def atomic_file(path: Path, *, durable: bool, private: bool = False) -> Iterator[int]:
    """A descriptor of a new file, open for reading and writing, that takes its place at ``path`` when all went well.

    Until then what is at ``path`` stays untouched; after an error nothing is left. A ``durable`` file survives a power
    failure once this is over; another may be lost or cut short by one. Only its owner can read a
    ``private`` file; the umask decides for any other.
    """
    with temporary_file(path, private=private) as (temporary, fd):
        yield fd
        put_in_place(fd, temporary, path, durable=durable)  # still locked: no other process takes it for a dead one's


def put_in_place(fd: int, temporary: Path, path: Path, *, durable: bool) -> None:
    """Rename a file that is open and whole to ``path``; if ``durable``, its content comes first and its name last."""
    if durable:
        os.fsync(fd)
    temporary.rename(path)
    if durable:
        sync(path.parent)


def atomic_write(path: Path, data: bytes, *, durable: bool, private: bool = False) -> None:
    """Write a file that is seen whole or not at all; the parameters are those of `atomic_file`."""
    with atomic_file(path, durable=durable, private=private) as fd:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]


@contextlib.contextmanager
def atomic_directory(path: Path, *, durable: bool, private: bool = False) -> Iterator[Path]:
    """A new directory that is renamed to ``path`` when all went well; what is in it is made durable by its writers.

    An empty directory at ``path`` is replaced. ``durable`` holds for the names in the new directory and for its own.
    """
    with temporary_directory(path, private=private) as draft:
        yield draft
        if durable:
            sync(draft)
        draft.rename(path)
        if durable:
            sync(path.parent)


def sync(path: Path) -> None:
    """Make the content of a file, or the names in a directory, durable."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_filesystem(directory: Path) -> None:
    """Make everything on a directory's file system durable (syncfs(2)): one call for many small files."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _LIBC.syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(directory))
    finally:
        os.close(fd)


_LIBC = ctypes.CDLL(None, use_errno=True)
