"""Bytes that arrive in chunks, taken in the amounts a parser asks for, without copying what is large."""

from __future__ import annotations

from collections.abc import Iterator

from sysimage.verify.issue_collector import MalformedError

CHUNK = 1 << 20


class ChunkStream:
    """Chunks as one stream. Knows how far it is; never holds more than one chunk and what was asked for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = b""
        self._at = 0
        self._before = 0

    @property
    def offset(self) -> int:
        """Bytes taken so far."""
        return self._before + self._at

    def _more(self) -> bool:
        self._before += len(self._chunk)
        self._at = 0
        self._chunk = b""
        for chunk in self._chunks:
            if chunk:
                self._chunk = chunk
                return True
        return False

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end of the stream."""
        end = self._at + size
        if end <= len(self._chunk):  # a third of the time: every header of every member is taken
            taken = self._chunk[self._at : end]
            self._at = end
            return taken
        return b"".join(self._upto(size))

    def pieces(self, size: int) -> Iterator[bytes]:
        """The next ``size`` bytes in pieces; a MalformedError if the stream ends before."""
        taken = 0
        for piece in self._upto(size):
            taken += len(piece)
            yield piece
        if taken < size:
            raise MalformedError(f"ends {size - taken} bytes early, inside a file's content")

    def skip(self, size: int) -> None:
        """Leave out the next ``size`` bytes; a MalformedError if there are fewer."""
        for _ in self.pieces(size):
            pass

    def rest(self) -> Iterator[bytes]:
        """Whatever is left."""
        while self._at < len(self._chunk) or self._more():
            piece = self._chunk[self._at :]
            self._at = len(self._chunk)
            yield piece

    def _upto(self, size: int) -> Iterator[bytes]:
        while size > 0:
            if self._at == len(self._chunk) and not self._more():
                return
            end = min(self._at + size, len(self._chunk))
            piece = self._chunk[self._at : end]
            self._at = end
            size -= len(piece)
            yield piece
