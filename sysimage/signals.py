"""The signals that end the program: SIGINT, SIGTERM and SIGHUP are seen here, are never lost, and are soon obeyed.

    with listening():               # the command line, once
        ...                         # `EndedBySignal` is raised in the main thread, wherever that is
    with when_ending(act):          # any room, any thread: what unwinding alone would not end, such as a program that
        ...                         # another thread waits for; ``act`` is called once, from a thread of its own
    keep_unwinding()                # the caller caught the exception on purpose, and raises it again later
    with patient(seconds):          # the caller stops something slower than a program may be, such as a container
    with held():                    # what must not be interrupted half-way; the exception comes right after
    answered()                      # the caller caught the exception, did what the signal asks for, and goes on
    program = process.spawn(...)    # and children end with us however we end: `ending_with_parent`, `become_worker`

An exception unwinds the main thread, so that ``with`` and ``finally`` remove temporary files and end children. Where
Python drops it (in a weak reference's callback, in ``__del__``, in a library that catches everything), or where the
signal came just before a system call began to wait, it is raised again until the main thread unwinds. When that takes
too long, or at a second signal, the process ends without it; the kernel then ends its children.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 0.7
"""Seconds that unwinding may take."""
_AGAIN = 0.1
"""Seconds until the exception is raised again where it was lost. The same signal within them is the same one: `timeout`
sends it twice, to the process and to its group."""
_NUDGE = signal.SIGURG
"""Wakes the main thread; without a listener it does not end the program."""
_PR_SET_PDEATHSIG = 1


class EndedBySignal(KeyboardInterrupt):
    """The program is to end; unwinds everything, so that temporary files go and children are ended.

    A KeyboardInterrupt, because code that runs other people's code (pytest, for `test`) lets nothing else through.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.status = 128 + number
        """The exit status, as a shell says it."""


def is_ending() -> bool:
    """Whether a signal has come that ends the program. What fails from then on fails because of that."""
    return _listener is not None and _listener.number is not None


def raise_if_ending() -> None:
    """For the main thread, before it says that something failed."""
    if _listener is not None and _listener.number is not None:
        raise EndedBySignal(_listener.number)


def keep_unwinding() -> None:
    """For code that catches the exception on purpose and goes on cleaning up: it is not raised again."""
    if _listener is not None:
        _listener.raises = False


def answered() -> None:
    """The signal that came has been obeyed in another way than by ending us, as by stopping what ran for us."""
    if _listener is not None:
        _listener.number, _listener.raises = None, True


def will_keep(text: str) -> None:
    """What the line that says which signal ended us says beside it, such as what is kept for the next time."""
    if _listener is not None:
        _listener.kept = text


@contextlib.contextmanager
def patient(seconds: float) -> Iterator[None]:
    """While this is open, unwinding may take that much longer. A second signal still ends the program at once."""
    listener = _listener
    if listener is None:
        yield
        return
    listener.patience += seconds
    try:
        yield
    finally:
        listener.patience -= seconds


@contextlib.contextmanager
def held() -> Iterator[None]:
    """While this is open, in the main thread and not for long, no signal interrupts."""
    listener = _listener
    if listener is None:
        yield
        return
    raises, listener.raises = listener.raises, False
    try:
        yield
    finally:
        listener.raises = raises
    if raises:
        raise_if_ending()


@contextlib.contextmanager
def when_ending(act: Callable[[], object]) -> Iterator[None]:
    """While this is open, a signal that ends the program calls ``act``, besides what the main thread does.

    It must be quick, may be called at any moment, and its errors are ignored.
    """
    key = object()
    _acts[key] = act
    try:
        if is_ending():  # and perhaps no thread reads the table any more
            act()
        yield
    finally:
        del _acts[key]


_acts: dict[object, Callable[[], object]] = {}


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """From here on the main thread gets an `EndedBySignal` when a signal is to end the program; only for it.

    A signal that is ignored, as nohup and shells' background jobs have it, stays so.
    """
    global _listener
    listened = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    listener = _listener = _Listener()
    before = {number: signal.signal(number, listener.handle) for number in (*listened, _NUDGE)}
    unraisable, sys.unraisablehook = sys.unraisablehook, _leave_out_ours(sys.unraisablehook)
    try:
        yield
    finally:
        listener.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = unraisable
        _listener = None
    if listener.number is not None:
        raise EndedBySignal(listener.number)


