"""What is kept between builds: who may remove some of it when, and texts that took long to find out.

Texts are kept under what they follow from and checked when they are read. A key has to stand for everything that the
text depends on, the code that made it included: `code_digest`.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from sysimage.errors import MachineError
from sysimage.notices import notice
from sysimage.temporary import sweep, write_whole

_LOCK = "lock"


@contextlib.contextmanager
def in_use(directory: Path, mode: int = 0o777) -> Iterator[None]:
    """While this is open, nobody is `alone` with the directory; it ends with the process, however that ends.

    The directory is made with ``mode``, less what the umask takes.
    """
    try:
        directory.mkdir(mode=mode, parents=True, exist_ok=True)
        lock = (directory / _LOCK).open("ab")
    except OSError as error:
        raise MachineError(
            f"cannot use the cache {directory}: {error.strerror}", hint="--cache-dir names another"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[bool]:
    """Whether nobody uses the directory; if so, nobody begins to while this is open."""
    with (directory / _LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


class KeptTexts:
    """At most ``most`` texts in a directory, those used last; several builds may use it at once.

    ``private`` ones may be read by their owner only.
    """

    def __init__(self, directory: Path, most: int = 64, *, private: bool = False) -> None:
        self._directory, self._most = directory, most
        self._mode = 0o600 if private else 0o666  # less what the umask takes

    def find(self, key: str) -> str | None:
        """The text with this key; None if there is none, or it was damaged."""
        path = self._path(key)
        try:
            data = _sealed(path)
        except OSError:
            return None
        if data is None and not _is_older(path):
            notice(f"{path} was damaged: what it said is found out again")
        if data is None:
            path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return data.decode()

    def keep(self, key: str, text: str) -> None:
        """Keep a text, and forget those that were not used for the longest time."""
        self._directory.mkdir(parents=True, exist_ok=True)
        sweep(self._directory)
        path, data = self._path(key), text.encode()
        write_whole(path, _seal(path.name, data).encode() + b"\n" + data, mode=self._mode, durable=False)
        for path in self._by_age()[: -self._most]:
            path.unlink(missing_ok=True)

    def texts(self) -> Iterator[str]:
        """Every text that is not damaged."""
        for path in self._by_age():
            with contextlib.suppress(FileNotFoundError):
                if (data := _sealed(path)) is not None:
                    yield data.decode()

    def damaged(self) -> tuple[int, tuple[Path, ...]]:
        """How many texts there are, and the files of those that are damaged."""
        paths = self._by_age()
        return len(paths), tuple(path for path in paths if _sealed(path) is None and not _is_older(path))

    def forget(self, before: int) -> None:
        """Forget what was not used since that time, in nanoseconds since the epoch."""
        for path in self._by_age():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime_ns <= before:
                    path.unlink()

    def _path(self, key: str) -> Path:
        return self._directory / f"{hashlib.sha256(key.encode()).hexdigest()}.json"

    def _by_age(self) -> list[Path]:
        found = []
        for path in self._directory.glob("*.json"):
            with contextlib.suppress(FileNotFoundError):
                found.append((path.stat().st_mtime_ns, path.name, path))
        return [path for _, _, path in sorted(found)]


def _sealed(path: Path) -> bytes | None:
    """The text in a file, as bytes; None if it is not what was written there."""
    seal, _, data = path.read_bytes().partition(b"\n")
    return data if seal == _seal(path.name, data).encode() else None


def _is_older(path: Path) -> bool:
    """Whether a text was written by an older version, whose seals only tell whoever has the key."""
    with path.open("rb") as file:
        return re.fullmatch(rb"[0-9a-f]{64}\n", file.read(65)) is not None


def _seal(name: str, data: bytes) -> str:
    # The name as well, which is the key's digest: a file under another's name is not taken for that one.
    return "2 " + hashlib.sha256(name.encode() + b"\0" + data).hexdigest()


@functools.cache
def code_digest(*directories: Path) -> str:
    """What the modules in these directories say, and the files they have beside them, as 64 hexadecimal digits."""
    state = hashlib.sha256()
    for directory in directories:
        for path in sorted(path for path in directory.iterdir() if path.is_file()):
            data = path.read_bytes()
            state.update(b"%s %d\n" % (path.name.encode(), len(data)))
            state.update(data)
    return state.hexdigest()
