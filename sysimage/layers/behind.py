"""Pieces of a stream used by another thread while this one collects the next.

Hashing a piece, writing it and reading what comes next all leave the interpreter alone for most of the time, so they
can happen at once; a piece is large enough that handing it over costs nothing.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

Use = Callable[[memoryview], object]
BUFFERS = 2
"""How many pieces must stay as they are: the one that is in use, and the one that is being collected."""


@contextlib.contextmanager
def behind(use: Use) -> Iterator[Use]:
    """A function that hands its argument to ``use``, in a thread of its own, and returns at once.

    It first waits until the piece before is done with; what ``use`` raised is raised by the next call, or in the end.
    After an error nobody is at work any more; after an interrupt, who is stuck is left behind.
    """
    worker = _Worker(use)

    def hand_over(piece: memoryview) -> None:
        worker.wait()
        worker.start(piece)

    try:
        yield hand_over
        worker.wait()
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
        self._busy = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def start(self, piece: memoryview) -> None:
        self._busy = True
        self._todo.put(piece)

    def wait(self) -> None:
        if self._busy:
            self._busy = False
            if (error := self._done.get()) is not None:
                raise error

    def end(self) -> None:
        self._todo.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (piece := self._todo.get()) is not None:
            error = None
            try:
                self._use(piece)
            except BaseException as raised:
                error = raised
            del piece
            self._done.put(error)
            del error
