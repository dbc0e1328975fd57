"""Pieces of a stream used by another thread while this one collects the next ones.

Hashing a piece, writing it and reading what comes next all leave the interpreter alone for most of the time, so they
can happen at once; a piece is large enough that handing it over costs nothing.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

Use = Callable[[memoryview], object]
AHEAD = 2
"""How many pieces may be handed over and not done with. Collecting a piece and writing one take about as long, now one
more and now the other: with a single piece on its way both would wait for half of the differences, which is a sixth of
the time of an archive on a disk."""
BUFFERS = AHEAD + 1
"""How many pieces must stay as they are: those, and the one that is being collected."""
SHARED_PIECE = 512 << 10
"""Bytes in a piece where several are in use at a time: they have to stay in the processor's cache."""


@contextlib.contextmanager
def behind(use: Use) -> Iterator[Use]:
    """A function that hands its argument to ``use``, in a thread of its own, and returns at once.

    It first waits while `AHEAD` pieces are not done with; what ``use`` raised is raised by one of the next calls, or in
    the end, and the pieces behind that one are not used. After an error nobody is at work any more; after an interrupt,
    who is stuck is left behind.
    """
    worker = _Worker(use)

    def hand_over(piece: memoryview) -> None:
        worker.wait(AHEAD - 1)
        worker.start(piece)

    try:
        yield hand_over
        worker.wait(0)
    except Exception:
        worker.end()
        raise
    # No `finally`: a write into a pipe that nobody reads never returns, and must not keep an interrupt from ending us.
    worker.end()


class _Worker:
    def __init__(self, use: Use) -> None:
        self._use = use
        self._todo: SimpleQueue[memoryview | None] = SimpleQueue()
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        self._given = 0  # and not done with
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def start(self, piece: memoryview) -> None:
        self._given += 1
        self._todo.put(piece)

    def wait(self, left: int) -> None:
        """Until no more than ``left`` pieces are not done with."""
        while self._given > left:
            self._given -= 1
            if (error := self._done.get()) is not None:
                raise error

    def end(self) -> None:
        self._todo.put(None)
        self._thread.join()

    def _work(self) -> None:
        failed = False
        while (piece := self._todo.get()) is not None:
            error = None
            try:
                if not failed:
                    self._use(piece)
            except BaseException as raised:
                error = raised
                failed = True
            del piece
            self._done.put(error)
            del error
