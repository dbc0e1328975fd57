"""A stream collected in one reused buffer and handed on in pieces of one fixed size.

Everything that is hashed, scanned, compressed or written passes through here. Files are read directly after
their header, without file objects or intermediate bytes, and the receiver of the pieces is called once
per full buffer: a call costs as much as hashing 500 bytes, and most files of a store are not much longer than that.
Where the pieces begin and end depends on the length of the stream alone, never on the files in it; compressors whose
output depends on how they are fed get the same pieces everywhere.
"""

from __future__ import annotations

import mmap
import os
from collections import deque
from collections.abc import Callable, Sequence

from sysimage.errors import IntegrityError

PIECE_SIZE = 1 << 20
"""Bytes in a piece. Fixed: gzip blobs depend on it."""

Buffer = mmap.mmap | memoryview
Emit = Callable[[memoryview], object]
"""Receives a piece; the memory is overwritten after the call returns."""


class Pieces:
    """Collects bytes and calls ``emit`` with pieces of exactly ``size`` bytes; the last one may be shorter.

    With more ``buffers`` a piece may still be used after ``emit`` has returned: it is left alone until the one that
    comes ``buffers`` later begins. Instead of a number they can be the memory itself, of ``size`` bytes each. With a
    ``lead`` the first piece is so many bytes shorter and begins so far after the beginning of its memory: bytes that
    go to such an offset in a page of a file are at the same one in memory then, and pieces end where pages do.
    """

    __slots__ = ("_begin", "_buffer", "_buffers", "_emit", "_fill", "_passes_on", "_size", "_view", "emitted")

    def __init__(self, emit: Emit, size: int = PIECE_SIZE, buffers: int | Sequence[Buffer] = 1, lead: int = 0) -> None:
        if not 0 <= lead < size:
            raise ValueError(f"a piece of {size} bytes with a lead of {lead}")
        self._emit = emit
        self._size = size
        self._buffers: deque[Buffer] = deque(
            (_buffer(size) for _ in range(buffers)) if isinstance(buffers, int) else buffers
        )
        self._passes_on = buffers == 1  # of several, the last ones are still in use when the stream ends
        self._take_buffer()
        self._fill = self._begin = lead  # always less than size
        self.emitted = 0
        """Bytes handed on so far."""

    def _take_buffer(self) -> None:
        self._buffers.rotate(-1)
        self._buffer = self._buffers[0]
        self._view = memoryview(self._buffer)

    @property
    def length(self) -> int:
        """Bytes of the stream so far."""
        return self.emitted + self._fill - self._begin

    def put(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        fill = self._fill
        end = fill + len(data)
        if end < self._size:
            self._buffer[fill:end] = data
            self._fill = end
        else:
            self._put_over_the_end(data)

    def _put_over_the_end(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            room = self._size - self._fill
            part, rest = rest[:room], rest[room:]
            self._view[self._fill : self._fill + len(part)] = part
            self._advance(len(part))

    def put_file(
        self, head: bytes, fd: int, size: int, tail: bytes, path: bytes, witness: PieceObserver | None = None
    ) -> None:
        """Append ``head``, the whole file open as ``fd``, which must be exactly ``size`` bytes, and ``tail``.

        One byte more than announced is asked for wherever the buffer has room, so a file that grows is noticed
        without another system call. ``path`` is for the message. A ``witness`` gets the file's bytes too.
        """
        fill = self._fill
        start = fill + len(head)
        end = start + size
        after = end + len(tail)
        if after < self._size:
            # The common case, small files: all three are put in place here, in 0.97 of the time of an archive that is
            # not hashed.
            buffer = self._buffer
            buffer[fill:start] = head
            count = os.readv(fd, (self._view[start : end + 1],))
            if count == size:
                if witness is not None:
                    witness.put(self._view[start:end])
                buffer[end:after] = tail
                self._fill = after
                return
            self._fill = start
            self._copy(fd, size, path, witness, count)
        else:
            self.put(head)
            self._copy(fd, size, path, witness, None)
        self.put(tail)

    def _copy(self, fd: int, size: int, path: bytes, witness: PieceObserver | None, count: int | None) -> None:
        """Append a file of which ``count`` bytes were already read into the buffer."""
        left = size
        proven = False
        while left or count:
            if count is None:
                proven = left < self._size - self._fill
                count = os.readv(fd, (self._view[self._fill : self._fill + left + 1],))
            if count == 0 or count > left:
                raise _changed(path, size)
            left -= count
            if witness is not None:
                witness.put(self._view[self._fill : self._fill + count])
            self._advance(count)
            count = None
        if not proven and os.read(fd, 1):  # its end fell together with the buffer's
            raise _changed(path, size)

    def _advance(self, count: int) -> None:
        self._fill += count
        if self._fill == self._size:
            self._flush()

    def _flush(self) -> None:
        self._emit(self._view[self._begin : self._fill])
        self.emitted += self._fill - self._begin
        self._fill = self._begin = 0
        self._take_buffer()

    def finish(self) -> int:
        """Hand on what is left; returns the length of the stream in bytes. Nothing can be appended later."""
        if self._fill > self._begin:
            self._flush()
        if self._passes_on:
            _spare[self._size] = self._buffers.pop()
        return self.emitted


_spare: dict[int, Buffer] = {}
"""The last stream's buffer, by its size, for the next stream: of a fresh one the kernel clears every page."""


def _buffer(size: int) -> Buffer:
    return _spare.pop(size, None) or private_pages(size)


def private_pages(size: int) -> mmap.mmap:
    """Memory of its own pages: what bypasses the page cache has to begin where a page does."""
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


class PieceObserver:
    """Receives the same bytes, and passes them on in pieces of any length, without copying long ones.

    For those that do not care where pieces begin and end, such as a hash.
    """

    __slots__ = ("_emit", "_fill", "_long", "_size", "_view", "length")

    _LONG = 16 << 10  # about as much as can be copied in the time of one call

    def __init__(self, emit: Emit, size: int = 1 << 17) -> None:
        self._emit = emit
        self._size = size
        self._long = min(size, self._LONG)
        self._view = memoryview(bytearray(size))
        self._fill = 0
        self.length = 0
        """Bytes of the stream so far."""

    def put(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        length = len(data)
        self.length += length
        end = self._fill + length
        if end > self._size or length >= self._long:
            self.flush()
            if length >= self._long:
                self._emit(memoryview(data))
                return
            end = length
        self._view[self._fill : end] = data
        self._fill = end

    def flush(self) -> None:
        """Hand on what is left."""
        if self._fill:
            self._emit(self._view[: self._fill])
            self._fill = 0


def _changed(path: bytes, size: int) -> IntegrityError:
    return IntegrityError(
        f"cannot read {os.fsdecode(path)}: it changed while it was read (it was {size} bytes long)",
        hint="a store is read-only; build again when nothing writes to it",
    )
