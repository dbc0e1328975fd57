"""The NAR hash of a store item, computed from the tar entries of a layer as they go by.

A NAR visits a directory's entries sorted by bytes, depth first. A layer whose entries are sorted by components visits
them in the same order, so that the hash needs neither memory nor a second reading. Where the order differs, the stream
says so and the item is read again.
"""

from __future__ import annotations

import hashlib

from sysimage.digest import Digest


def _word(text: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text + b"\0" * (-len(text) % 8)


_HEADER = _word(b"nix-archive-1")
_OPEN = _word(b"(") + _word(b"type")
_CLOSE = _word(b")")


class NarStream:
    """A NAR that is hashed while its parts arrive. Paths are components below the item; none for the item itself."""

    def __init__(self) -> None:
        self.in_order = True
        """Whether everything came in a NAR's order so far; after the first time it did not, nothing is hashed."""
        self._hash = hashlib.sha256(_HEADER)
        self._size = len(_HEADER)
        self._started = False
        self._open: list[bytes] = []
        self._last: list[bytes] = []
        """The last name in each open directory; empty when the item is not a directory."""

    def directory(self, parts: tuple[bytes, ...]) -> None:
        if self._begin(parts):
            self._put(_OPEN + _word(b"directory"))
            self._open += parts[-1:]
            self._last.append(b"")

    def symlink(self, parts: tuple[bytes, ...], target: bytes) -> None:
        if self._begin(parts):
            self._put(_OPEN + _word(b"symlink") + _word(b"target") + _word(target) + _CLOSE)
            self._end(parts)

    def begin_file(self, parts: tuple[bytes, ...], executable: bool, size: int) -> None:
        """A regular file; its content follows through `content`, then `end_file`."""
        if self._begin(parts):
            flag = _word(b"executable") + _word(b"") if executable else b""
            self._put(_OPEN + _word(b"regular") + flag + _word(b"contents") + size.to_bytes(8, "little"))

    def content(self, piece: bytes) -> None:
        if self.in_order:
            self._put(piece)

    def end_file(self, parts: tuple[bytes, ...], size: int) -> None:
        if self.in_order:
            self._put(b"\0" * (-size % 8) + _CLOSE)
            self._end(parts)

    def finish(self) -> tuple[Digest, int]:
        """The NAR hash and the NAR's size in bytes. Meaningless unless `in_order`."""
        self._close_to(0)
        if self._last:
            self._put(_CLOSE)
        return Digest(self._hash.hexdigest()), self._size

    def _begin(self, parts: tuple[bytes, ...]) -> bool:
        if self.in_order:
            self.in_order = self._place(parts)
        return self.in_order

    def _place(self, parts: tuple[bytes, ...]) -> bool:
        if not parts:
            fresh, self._started = not self._started, True
            return fresh
        if not self._last:
            return False
        above = len(parts) - 1
        same = 0
        while same < min(above, len(self._open)) and self._open[same] == parts[same]:
            same += 1
        self._close_to(same)
        if same != above or parts[-1] <= self._last[-1]:
            return False
        self._last[-1] = parts[-1]
        self._put(_word(b"entry") + _word(b"(") + _word(b"name") + _word(parts[-1]) + _word(b"node"))
        return True

    def _close_to(self, depth: int) -> None:
        closing = len(self._open) - depth
        if closing:
            self._put((_CLOSE + _CLOSE) * closing)
            del self._open[depth:]
            del self._last[depth + 1 :]

    def _end(self, parts: tuple[bytes, ...]) -> None:
        if parts:
            self._put(_CLOSE)

    def _put(self, data: bytes) -> None:
        self._hash.update(data)
        self._size += len(data)
