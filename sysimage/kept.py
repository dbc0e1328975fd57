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
import secrets
from collections.abc import Iterator
from pathlib import Path

from sysimage.errors import MachineError

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
            digest, _, data = path.read_bytes().partition(b"\n")
        except OSError:
            return None
        if digest.decode("ascii", "replace") != _digest(key, data):
            path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return data.decode()

    def keep(self, key: str, text: str) -> None:
        """Keep a text, and forget those that were not used for the longest time."""
        self._directory.mkdir(parents=True, exist_ok=True)
        data = text.encode()
        temporary = self._directory / f".part-{secrets.token_hex(8)}"
        try:
            with open(
                os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._mode), "wb"
            ) as file:
                file.write(_digest(key, data).encode() + b"\n" + data)
            temporary.rename(self._path(key))
        finally:
            temporary.unlink(missing_ok=True)
        for path in self._by_age()[: -self._most]:
            path.unlink(missing_ok=True)

    def texts(self) -> Iterator[str]:
        """Every text. Some may be damaged: only who has the key can tell."""
        for path in self._by_age():
            with contextlib.suppress(FileNotFoundError):
                yield path.read_bytes().partition(b"\n")[2].decode(errors="replace")

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


def _digest(key: str, data: bytes) -> str:
    # The key as well: a file under another's name is not taken for that one.
    return hashlib.sha256(key.encode() + b"\0" + data).hexdigest()


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
