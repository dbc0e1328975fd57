"""Files kept under their digests. What is read from here is checked first, and thrown away if it is wrong."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import MachineError, RegistryError, cause_of
from sysimage.files.atomic import atomic_write, put_in_place
from sysimage.files.locks import is_at, try_lock
from sysimage.files.temporary import sweep_beside
from sysimage.notices import notice

_LOCK_POLL = 0.05


class FileCache:
    """A directory that several builds may use at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._checked: dict[Digest, tuple[int, int]] = {}

    def path(self, digest: Digest) -> Path:
        """Where the file with this digest is, or would be."""
        return self.root / "sha256" / digest.hex[:2] / digest.hex

    def find(self, digest: Digest, size: int) -> Path | None:
        """The file with this digest and size in bytes, read and checked; None if it is missing or was damaged."""
        path = self.path(digest)
        try:
            with path.open("rb") as file:
                state = os.fstat(file.fileno())
                stamp = (state.st_ino, state.st_mtime_ns)
                if state.st_size == size and (self._checked.get(digest) == stamp or Digest.of_file(file) == digest):
                    with suppress(OSError):
                        os.utime(file.fileno())  # what was used last is forgotten last
                    self._checked[digest] = (state.st_ino, os.fstat(file.fileno()).st_mtime_ns)
                    return path
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise MachineError(f"cannot read {path}: {error.strerror}") from None
        notice(f"{path} was damaged: it is fetched again")
        path.unlink(missing_ok=True)
        return None

    def files(self) -> list[tuple[Digest, Path]]:
        """Every whole file and the digest that it should have, sorted."""
        found = []
        for path in sorted(self.root.glob("sha256/*/*")):
            with suppress(ValueError):  # a part of one
                found.append((Digest(path.name), path))
        return found

    def prune(self, before: int) -> int:
        """Remove what was not used since a time (nanoseconds since the epoch); returns the bytes freed. The caller
        must have the cache for itself."""
        freed = 0
        for path in sorted(self.root.glob("sha256/*/*")):
            state = path.stat()
            if state.st_mtime_ns <= before:
                freed += state.st_blocks * 512
                path.unlink()
        return freed

    @contextmanager
    def partial(self, digest: Digest, stopped: threading.Event) -> Iterator[BufferedRandom]:
        """The beginning of a file that is being fetched, locked against every other build until the block ends.

        The lock dies with its process, and what was fetched stays for the next attempt. ``stopped`` ends the wait for
        another build with a `RegistryError`.
        """
        path = self.path(digest).with_suffix(".part")
        make_directory(path.parent)
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            with os.fdopen(descriptor, "r+b") as file:
                if try_lock(file.fileno()) is False:
                    if stopped.wait(_LOCK_POLL):
                        raise RegistryError("cannot go on fetching: interrupted") from None
                    continue
                # The process that held the lock may have finished, which renames the file that is open here.
                if not is_at(file.fileno(), path):
                    continue
                yield file
                return

    def keep(self, digest: Digest, partial: BufferedRandom) -> Path:
        """Make a complete and checked ``partial`` visible under its digest."""
        partial.flush()
        path = self.path(digest)
        put_in_place(partial.fileno(), path.with_suffix(".part"), path, durable=True)
        state = os.fstat(partial.fileno())
        self._checked[digest] = (state.st_ino, state.st_mtime_ns)
        return path


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that it is seen whole or not at all, and survives a crash; a `MachineError` if it cannot be."""
    make_directory(path.parent)
    sweep_beside(path)
    try:
        atomic_write(path, data, durable=True)
    except OSError as error:
        raise MachineError(f"cannot write {path}: {cause_of(error, path)}") from None


def make_directory(path: Path) -> None:
    """Make a directory of the cache; a `MachineError` if that is not allowed."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MachineError(
            f"cannot make the directory {path}: {error.strerror}", hint="--cache-dir names another place"
        ) from None
