"""SHA-256 by another process, which sees the pieces of a stream in memory that both share.

For a stream that must go through one process, such as an archive into a pipe. A thread would hash at the same time too,
but whoever opens thousands of small files and whoever hashes wait for one another at the interpreter's lock: the whole
takes a quarter longer.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sysimage.errors import MachineError
from sysimage.layers.behind import AHEAD, BUFFERS
from sysimage.workers import WORTH_A_PROCESS, helping

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_PIECE_SIZE = 512 << 10
"""Bytes in a piece: several have to stay in the processor's cache."""
_PIECE = struct.Struct("<II")
"""Which buffer, and how many bytes from its beginning."""


class Beside:
    """What `hashlib.sha256` gives, for one stream after another: asking for the digest begins the next one."""

    def __init__(self, pipe: Connection[Any, Any], buffers: Sequence[mmap.mmap]) -> None:
        self.buffers = buffers
        """Where pieces must lie, each at the beginning of one; used in turn, they stay as they are for long enough."""
        self.piece_size = _PIECE_SIZE
        self._pipe = pipe
        self._under_way = 0

    def update(self, piece: memoryview) -> None:
        """Have a piece hashed, after those before it; returns while it is."""
        self._wait(AHEAD - 1)
        number = next(number for number, buffer in enumerate(self.buffers) if buffer is piece.obj)
        self._say(_PIECE.pack(number, len(piece)))
        self._under_way += 1

    def hexdigest(self) -> str:
        """Of all pieces since the last time."""
        self._wait(0)
        self._say(b"")
        return self._hear().hex()

    def _wait(self, left: int) -> None:
        while self._under_way > left:
            self._hear()
            self._under_way -= 1

    def _say(self, message: bytes) -> None:
        with _helper_alive():
            self._pipe.send_bytes(message)

    def _hear(self) -> bytes:
        with _helper_alive():
            return self._pipe.recv_bytes()


@contextlib.contextmanager
def hashing_beside(expected: int) -> Iterator[Beside | None]:
    """A process that hashes while this is open, or None where ``expected`` bytes are not worth one.

    If it is killed, whoever needs it gets a `MachineError`.
    """
    if expected < WORTH_A_PROCESS:
        yield None
        return
    from multiprocessing import Pipe

    buffers = [mmap.mmap(-1, _PIECE_SIZE) for _ in range(BUFFERS)]
    ours, theirs = Pipe()
    with ours, helping(_hash, ours, theirs, buffers):
        theirs.close()
        yield Beside(ours, buffers)


def _hash(ours: Connection[Any, Any], pipe: Connection[Any, Any], buffers: Sequence[mmap.mmap]) -> None:
    ours.close()  # or our own copy would keep the pipe open when the parent is gone
    views = [memoryview(buffer) for buffer in buffers]
    hasher = hashlib.sha256()
    with contextlib.suppress(EOFError, OSError):
        while True:
            if message := pipe.recv_bytes():
                number, length = _PIECE.unpack(message)
                hasher.update(views[number][:length])
                pipe.send_bytes(b"hashed")
            else:
                pipe.send_bytes(hasher.digest())
                hasher = hashlib.sha256()


@contextlib.contextmanager
def _helper_alive() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError):
        raise MachineError(
            "cannot hash the layers: a helper process was killed",
            hint="the machine may have run out of memory",
        ) from None
