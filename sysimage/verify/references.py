"""Which hash parts occur in an item, exactly: anywhere in names, link targets and contents, in front of anything.

The store's hash parts are known only when the whole image has been read, its database comes last. So what is kept of an
item are its runs of 32 and more letters of the store's base-32; the hash parts are looked up in them afterwards.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Iterable

from sysimage.digest import NIX_BASE32_ALPHABET

LENGTH = 32
"""Letters of a hash part."""
_LETTERS = NIX_BASE32_ALPHABET.encode()
_CLASSES = bytes(ord("x") if byte in _LETTERS else 0 for byte in range(256))
_RUN = b"x" * LENGTH


class Budget:
    """An amount that several threads spend from."""

    def __init__(self, amount: int) -> None:
        self._left = amount
        self._lock = threading.Lock()

    def spend(self, amount: int) -> bool:
        """Whether there was that much left."""
        with self._lock:
            self._left -= amount
            return self._left >= 0


class RunCollector:
    """Gathers the runs of one item."""

    def __init__(self, budget: Budget) -> None:
        self.runs: set[bytes] = set()
        self.overflowed = False
        """Whether the budget ended before the item: its runs are not all here."""
        self._budget = budget
        self._carry = b""

    def whole(self, text: bytes) -> None:
        """A name or a link target."""
        if len(text) >= LENGTH:
            self._scan(text)

    def content(self, piece: bytes) -> None:
        """The next piece of a file."""
        data = self._carry + piece if self._carry else piece
        self._carry = self._scan(data)

    def end_file(self) -> None:
        self._carry = b""

    def _scan(self, data: bytes) -> bytes:
        """Gather from ``data``; returns the letters at its end that a longer run could begin with."""
        classes = data.translate(_CLASSES)
        at = classes.find(_RUN)
        while at >= 0:
            end = classes.find(b"\0", at + LENGTH)
            end = len(data) if end < 0 else end
            self._keep(data[at:end])
            at = classes.find(_RUN, end)
        return data[len(data) - len(classes[1 - LENGTH :].rpartition(b"\0")[2]) :]

    def _keep(self, run: bytes) -> None:
        if self.overflowed or run in self.runs:
            return
        if self._budget.spend(len(run) + 64):
            self.runs.add(run)
        else:
            self.overflowed = True
            self.runs.clear()


class KnownCollector(RunCollector):
    """Gathers known hash parts only, so that other letters need no memory."""

    def __init__(self, known: Container[bytes]) -> None:
        super().__init__(Budget(0))
        self._known = known

    def _keep(self, run: bytes) -> None:
        self.runs |= hash_parts((run,), self._known)


def hash_parts(runs: Iterable[bytes], known: Container[bytes]) -> set[bytes]:
    """The known hash parts that occur in the runs, at any letter."""
    found = set()
    for run in runs:
        for at in range(len(run) - LENGTH + 1):
            if (window := run[at : at + LENGTH]) in known:
                found.add(window)
    return found
