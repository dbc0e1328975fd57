"""Files and directories with a temporary name: until they are whole, or as long as they are needed.

A lock on it (flock(2)) is held while it is written, and ends with the process however that ends. The next run removes
what no process holds: what a killed one left. Where a file system has no such locks, age decides.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from sysimage.files.directory_tree import remove_tree
from sysimage.files.locks import lock, try_lock
from sysimage.signals import when_ending

TEMPORARY = r"\.[0-9a-f]{12}\.part"
"""How the names of temporary files and drafts end, as a regular expression."""
_LONGEST = 200
"""Bytes of a file's name that the name of its temporary file repeats; a name has at most 255."""

_CERTAINLY_DEAD = 24 * 60 * 60
"""Age in seconds after which a temporary file counts as abandoned on a file system without locks."""


@contextlib.contextmanager
def temporary_file(path: Path, *, private: bool = False) -> Iterator[tuple[Path, int]]:
    """A new file beside ``path`` and a descriptor of it, locked; removed when this ends, unless it was renamed."""
    fd = None
    while fd is None:
        temporary = temporary_name(path)
        try:  # before the file is there: a signal may end us as soon as it is
            fd = _create(temporary, private=private)
            if fd is not None:
                with when_ending(partial(temporary.unlink, missing_ok=True)):  # though we may be stuck in a write
                    yield temporary, fd
        finally:
            temporary.unlink(missing_ok=True)
            if fd is not None:
                os.close(fd)


@contextlib.contextmanager
def scratch_directory(above: Path, prefix: str) -> Iterator[Path]:
    """A new directory ``above/prefix…`` for us alone as long as this is open; those of dead runs are removed first."""
    sweep(above, re.escape(prefix) + ".*")
    with _new_directory(above, lambda: prefix + secrets.token_hex(6), 0o700) as directory:
        yield directory


@contextlib.contextmanager
def temporary_directory(path: Path, *, private: bool = False) -> Iterator[Path]:
    """A new directory beside ``path``, to be renamed to it when it is whole; removed where it was not."""
    mode = 0o700 if private else 0o777
    with _new_directory(path.parent, lambda: temporary_name(path).name, mode) as directory:
        yield directory


@contextlib.contextmanager
def _new_directory(above: Path, name: Callable[[], str], mode: int) -> Iterator[Path]:
    """A directory under a fresh name, held until this ends and removed then."""
    while True:
        directory = above / name()
        directory.mkdir(mode)
        try:
            fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # swept at once
        lock(fd)  # waits for a process that sweeps now; the check below shows what it removed
        if os.path.lexists(directory):
            break
        os.close(fd)  # swept between the two calls
    try:
        yield directory
    finally:
        try:
            remove_tree(directory)  # while the lock is held, so that no other process starts to
        finally:
            os.close(fd)


def sweep_beside(path: Path) -> None:
    """Remove what killed writers of ``path`` left beside it."""
    sweep(path.parent, re.escape(f".{_short(path)}") + TEMPORARY)


def sweep(directory: Path, pattern: str = r"\..+" + TEMPORARY) -> None:
    """Remove what dead runs left in ``directory`` under names that match ``pattern`` whole, by default those of
    `temporary_file` and `temporary_directory`. Files of running processes and of other users are kept."""
    for path in dead(directory, pattern):
        with contextlib.suppress(OSError):
            remove_tree(path)


@contextlib.contextmanager
def swept_after_error(sweep: Callable[[], object]) -> Iterator[None]:
    """For work of other processes: after an error, ``sweep`` removes the unfinished files that they left."""
    try:
        yield
    except BaseException:
        sweep()
        raise


def dead(directory: Path, pattern: str) -> Iterator[Path]:
    """What `sweep` would remove; each is locked against other sweeps until the next one is requested."""
    whole = re.compile(pattern, re.DOTALL)
    try:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in entries if whole.fullmatch(entry.name)]
    except OSError:
        return
    for name in names:
        try:
            # Not blocked by a pipe of that name, and led nowhere by a link.
            fd = os.open(directory / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            if _is_dead(fd, directory):
                yield directory / name
        finally:
            os.close(fd)


def _is_dead(fd: int, directory: Path) -> bool:
    status = os.fstat(fd)
    if status.st_uid != os.geteuid():
        return False
    locked = try_lock(fd)
    if locked is None:
        return _now(directory) - status.st_mtime > _CERTAINLY_DEAD
    return locked


def _now(directory: Path) -> float:
    """The time by the clock of a directory's file system."""
    import tempfile  # hardly ever needed

    with tempfile.TemporaryFile(dir=directory) as probe:
        return os.fstat(probe.fileno()).st_mtime


def create_temporary(path: Path, *, private: bool) -> tuple[Path, int]:
    """A new file beside ``path`` and a descriptor of it, locked until that is closed; renamed or removed by the caller.

    Only its owner can read it if ``private``; otherwise the umask decides.
    """
    while True:
        temporary = temporary_name(path)
        if (fd := _create(temporary, private=private)) is not None:
            return temporary, fd


def _create(temporary: Path, *, private: bool) -> int | None:
    """A descriptor of a new file, locked; None if it was swept before that."""
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600 if private else 0o666)
    with contextlib.ExitStack() as opened:
        opened.callback(os.close, fd)
        lock(fd)  # a process that sweeps at this moment is waited for, and seen afterwards
        if not os.fstat(fd).st_nlink:
            return None
        opened.pop_all()
    return fd


def temporary_name(path: Path) -> Path:
    """A name beside ``path`` that nothing has, and that `sweep` knows."""
    return path.with_name(f".{_short(path)}.{secrets.token_hex(6)}.part")


def _short(path: Path) -> str:
    return os.fsencode(path.name)[:_LONGEST].decode("utf-8", "ignore")
