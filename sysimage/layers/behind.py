"""Pieces of a stream used by another thread while this one collects the next ones.

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
from sysimage.store.pieces import PIECE_SIZE

Use = Callable[[memoryview], object]
AHEAD = 2
"""How many pieces may be handed over and not done with. Collecting a piece and writing one take about as long, now one
more and now the other: with a single piece on its way both would wait for half of the differences, which is a sixth of
the time of an archive on a disk."""
BUFFERS = AHEAD + 1
"""How many pieces must stay as they are: those, and the one that is being collected."""
_HUGE_PAGE = 2 << 20
_PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


@contextlib.contextmanager
def buffers(piece_size: int = PIECE_SIZE) -> Iterator[Sequence[memoryview]]:
    """Memory for `BUFFERS` pieces, used again when this ends well: then nobody uses it any more.

    Where it fills a huge page it lies in such, if the kernel has some. What goes from memory to a disk past the page
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
        # A huge page begins at a multiple of its size, and nobody can ask for memory that does. Where Python cannot
        # tell where memory lies, which it need not, it is taken as it comes.
        with contextlib.suppress(ImportError, OSError):
            import ctypes

            memory = mmap.mmap(-1, size_in_pages + _HUGE_PAGE, flags=_PRIVATE)
            begin = -ctypes.addressof(ctypes.c_char.from_buffer(memory)) % _HUGE_PAGE
            memory.madvise(mmap.MADV_HUGEPAGE, begin, size_in_pages)
            return memoryview(memory)[begin : begin + size]
    return memoryview(mmap.mmap(-1, size, flags=_PRIVATE))


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
    except BaseException:
        # A write into a pipe that nobody reads never returns, and must not keep an interrupt from ending us.
        worker.dismiss()
        raise
    worker.end()


class _Worker:
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
        self.dismiss()
        self._thread.join()

    def dismiss(self) -> None:
        """It ends when it is done with what it was given."""
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
