"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from sysimage.errors import MachineError
from sysimage.signals import when_ending


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
            with when_ending(lambda: temporary.unlink(missing_ok=True)):  # though we may be stuck in a write
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
