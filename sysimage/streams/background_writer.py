"""Pieces of a stream written by another thread while this one collects the next ones.

Hashing a piece, writing it and reading what comes next all leave the interpreter alone for most of the time, so they
can happen at once; a piece is large enough that handing it over costs nothing.
"""

from __future__ import annotations

import contextlib
import mmap
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue

from sysimage.errors import MachineError
from sysimage.streams.pieces import PIECE_SIZE, private_pages

Use = Callable[[memoryview], object]
AHEAD = 2
"""How many pieces may be handed over and not done with. Collecting a piece and writing one take about as long, now one
more and now the other: with a single piece in flight both would wait for half of the differences, which is a sixth of
the time of an archive on a disk."""
BUFFERS = AHEAD + 1
"""How many pieces must stay as they are: those, and the one that is being collected."""
_HUGE_PAGE = 2 << 20


@contextlib.contextmanager
def piece_buffers(piece_size: int = PIECE_SIZE) -> Iterator[Sequence[memoryview]]:
    """Memory for `BUFFERS` pieces, used again when this ends without an error: then it is free.

    Where it fills a huge page it is in such, if the kernel has some. What goes from memory to a disk past the page
    cache is described page by page, which takes a sixth of the time of an archive where pages are small.
    """
    size = BUFFERS * piece_size
    memory = _idle[size].pop() if _idle[size] else _pages(size)
    yield [memory[start : start + piece_size] for start in range(0, size, piece_size)]
    _idle[size].append(memory)


_idle: defaultdict[int, list[memoryview]] = defaultdict(list)


def _pages(size: int) -> memoryview:
    """Memory that begins where a page does, or a huge one."""
    size_in_pages = size + -size % _HUGE_PAGE
    if size >= _HUGE_PAGE:
        # A huge page begins at a multiple of its size, and no call allocates memory with this alignment. Without ctypes
        # the address is not known, and the memory is not aligned.
        with contextlib.suppress(ImportError, OSError):
            import ctypes

            memory = private_pages(size_in_pages + _HUGE_PAGE)
            begin = -ctypes.addressof(ctypes.c_char.from_buffer(memory)) % _HUGE_PAGE
            memory.madvise(mmap.MADV_HUGEPAGE, begin, size_in_pages)
            return memoryview(memory)[begin : begin + size]
    return memoryview(private_pages(size))


@contextlib.contextmanager
def background_writer(use: Use) -> Iterator[BackgroundWriter]:
    """Hands pieces to ``use`` in a thread of its own while this is open.

    After an error no thread works any more; after an interrupt, a thread that is stuck in ``use`` is left alone.
    """
    writer = BackgroundWriter(use)
    try:
        yield writer
        writer.drain()
    except Exception:
        writer.close()
        raise
    except BaseException:
        # A write into a pipe without a reader never returns, and must not keep an interrupt from ending the program.
        writer.abandon()
        raise
    writer.close()


class BackgroundWriter:
    """A thread that calls ``use`` with each piece in turn.

    What ``use`` raised is raised by one of the next calls here, and the pieces after that one are not used.
    """

    def __init__(self, use: Use) -> None:
        self._use = use
        self._todo: SimpleQueue[memoryview | None] = SimpleQueue()
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        self._given = 0  # and not done with
        self._thread = threading.Thread(target=self._work, daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise MachineError(
                f"cannot write layers: {error}", hint="the limit of processes is reached, or there is no memory left"
            ) from error

    def write(self, piece: memoryview) -> None:
        """Hand over a piece, after a wait while `AHEAD` others are not done with."""
        self._wait(AHEAD - 1)
        self._given += 1
        self._todo.put(piece)

    def drain(self) -> None:
        """Wait until all pieces are done with."""
        self._wait(0)

    def _wait(self, left: int) -> None:
        """Until no more than ``left`` pieces are not done with."""
        while self._given > left:
            self._given -= 1
            if (error := self._done.get()) is not None:
                raise error

    def close(self) -> None:
        """Wait for the thread to end, which it does when it is done with what it was given."""
        self.abandon()
        self._thread.join()

    def abandon(self) -> None:
        """Let the thread end without a wait for it."""
        self._todo.put(None)

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
