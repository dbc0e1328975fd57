"""Where a stream of bytes goes: how large its pieces are, and what writes and hashes them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sysimage.streams.background_writer import background_writer, piece_buffers
from sysimage.streams.hash_process import hash_process
from sysimage.streams.pieces import PIECE_SIZE, Buffer, Pieces

Write = Callable[[memoryview], object]
"""Writes all bytes of a piece, whose memory is only valid during the call."""


@dataclass(frozen=True, slots=True)
class Sink:
    """Takes one stream after another, in pieces of ``piece_size`` bytes that are in ``memory``; writes and hashes them.

    What ``write`` raised is raised by `update` or `hexdigest`.
    """

    update: Write
    """Takes the next piece; its memory is left alone until it was written, if it is one of ``memory`` in turn."""
    hexdigest: Callable[[], str]
    """SHA-256 of the stream, all of which is written by then; the next piece begins another stream."""
    piece_size: int = PIECE_SIZE
    memory: int | Sequence[Buffer] = 1
    """The ``buffers`` of `Pieces`: the buffers that pieces have to be in, or their number."""
    lead: int = 0
    """The ``lead`` of `Pieces`: how far after a page's boundary the stream begins in its file, for direct I/O."""

    def pieces(self) -> Pieces:
        """Collects one stream for this sink."""
        return Pieces(self.update, self.piece_size, self.memory, self.lead)


class _Hasher:
    """SHA-256 of one stream after another."""

    def __init__(self) -> None:
        self._hasher = hashlib.sha256()

    def update(self, piece: memoryview) -> None:
        self._hasher.update(piece)

    def hexdigest(self) -> str:
        digest = self._hasher.hexdigest()
        self._hasher = hashlib.sha256()
        return digest


def plain_sink(write: Write, piece_size: int = PIECE_SIZE) -> Sink:
    """Writes and hashes in the thread that calls: for a ``write`` that returns at once."""
    hasher = _Hasher()

    def update(piece: memoryview) -> None:
        write(piece)
        hasher.update(piece)

    return Sink(update, hasher.hexdigest, piece_size)


@contextlib.contextmanager
def background_sink(
    write: Write, piece_size: int = PIECE_SIZE, *, lead: int = 0, hash_in_background: bool = False
) -> Iterator[Sink]:
    """Writes in another thread while the next piece is collected: for a pipe or a disk.

    It hashes in the thread that calls, or in the background too where that thread has more to do than to read.
    """
    hasher = _Hasher()

    def hash_and_write(piece: memoryview) -> None:
        hasher.update(piece)
        write(piece)

    use = hash_and_write if hash_in_background else write
    with piece_buffers(piece_size) as memory, background_writer(use) as writer:

        def update(piece: memoryview) -> None:
            writer.write(piece)
            hasher.update(piece)

        def hexdigest() -> str:
            writer.drain()
            return hasher.hexdigest()

        yield Sink(writer.write if hash_in_background else update, hexdigest, piece_size, memory, lead)


@contextlib.contextmanager
def streaming_sink(write: Write, expected: int) -> Iterator[Sink]:
    """For streams that must all go through this process, such as layers into a pipe: another process hashes them.

    Where ``expected`` bytes in all are not worth one, it is a `background_sink`. If the process is killed, that is a
    `MachineError`.
    """
    with hash_process(expected) as hasher:
        if hasher is None:
            with background_sink(write) as here:
                yield here
            return

        def update(piece: memoryview) -> None:
            hasher.update(piece)
            write(piece)

        yield Sink(update, hasher.hexdigest, hasher.piece_size, hasher.buffers)
