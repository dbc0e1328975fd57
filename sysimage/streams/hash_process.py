"""SHA-256 by another process, which sees the pieces of a stream in memory that both share.

For a stream that must go through one process, such as an archive into a pipe. A thread would hash at the same time too,
but the thread that opens thousands of small files and the one that hashes wait for one another at the interpreter's
lock: the whole takes a quarter longer.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sysimage.streams.background_writer import AHEAD, BUFFERS
from sysimage.worker_process import Worker, helping, worth_a_process

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_PIECE_SIZE = 512 << 10
"""Bytes in a piece: several have to stay in the processor's cache."""
_PIECE = struct.Struct("<II")
"""Which buffer, and how many bytes from its beginning."""


class HashProcess:
    """What `hashlib.sha256` gives, for one stream after another: asking for the digest begins the next one."""

    def __init__(self, worker: Worker, buffers: Sequence[mmap.mmap]) -> None:
        self.buffers = buffers
        """Every piece begins at the start of one of these buffers. Use them in turn: then none changes while it is
        hashed."""
        self.piece_size = _PIECE_SIZE
        self._worker = worker
        self._under_way = 0

    def update(self, piece: memoryview) -> None:
        """Queue a piece for hashing after the earlier ones; returns before it is hashed."""
        self._wait(AHEAD - 1)
        number = next(number for number, buffer in enumerate(self.buffers) if buffer is piece.obj)
        self._worker.send_bytes(_PIECE.pack(number, len(piece)))
        self._under_way += 1

    def hexdigest(self) -> str:
        """Of all pieces since the last time."""
        self._wait(0)
        self._worker.send_bytes(b"")
        return self._worker.receive_bytes().hex()

    def _wait(self, left: int) -> None:
        while self._under_way > left:
            self._worker.receive_bytes()
            self._under_way -= 1


@contextlib.contextmanager
def hash_process(expected: int) -> Iterator[HashProcess | None]:
    """A process that hashes while this is open, or None where ``expected`` bytes are not worth one.

    If it is killed, the next call of it raises a `MachineError`.
    """
    if not worth_a_process(expected):
        yield None
        return
    buffers = [mmap.mmap(-1, _PIECE_SIZE) for _ in range(BUFFERS)]
    with helping("hash the layers", _hash, buffers) as worker:
        yield HashProcess(worker, buffers)


def _hash(line: Connection[Any, Any], buffers: Sequence[mmap.mmap]) -> None:
    views = [memoryview(buffer) for buffer in buffers]
    hasher = hashlib.sha256()
    while True:
        if message := line.recv_bytes():
            number, length = _PIECE.unpack(message)
            hasher.update(views[number][:length])
            line.send_bytes(b"hashed")
        else:
            line.send_bytes(hasher.digest())
            hasher = hashlib.sha256()
