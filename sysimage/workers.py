"""Work on several cores, in child processes: how all of them start, end, and say what went wrong.

Processes, not threads: opening, reading and closing many small files does not scale under the interpreter's lock.
Children are forked, so tasks and what they need are not copied. None outlives the parent, however that ends.
One that fails ends the whole with its own exception; one that dies is a `MachineError` that says what it was at, and
how it died.
"""

from __future__ import annotations

import contextlib
import pickle
import signal
import sys
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sysimage.errors import MachineError
from sysimage.signals import ENDING, become_worker, ending_with_parent

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from multiprocessing.connection import Connection

Task = TypeVar("Task", bound=Hashable)
Result = TypeVar("Result")
Report = Callable[[int], object]
"""Reports to the parent that so many more bytes have been moved."""

WORTH_A_PROCESS = 64 << 20
"""Bytes in the layers below which another process costs more than it gains."""
_REPORT_EVERY = 16 << 20
"""Bytes between two messages of a child: rare enough to cost nothing."""


def may_have_children() -> bool:
    """Whether this process may start others. Those of `multiprocessing.Pool`, in which a library may find itself, may
    not: everything is then done in the process itself."""
    loaded = sys.modules.get("multiprocessing.process")  # as it is in such a process
    return loaded is None or not loaded.current_process().daemon


def worth_a_process(size: int) -> bool:
    """Whether another process gains more than it costs for so many bytes of layers, and may be started."""
    return size >= WORTH_A_PROCESS and may_have_children()


def biggest_first(sizes: Sequence[int], numbers: Iterable[int] | None = None) -> list[int]:
    """The order in which cores finish together: ``numbers`` (or all), the biggest first, equal ones in their order."""
    return sorted(range(len(sizes)) if numbers is None else numbers, key=lambda number: (-sizes[number], number))


class Worker:
    """A child process that runs ``main(line, *arguments)``, and this end of its line: a `multiprocessing` connection.

    ``what`` is what cannot be done when it dies: "build the layers".
    """

    def __init__(self, what: str, main: Callable[..., None], *arguments: object) -> None:
        from multiprocessing import Pipe, get_context

        self.what = what
        self.at = ""
        """What it is at, for people; empty while it waits for work."""
        self.line, theirs = Pipe()
        self._process = get_context("fork").Process(
            target=_live, args=(ending_with_parent(), self.line, theirs, main, arguments), daemon=True
        )
        # Until the child is what it should be, a signal must not reach what it has of the parent.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            with warnings.catch_warnings():
                # The threads that we have hold no lock that a child needs.
                warnings.filterwarnings("ignore", ".*multi-threaded.*fork", DeprecationWarning)
                self._process.start()
            theirs.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        except BaseException:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            self.end()
            raise

    def end(self) -> None:
        """Kill it; nothing that it has not sent is waited for."""
        if self._process.pid is not None:
            self._process.kill()
            self._process.join()
        self.line.close()

    def send(self, value: object) -> None:
        """As the connection's; a `MachineError` if the worker is dead."""
        with self._alive():
            self.line.send(value)

    def receive(self) -> Any:
        """As the connection's ``recv``; a `MachineError` if the worker is dead. An exception that it sent is raised."""
        with self._alive():
            value = self.line.recv()
        if isinstance(value, Exception):
            raise value
        return value

    def send_bytes(self, data: bytes) -> None:
        """As the connection's; a `MachineError` if the worker is dead."""
        with self._alive():
            self.line.send_bytes(data)

    def receive_bytes(self) -> bytes:
        """As the connection's ``recv_bytes``; a `MachineError` if the worker is dead."""
        with self._alive():
            return self.line.recv_bytes()

    @contextlib.contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, ConnectionError):
            raise self._death() from None

    def _death(self) -> MachineError:
        self._process.join(1)
        status = self._process.exitcode
        at = f" while it was at {self.at}" if self.at else ""
        if status is None or status >= 0:
            how = "is deaf" if status is None else f"ended (status {status})"
            return MachineError(f"cannot {self.what}: a worker process {how}{at}", hint="please report this")
        if -status in ENDING:
            time.sleep(_FOR_US_TOO)
        name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
        return MachineError(
            f"cannot {self.what}: a worker process was killed ({name}){at}", hint=_HINTS.get(-status, _NO_HINT)
        )


_FOR_US_TOO = 0.1
"""Seconds in which a signal that all processes of a group or a service get reaches us as well."""
_NO_HINT = "a library may be faulty; the system's log or a core file may say more"
_HINTS: dict[int, str] = {
    signal.SIGKILL: "the machine may have run out of memory, which its log says; fewer --jobs need less",
    signal.SIGBUS: "a file became shorter while it was read, a disk is full, or the memory is faulty",
    signal.SIGXCPU: "a limit of processor time was reached; `ulimit -t` shows it",
    signal.SIGXFSZ: "a limit of file sizes was reached; `ulimit -f` shows it",
    **dict.fromkeys(ENDING, "a signal ended it; start again"),
}


def _live(
    die_with_parent: Callable[[], None],
    parents: Connection[Any, Any],
    line: Connection[Any, Any],
    main: Callable[..., None],
    arguments: tuple[object, ...],
) -> None:
    die_with_parent()
    become_worker()
    parents.close()
    with contextlib.suppress(EOFError, BrokenPipeError):
        main(line, *arguments)


@contextlib.contextmanager
def helping(what: str, main: Callable[..., None], *arguments: object) -> Iterator[Worker]:
    """While this is open, another process runs ``main(line, *arguments)``; it ends with this, done or not."""
    worker = Worker(what, main, *arguments)
    try:
        yield worker
    finally:
        worker.end()


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


def picklable(error: Exception) -> Exception:
    """The error itself if it can be sent to another process, or one that says the same; with where it came from."""
    error.add_note("in a worker process:\n" + "".join(traceback.format_tb(error.__traceback__)).rstrip())
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    except Exception:
        other = RuntimeError(f"{type(error).__name__}: {error}")
        other.add_note(error.__notes__[-1])
        return other
    return error


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
