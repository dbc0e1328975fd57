"""How long layers will be, found out by other processes: for many small files that takes a quarter of the time of
reading them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sysimage.errors import MachineError
from sysimage.layers.source import LayerSource
from sysimage.layers.tar import tar_size
from sysimage.workers import WORTH_A_PROCESS, biggest_first, helping, picklable, run_tasks

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def tar_sizes(sources: Sequence[LayerSource], workers: int) -> list[int]:
    """`tar_size` of each source."""
    weights = [source.weight for source in sources]
    found = run_tasks(
        biggest_first(weights),
        lambda number, _: tar_size(sources[number]),
        workers if sum(weights) >= WORTH_A_PROCESS else 1,
        lambda _: None,
    )
    return [found[number] for number in range(len(sources))]


class SizesAhead(Iterator[int]):
    """`tar_size` of each source in turn."""

    def __init__(self, sizes: Iterator[int], ready: Callable[[], bool]) -> None:
        self._sizes = sizes
        self.ready = ready
        """Whether the next one need not be waited for."""

    def __next__(self) -> int:
        return next(self._sizes)


@contextmanager
def sizes_ahead(sources: Sequence[LayerSource]) -> Iterator[SizesAhead]:
    """`tar_size` of each source in turn, of which the next ones are found out while the caller is at work."""
    if sum(source.weight for source in sources) < WORTH_A_PROCESS:
        yield SizesAhead(map(tar_size, sources), lambda: True)
        return
    from multiprocessing import Pipe

    ours, theirs = Pipe(duplex=False)
    with ours, helping(_tell, theirs, sources, os.getpid()):
        theirs.close()
        yield SizesAhead(_told(ours, len(sources)), ours.poll)


def _tell(pipe: Connection[Any, Any], sources: Sequence[LayerSource], parent: int) -> None:
    for source in sources:
        if os.getppid() != parent:
            return
        try:
            pipe.send(tar_size(source))
        except BrokenPipeError:
            return
        except Exception as error:
            pipe.send(picklable(error))
            return


def _told(pipe: Connection[Any, Any], count: int) -> Iterator[int]:
    for _ in range(count):
        try:
            size = pipe.recv()
        except EOFError:
            raise MachineError("cannot build the layers: a helper process was killed") from None
        if isinstance(size, Exception):
            raise size
        yield size
