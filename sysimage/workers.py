"""Work on several cores: tasks in child processes, each with its result.

Processes, not threads: opening, reading and closing many small files does not scale under the interpreter's lock.
Children are forked, so tasks and what they need are not copied; one that fails ends the whole, and none outlives the
parent.
"""

from __future__ import annotations

import contextlib
import pickle
import signal
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from sysimage.errors import MachineError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Task = TypeVar("Task", bound=Hashable)
Result = TypeVar("Result")
Report = Callable[[int], None]
"""Tells the parent that so many more bytes have been moved."""

WORTH_A_PROCESS = 64 << 20
"""Bytes in the layers below which another process costs more than it gains."""
_REPORT_EVERY = 16 << 20
"""Bytes between two messages of a child: rare enough to cost nothing, often enough to notice a dead parent."""


def biggest_first(sizes: Sequence[int], numbers: Iterable[int] | None = None) -> list[int]:
    """The order in which cores finish together: ``numbers`` (or all), the biggest first, equal ones in their order."""
    return sorted(range(len(sizes)) if numbers is None else numbers, key=lambda number: (-sizes[number], number))


@contextlib.contextmanager
def helping(work: Callable[..., None], *arguments: object) -> Iterator[None]:
    """While this is open, another process does ``work``; it ends with this, done or not.

    An interrupt from the keyboard is the parent's to deal with. Work that takes long looks whether the parent lives.
    """
    from multiprocessing import get_context

    helper = get_context("fork").Process(target=_help, args=(work, arguments), daemon=True)
    helper.start()
    try:
        yield
    finally:
        helper.kill()
        helper.join()


def _help(work: Callable[..., None], arguments: tuple[object, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work(*arguments)


def run_tasks(
    tasks: Iterable[Task],
    work: Callable[[Task, Report], Result],
    workers: int,
    report: Report,
) -> dict[Task, Result]:
    """Call ``work(task, report)`` for every task, begun in that order, at most ``workers`` at a time.

    A task is asked for when somebody is free, so what it is may be found out meanwhile. With one worker, or one task,
    everything happens in this process. The first exception is raised here after all children have ended.
    """
    if workers <= 1:
        return {task: work(task, report) for task in tasks}
    waiting = iter(tasks)
    first = list(islice(waiting, 2))
    if len(first) < 2:
        return {task: work(task, report) for task in first}
    return _in_children(chain(first, waiting), work, workers, report)


def _in_children(
    waiting: Iterator[Task], work: Callable[[Task, Report], Result], workers: int, report: Report
) -> dict[Task, Result]:
    from multiprocessing import connection, get_context

    fork = get_context("fork")
    ours: list[Connection[Any, Any]] = []
    children = []
    results: dict[Task, Result] = {}
    try:
        for task in islice(waiting, workers):
            mine, theirs = fork.Pipe()
            ours.append(mine)
            child = fork.Process(target=_child, args=(theirs, tuple(ours), work), daemon=True)
            child.start()
            children.append(child)
            theirs.close()
            mine.send(task)
        busy = list(ours)
        while busy:
            for ready in connection.wait(busy):
                pipe = ours[ours.index(ready)]  # type: ignore[arg-type]
                try:
                    kind, *message = pipe.recv()
                except EOFError:
                    raise MachineError(
                        "cannot build the layers: a worker process was killed",
                        hint="the machine may have run out of memory; try fewer workers",
                    ) from None
                if kind == "moved":
                    report(message[0])
                    continue
                if kind == "failed":
                    raise message[0]
                task, result = message
                results[task] = result
                following = next(waiting, None)
                pipe.send(following)
                if following is None:
                    busy.remove(pipe)
    except BaseException:
        for child in children:
            child.terminate()
        raise
    finally:
        for pipe in ours:
            pipe.close()
        for child in children:
            child.join()
    return results


def _child(pipe: Connection[Any, Any], parents: Iterable[Connection[Any, Any]], work: Callable[..., Any]) -> None:
    # An interrupt from the keyboard reaches the whole group; the parent decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in parents:
        other.close()  # or a sibling would keep our pipe open after the parent's death
    unreported = 0

    def report(count: int) -> None:
        nonlocal unreported
        unreported += count
        if unreported >= _REPORT_EVERY:
            pipe.send(("moved", unreported))
            unreported = 0

    with contextlib.suppress(EOFError, BrokenPipeError):
        while (task := pipe.recv()) is not None:
            try:
                answer: tuple[Any, ...] = ("done", task, work(task, report))
            except BrokenPipeError:
                raise
            except Exception as error:
                answer = ("failed", picklable(error))
            if unreported:
                pipe.send(("moved", unreported))
                unreported = 0
            pipe.send(answer)


def picklable(error: Exception) -> Exception:
    """The error itself if it can be sent to another process, or one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
