"""What a tree of files looks like from outside: cheap to ask for, and moved by every change of its contents.

A change of a byte moves at least a file's change time, which no program can set. A copy, a restored backup for example,
has other numbers and change times: it is read once more, and the result is used from then on.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from sysimage.errors import MachineError
from sysimage.store.walk import Entry, Visitor, walk


def tree_fingerprint(place: Path) -> str:
    """Stands for the names, numbers, modes, sizes and times of everything below ``place``; no file is opened.

    What cannot be in a store is an `IntegrityError`; what cannot be read is a `MachineError`.
    """
    top = os.fsencode(place)
    lines = _FingerprintLines()
    try:
        walk(top, lines)
    except OSError as error:
        raise MachineError(f"cannot read {os.fsdecode(error.filename or top)}: {error.strerror}") from error
    return hashlib.blake2b(lines.text(), digest_size=16).hexdigest()


class _FingerprintLines(Visitor):
    """A line for each entry: those of one directory together, then those of the directories in it, the last one first.

    Stores and caches hold states, so the order stays: with another one each of their items would be read once more.
    """

    __slots__ = ("_above", "_below", "_lines")

    def __init__(self) -> None:
        self._lines = bytearray()
        """Of the directory that is walked now."""
        self._below: list[bytearray] = []
        """The finished texts of the directories in it."""
        self._above: list[tuple[bytearray, list[bytearray]]] = []
        """Both, of each directory above it."""

    def file(self, entry: Entry, name: bytes) -> None:
        status = entry.stat(follow_symlinks=False)
        lines = self._lines
        lines += b"%b\0%d %d %d %d %d\n" % (
            entry.name,
            status.st_ino,
            status.st_mode,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )

    link = file

    def enter(self, entry: Entry, name: bytes) -> None:
        self.file(entry, name)
        self._above.append((self._lines, self._below))
        self._lines, self._below = bytearray(), []

    def leave(self, depth: int) -> None:
        text = self.text()
        self._lines, self._below = self._above.pop()
        self._below.append(text)

    def text(self) -> bytearray:
        """The lines below the directory that is walked now; in the end, all."""
        return self._lines + b"".join(reversed(self._below)) if self._below else self._lines
