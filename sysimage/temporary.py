"""Files and directories under a name of their own until they are whole, or as long as they are needed.

A lock on it (flock(2)) is held while it is written, and ends with the process however that ends. The next run removes
what no process holds: what a killed one left. Where a file system has no such locks, age decides.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from sysimage.signals import when_ending

TEMPORARY = r"\.[0-9a-f]{12}\.part"
"""How the names of temporary files and drafts end, as a regular expression."""
_LONGEST = 200
"""Bytes of a file's name that its temporary twin repeats; a name has at most 255."""

_CERTAINLY_DEAD = 24 * 60 * 60
"""Seconds after which something is nobody's where no lock can tell."""


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = 0o666, durable: bool = True) -> Iterator[int]:
    """A descriptor of a new file, open for reading and writing, that takes its place at ``path`` when all went well.

    Until then what is at ``path`` stays untouched; after an error nothing is left. ``mode`` is less what the umask
    takes. What need not be ``durable`` may be lost when the machine's power is.
    """
    with temporary_file(path, mode=mode) as (temporary, fd):
        yield fd
        if durable:
            os.fsync(fd)
        temporary.rename(path)  # while the lock is held: nobody takes it for a dead one's
        if durable:
            sync_directory(path.parent)


@contextlib.contextmanager
def temporary_file(path: Path, *, mode: int = 0o666) -> Iterator[tuple[Path, int]]:
    """A new file beside ``path`` and a descriptor of it; removed when this ends, unless it was renamed."""
    temporary, fd = _created(path, mode)
    try:
        with when_ending(lambda: temporary.unlink(missing_ok=True)):  # though we may be stuck in a write
            yield temporary, fd
    finally:
        temporary.unlink(missing_ok=True)
        os.close(fd)


def write_whole(path: Path, data: bytes, *, mode: int = 0o666, durable: bool = True) -> None:
    """Write a file that is seen whole or not at all; as with `replacing`."""
    with replacing(path, mode=mode, durable=durable) as fd:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]


@contextlib.contextmanager
def scratch_directory(above: Path, prefix: str) -> Iterator[Path]:
    """A new directory ``above/prefix…`` for us alone as long as this is open; those of dead runs are removed first."""
    sweep(above, re.escape(prefix) + ".*")
    with _new_directory(above, lambda: prefix + secrets.token_hex(6), 0o700) as directory:
        yield directory


@contextlib.contextmanager
def draft_directory(path: Path) -> Iterator[Path]:
    """A new directory beside ``path``, to be renamed to it when it is whole; removed where it was not."""
    with _new_directory(path.parent, lambda: f".{_short(path)}.{secrets.token_hex(6)}.part", 0o777) as directory:
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
        _hold(fd)
        if os.path.lexists(directory):
            break
        os.close(fd)  # swept between the two calls
    try:
        yield directory
    finally:
        try:
            remove_tree(directory)  # while the lock is held: nobody else begins to
        finally:
            os.close(fd)


def sweep_beside(path: Path) -> None:
    """Remove what killed writers of ``path`` left beside it."""
    sweep(path.parent, re.escape(f".{_short(path)}") + TEMPORARY)


def sweep(directory: Path, pattern: str = r"\..+" + TEMPORARY) -> None:
    """Remove what dead runs left in ``directory`` under names that match ``pattern`` whole, by default everything of
    `replacing` and `draft_directory`. What a living process holds stays, and so does what is another user's."""
    for path in dead(directory, pattern):
        with contextlib.suppress(OSError):
            remove_tree(path)


def dead(directory: Path, pattern: str) -> Iterator[Path]:
    """What `sweep` would remove; nobody else takes it for dead until the next one is asked for."""
    whole = re.compile(pattern, re.DOTALL)
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if whole.fullmatch(entry.name))
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
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks here
        return _now(directory) - status.st_mtime > _CERTAINLY_DEAD
    return True


def _now(directory: Path) -> float:
    """The time by the clock of a directory's file system."""
    import tempfile  # hardly ever needed

    with tempfile.TemporaryFile(dir=directory) as probe:
        return os.fstat(probe.fileno()).st_mtime


def _created(path: Path, mode: int) -> tuple[Path, int]:
    while True:
        temporary = path.with_name(f".{_short(path)}.{secrets.token_hex(6)}.part")
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        _hold(fd)
        if os.fstat(fd).st_nlink:
            return temporary, fd
        os.close(fd)  # swept between the two calls


def _hold(fd: int) -> None:
    with contextlib.suppress(OSError):  # no locks here
        fcntl.flock(fd, fcntl.LOCK_EX)  # whoever sweeps at this moment is waited for, and seen afterwards


def _short(path: Path) -> str:
    return os.fsencode(path.name)[:_LONGEST].decode("utf-8", "ignore")


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_tree(top: Path) -> None:
    """Remove ``top`` and everything below it, read-only directories too. Nothing there is fine."""
    try:
        top_mode = os.lstat(top).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(top_mode):
        top.unlink()
        return
    for path, mode in walk_down(str(top), top_mode):
        if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
            os.chmod(path, 0o700)  # noqa: PTH101
    shutil.rmtree(top)


def walk_down(top: str, mode: int) -> Iterator[tuple[str, int]]:
    """Path and mode of everything at and below ``top``, every directory before it is opened: the consumer may change
    its mode first."""
    stack = [(top, mode)]
    while stack:
        path, mode = stack.pop()
        yield path, mode
        if stat.S_ISDIR(mode):
            with os.scandir(path) as entries:
                stack += [(entry.path, entry.stat(follow_symlinks=False).st_mode) for entry in entries]
