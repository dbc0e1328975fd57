"""One child process that works for this one: how it starts, how it ends, and the error when it dies.

It is forked, so what it needs is not copied, and it does not outlive its parent, however that ends.
"""

from __future__ import annotations

import contextlib
import pickle
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sysimage.errors import MachineError
from sysimage.signals import ENDING, become_worker, ending_with_parent

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

WORTH_A_PROCESS = 64 << 20
"""Bytes in the layers below which another process costs more than it gains."""


def may_have_children() -> bool:
    """Whether this process may start others. Those of `multiprocessing.Pool`, in which a library may find itself, may
    not: everything is then done in the process itself."""
    loaded = sys.modules.get("multiprocessing.process")  # as it is in such a process
    return loaded is None or not loaded.current_process().daemon


def worth_a_process(size: int) -> bool:
    """Whether another process gains more than it costs for so many bytes of layers, and may be started."""
    return size >= WORTH_A_PROCESS and may_have_children()


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
        """The same as the method of the connection; a `MachineError` if the worker is dead."""
        with self._alive():
            self.line.send(value)

    def receive(self) -> Any:
        """The same as ``recv`` of the connection; a `MachineError` if the worker is dead. An exception that it sent is
        raised."""
        with self._alive():
            value = self.line.recv()
        if isinstance(value, Exception):
            raise value
        return value

    def send_bytes(self, data: bytes) -> None:
        """The same as the method of the connection; a `MachineError` if the worker is dead."""
        with self._alive():
            self.line.send_bytes(data)

    def receive_bytes(self) -> bytes:
        """The same as ``recv_bytes`` of the connection; a `MachineError` if the worker is dead."""
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
