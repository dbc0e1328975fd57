"""How long layers will be, found out by other processes: for many small files that takes a quarter of the time of
reading them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sysimage.layers.source import LayerSource
from sysimage.layers.tar import tar_size
from sysimage.worker_process import Worker, helping, picklable, worth_a_process
from sysimage.workers import biggest_first, run_tasks

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def tar_sizes(sources: Sequence[LayerSource], workers: int) -> list[int]:
    """`tar_size` of each source."""
    weights = [source.weight for source in sources]
    found = run_tasks(
        biggest_first(weights),
        lambda number, _: tar_size(sources[number]),
        workers if worth_a_process(sum(weights)) else 1,
        lambda _: None,
        what="find out how long the layers will be",
        name=lambda number: sources[number].label,
    )
    return [found[number] for number in range(len(sources))]


class BackgroundSizes(Iterator[int]):
    """`tar_size` of each source in turn."""

    def __init__(self, sizes: Iterator[int], ready: Callable[[], bool]) -> None:
        self._sizes = sizes
        self.ready = ready
        """Whether the next one need not be waited for."""

    def __next__(self) -> int:
        return next(self._sizes)


@contextmanager
def background_sizes(sources: Sequence[LayerSource]) -> Iterator[BackgroundSizes]:
    """`tar_size` of each source in turn, of which the next ones are found out while the caller is at work."""
    if not worth_a_process(sum(source.weight for source in sources)):
        yield BackgroundSizes(map(tar_size, sources), lambda: True)
        return
    with helping("find out how long the layers will be", _send_sizes, sources) as worker:
        yield BackgroundSizes(_received_sizes(worker, sources), worker.line.poll)


def _send_sizes(line: Connection[Any, Any], sources: Sequence[LayerSource]) -> None:
    for source in sources:
        try:
            line.send(tar_size(source))
        except Exception as error:
            line.send(picklable(error))
            return


def _received_sizes(worker: Worker, sources: Sequence[LayerSource]) -> Iterator[int]:
    for source in sources:
        worker.at = source.label
        yield worker.receive()
