"""Work on several cores, in child processes: how all of them start, end, and say what went wrong.

Processes, not threads: opening, reading and closing many small files does not scale under the interpreter's lock.
Children are forked, so tasks and what they need are not copied. None outlives the parent, however that ends.
One that fails ends the whole with its own exception; one that dies is a `MachineError` that says what it was at, and
how it died.
"""

from __future__ import annotations

import contextlib
import pickle
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sysimage.worker_process import Worker, may_have_children, picklable

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from multiprocessing.connection import Connection

Task = TypeVar("Task", bound=Hashable)
Result = TypeVar("Result")
Report = Callable[[int], object]
"""Reports to the parent that so many more bytes have been moved."""

_REPORT_EVERY = 16 << 20
"""Bytes between two messages of a child: rare enough to cost nothing."""


def biggest_first(sizes: Sequence[int], numbers: Iterable[int] | None = None) -> list[int]:
    """The order in which cores finish together: ``numbers`` (or all), the biggest first, equal ones in their order."""
    return sorted(range(len(sizes)) if numbers is None else numbers, key=lambda number: (-sizes[number], number))


class Pool(Generic[Task, Result]):
    """At most so many workers, each begun when there is a task for it, call ``work(task, report)``; a context manager.

    With one worker everything happens in this process. ``name`` says what a task is, for people.
    """

    def __init__(
        self,
        workers: int,
        work: Callable[[Task, Report], Result],
        *,
        what: str,
        name: Callable[[Task], str] = str,
        report: Report = lambda moved: None,
    ) -> None:
        self._most = workers if workers <= 1 or may_have_children() else 1
        self._work, self._what, self._name, self._report = work, what, name, report
        self._crew: dict[Connection[Any, Any], Worker] = {}
        self._busy: dict[Worker, Task] = {}
        self._waiting: deque[Task] = deque()

    def __enter__(self) -> Pool[Task, Result]:
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self._crew.values():
            worker.end()

    @property
    def is_free(self) -> bool:
        """Whether a task would be begun at once."""
        return len(self._busy) + len(self._waiting) < max(1, self._most)

    @property
    def is_busy(self) -> bool:
        """Whether a task is not done yet."""
        return bool(self._busy or self._waiting)

    def submit(self, task: Task) -> None:
        """Have a task done, after those before it have been begun."""
        self._waiting.append(task)
        if self._most > 1:
            self._begin()

    def done(self) -> tuple[Task, Result]:
        """The next task that is done; one must have been submitted. The first exception of any is raised."""
        if self._most <= 1:
            task = self._waiting.popleft()
            return task, self._work(task, self._report)
        from multiprocessing import connection

        while True:
            # Those that wait for work too: one of them may die.
            for line in connection.wait(list(self._crew)):
                worker = self._crew[line]  # type: ignore[index]
                kind, value = worker.receive()
                if kind == "moved":
                    self._report(value)
                    continue
                task = self._busy.pop(worker)
                worker.at = ""
                self._begin()
                return task, value

    def _begin(self) -> None:
        while self._waiting and len(self._busy) < self._most:
            worker = next((worker for worker in self._crew.values() if worker not in self._busy), None)
            if worker is None:
                worker = Worker(self._what, _serve, self._work)
                self._crew[worker.line] = worker
            task = self._waiting.popleft()
            worker.send(task)
            worker.at = self._name(task)
            self._busy[worker] = task


def _serve(line: Connection[Any, Any], work: Callable[[Any, Report], Any]) -> None:
    unreported = 0

    def report(count: int) -> None:
        nonlocal unreported
        unreported += count
        if unreported >= _REPORT_EVERY:
            line.send(("moved", unreported))
            unreported = 0

    while True:
        task = line.recv()
        try:
            answer = pickle.dumps(("done", work(task, report)))
        except Exception as error:
            answer = pickle.dumps(picklable(error))
        if unreported:
            line.send(("moved", unreported))
            unreported = 0
        line.send_bytes(answer)


def run_tasks(
    tasks: Iterable[Task],
    work: Callable[[Task, Report], Result],
    workers: int,
    report: Report,
    *,
    what: str = "finish the work",
    name: Callable[[Task], str] = str,
) -> dict[Task, Result]:
    """Call ``work(task, report)`` for every task, begun in that order, at most ``workers`` at a time.

    A task is asked for when a worker is free, so what it is may be found out meanwhile. With one worker, or one task,
    everything happens in this process. The first exception is raised here after all children have ended.
    """
    if workers <= 1 or not may_have_children():
        return {task: work(task, report) for task in tasks}
    waiting = iter(tasks)
    first = list(islice(waiting, 2))
    if len(first) < 2:
        return {task: work(task, report) for task in first}
    results: dict[Task, Result] = {}
    with Pool(workers, work, what=what, name=name, report=report) as pool:
        for task in chain(first, waiting):
            pool.submit(task)
            if not pool.is_free:
                results.update([pool.done()])
        while pool.is_busy:
            results.update([pool.done()])
    return results


@contextlib.contextmanager
def threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Threads that work while this is open. After an error, what has not begun is dropped and what has is waited for;
    a signal that ends the program waits for no thread."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(count, thread_name_prefix=name)
    try:
        yield pool
    except BaseException as error:
        pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
        raise
    pool.shutdown()