class _Listener:
    """Each signal's number goes into a pipe at once, whatever the interpreter does meanwhile; a thread reads it."""

    def __init__(self) -> None:
        self.number: int | None = None
        """The first signal that came."""
        self.raises = True
        """Whether it must still be raised where no code unwinds."""
        self.kept = ""
        """What the last line names as kept, where the process is ended without unwinding."""
        self.patience = _PATIENCE
        """Seconds that unwinding may take."""
        self._main = threading.get_ident()
        self._reading, self._writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._stopped = False
        self._acted = threading.Event()
        self._fd_before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._watch, name="signals", daemon=True)
        self._thread.start()

    def handle(self, number: int, _: FrameType | None) -> None:
        """In the main thread: raise what unwinds it, unless it does so already."""
        if self.number is None and number != _NUDGE:
            self.number = number
        if self.number is not None and self.raises and not _unwinds(sys.exc_info()[1]):
            raise EndedBySignal(self.number)

    def stop(self) -> None:
        """Listen no more; if a signal has come, what is to be done then has been done."""
        if self.number is not None:
            self._acted.wait(_PATIENCE)
        self._stopped, self.raises = True, False
        signal.set_wakeup_fd(self._fd_before)
        os.write(self._writing, b"\0")
        self._thread.join()
        os.close(self._reading)
        os.close(self._writing)

    def _watch(self) -> None:
        while not self._stopped:
            first = next(iter(self._arrived(None)), None)
            if first is not None and not self._stopped:
                self.number = first if self.number is None else self.number
                self._see_it_obeyed(first)

    def _see_it_obeyed(self, first: int) -> None:
        """Until the main thread has stopped listening, or answered the signal; it is cut off where it does neither."""
        begun = time.monotonic()
        threading.Thread(target=self._act, name="signals: acts", daemon=True).start()
        while self._is_open() and (now := time.monotonic()) < begun + self.patience:
            for number in self._arrived(_AGAIN):
                if self._is_open() and (number != first or time.monotonic() > begun + _AGAIN):
                    self._cut_off()
            if time.monotonic() >= now + _AGAIN * 0.9 and self._is_open():
                signal.pthread_kill(self._main, _NUDGE)
        if self._is_open():
            self._cut_off()

    def _is_open(self) -> bool:
        return not self._stopped and self.number is not None

    def _arrived(self, seconds: float | None) -> list[int]:
        """The signals that came, waiting for the first one."""
        if not select.select([self._reading], [], [], seconds)[0]:
            return []
        return [number for number in os.read(self._reading, 64) if number in ENDING]

    def _act(self) -> None:
        for act in list(_acts.values()):
            with contextlib.suppress(Exception):
                act()
        self._acted.set()

    def _cut_off(self) -> None:
        """End at once."""
        say_without_waiting(f"sysimage: {ended_by(self.number or 0)}, at once{self.kept}")
        os._exit(128 + (self.number or 0))


_listener: _Listener | None = None


def ended_by(number: int) -> str:
    """The message for a process that a signal ended."""
    return f"ended by {signal.Signals(number).name}"


def say_without_waiting(text: str) -> None:
    """Write a line to standard error, unless its reader keeps us waiting or has left."""
    with contextlib.suppress(OSError):
        if any(events & select.POLLOUT for _, events in _poll(2, select.POLLOUT)):
            # Progress bars have hidden the cursor or occupy its line; a terminal has also printed the keys, as ^C.
            shown = "\x1b[?25h\r\x1b[K" if os.isatty(2) else ""
            os.write(2, f"{shown}{text}\n".encode())


def reader_has_left(descriptor: int) -> bool:
    """Whether a descriptor is of a pipe without a reader."""
    return any(events & select.POLLERR for _, events in _poll(descriptor, 0))


def _poll(descriptor: int, events: int) -> list[tuple[int, int]]:
    asked = select.poll()
    asked.register(descriptor, events)
    return asked.poll(0)


def _unwinds(error: BaseException | None) -> bool:
    """Whether ``error``, which is being handled, is ours or came up while ours was handled."""
    while error is not None and not isinstance(error, EndedBySignal):
        error = error.__context__
    return error is not None


def _leave_out_ours(hook: Callable[[UnraisableHookArgs], Any]) -> Callable[[UnraisableHookArgs], Any]:
    def say(lost: UnraisableHookArgs) -> None:
        if not isinstance(lost.exc_value, EndedBySignal):  # which is raised again, where it is not lost
            hook(lost)

    return say


def ending_with_parent() -> Callable[[], None]:
    """What a process that is about to be forked here has to call, so that the kernel kills it when this thread ends.

    It is the thread that counts: let the one that starts a child wait for it.
    """
    die_with_parent, parent = _die_with_parent(), os.getpid()

    def prepare() -> None:
        die_with_parent()
        if os.getppid() != parent:  # it died before prctl(2) took effect
            os._exit(1)

    return prepare


@functools.cache
def _die_with_parent() -> Callable[[], object]:
    import ctypes  # imported late: a run without children does not need it

    numbers = (signal.SIGKILL, 0, 0, 0)
    return functools.partial(ctypes.CDLL(None).prctl, ctypes.c_int(_PR_SET_PDEATHSIG), *map(ctypes.c_ulong, numbers))


def become_worker() -> None:
    """Call this in a forked process, with `ENDING` blocked: its parent decides when it ends.

    What a keyboard or a terminal sends reaches the whole group.
    """
    global _listener
    _listener = None
    _acts.clear()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, _NUDGE):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
