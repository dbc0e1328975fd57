"""Locks among processes (flock(2)). The kernel releases a lock with its process, however that ends.

On a file system without locks, waiting for a lock succeeds at once, and a test whether one is free says no.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from sysimage.files.user_cache import cannot_use_cache, make_cache

_CACHE_LOCK = "lock"


def lock(fd: int, *, shared: bool = False) -> None:
    """Lock an open file until it is closed; waits for another process that has it."""
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(fd, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def try_lock(fd: int) -> bool | None:
    """Lock an open file until it is closed: False if another process has it, None if the file system has no locks."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextlib.contextmanager
def locked_directory(directory: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """While this is open no other process has the lock on the directory; ``waiting`` is called where one has it first.

    A directory that may not be read is not locked.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(PermissionError):
            fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            held.callback(os.close, fd)
            if try_lock(fd) is False:
                waiting()
                lock(fd)
        yield


@contextlib.contextmanager
def locked_name(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock that is the file at ``path``, which is there as long as the lock is held.

    Without ``wait``, False where another process has it, or may have it.
    """
    while True:
        with path.open("wb") as file:
            if wait:
                lock(file.fileno())
            elif not try_lock(file.fileno()):
                yield False
                return
            # The process that held it has removed the file: a lock on a file without a name excludes no process.
            if not is_at(file.fileno(), path):
                continue
            try:
                yield True
            finally:
                path.unlink(missing_ok=True)
            return


def is_at(fd: int, path: Path) -> bool:
    """Whether the file at ``path`` is the one that is open."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(fd), there)


@contextlib.contextmanager
def in_use(directory: Path, *, private: bool = False) -> Iterator[None]:
    """While this is open, no process is `alone` with the directory, which is made if it is not there."""
    make_cache(directory, private=private)
    try:
        file = (directory / _CACHE_LOCK).open("ab")
    except OSError as error:
        raise cannot_use_cache(directory, error) from error
    with file:
        lock(file.fileno(), shared=True)
        yield


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[bool]:
    """Whether certainly no process uses the directory; if so, none begins to while this is open."""
    with (directory / _CACHE_LOCK).open("ab") as file:
        yield try_lock(file.fileno()) is True
