"""Texts that took long to find out, kept between builds under what they follow from.

A text is found by its key and by the code that made it (`code_digest`); a damaged one is found out again. Several
builds, also of different versions of this program, may use a directory at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from sysimage.files.checksummed_file import DamagedFileError, read_checksummed, write_checksummed
from sysimage.files.temporary import sweep
from sysimage.notices import notice

SUFFIX = ".memo"


class Memo:
    """At most ``most`` texts in a directory, those used last; None keeps all.

    ``made_by`` stands for the code that makes the texts. Only their owner can read ``private`` ones.
    """

    def __init__(self, directory: Path, *, made_by: str, most: int | None = 64, private: bool = False) -> None:
        self._directory, self._made_by, self._most, self._private = directory, made_by, most, private
        self._swept = False

    def find(self, key: str) -> str | None:
        """The text with this key; None if it is absent or damaged."""
        path = self.path(key)
        try:
            data = read_checksummed(path)
        except DamagedFileError:
            notice(f"{path} was damaged: its content is computed again")
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        except OSError:
            return None
        if data is None:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # what was used last is forgotten last
        return data.decode()

    def keep(self, key: str, text: str) -> None:
        """Keep a text, and forget those that were not used for the longest time."""
        self._directory.mkdir(parents=True, exist_ok=True)
        if not self._swept:
            sweep(self._directory)
            self._swept = True
        write_checksummed(self.path(key), text.encode(), durable=False, private=self._private)
        if self._most is not None:
            for path in _by_age(self._directory)[: -self._most]:
                path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what processes that were ended while they wrote have left here."""
        sweep(self._directory)

    def drop(self, key: str) -> None:
        """Forget one text."""
        self.path(key).unlink(missing_ok=True)

    def path(self, key: str) -> Path:
        """Where the text with this key is, or would be."""
        name = hashlib.sha256(f"{self._made_by}\0{key}".encode()).hexdigest()
        return self._directory / (name + SUFFIX)


def texts(directory: Path) -> Iterator[tuple[Path, str | None]]:
    """Every text in the directory of a `Memo` and its file, those used longest ago first; None for a damaged one.

    Texts of other versions of this program are among them.
    """
    for path in _by_age(directory):
        if path.suffix == SUFFIX:
            try:
                data = read_checksummed(path)
            except (DamagedFileError, OSError):
                yield path, None
            else:
                if data is not None:
                    yield path, data.decode()


def forget(directory: Path, before: int) -> None:
    """Forget the texts that were not used since a time, in nanoseconds since the epoch."""
    for path in _by_age(directory):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime_ns <= before:
                path.unlink()


def _by_age(directory: Path) -> list[Path]:
    """The files of texts, those used longest ago first, including those of older versions of this program."""
    found = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(directory) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):
                    found.append((entry.stat().st_mtime_ns, entry.name))
    return [directory / name for _, name in sorted(found)]
