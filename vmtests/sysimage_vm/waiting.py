"""The one place where the harness waits. What counts is whether anything moves, not how many seconds have passed.

A machine that shares its host's processors with others is slow, and no number of seconds distinguishes slow from stuck.
So a wait goes on as long as the guest makes progress: lines on the console, bytes on the channel (except heartbeats),
bytes of its disks, processor time that it uses or waits for. It ends when none of these has moved for a while, or when
the guest has used more processor time than the thing can need. A limit in seconds of the clock on the wall is only
there for what neither sees, and is far away.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sysimage_vm.errors import DeadlineError, GuestSilentError, MachineFaultError
from sysimage_vm.resource_usage import ResourceUsage

T = TypeVar("T")

TURN = 0.5
"""Seconds between two looks while nothing arrives."""
BUSY = 0.4
"""From which share of one processor on a machine counts as working. An idle guest wants 0.02 to 0.2."""
LONGEST_TURN = 5.0
"""Seconds that one look stands for at most: while the harness itself was stopped, it has seen nothing."""
FAR = 2 * 3600.0
"""The far upper bound, seconds of the clock on the wall."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a wait may go on; all in seconds."""

    quiet: float = 60.0
    """Without any progress. More than the guest may sleep on purpose."""
    work: float = 900.0
    """Processor time that the guest may use meanwhile."""
    bound: float = FAR


USUAL = Patience()


@dataclass(frozen=True, slots=True)
class Signs:
    """What one look at a machine finds; all counts only grow."""

    steps: Hashable = ()
    """Every change of it is progress: bytes of the console, bytes on the channel."""
    effort: ResourceUsage = field(default_factory=ResourceUsage)
    """Progress when there is enough of it; see `BUSY`."""


class Watched(Protocol):
    """What waiting needs to know of a machine."""

    def now(self) -> float:
        """Seconds of a clock that only goes forward."""

    def check(self) -> None:
        """Take in what has arrived; raise the diagnosis if waiting has become pointless."""

    def signs(self) -> Signs: ...

    def rest(self, seconds: float) -> object:
        """Sleep until something arrives, at most so long."""

    def last_seen(self) -> str:
        """The last things that came from it, for a message."""

    def console_tail(self) -> str: ...


class Waiter(Protocol):
    """`wait` with its machine; `machine.Machine.wait`."""

    def __call__(self, what: str, ready: Callable[[], T | None], patience: Patience = USUAL) -> T: ...


class ProgressClock:
    """Measures for how long nothing has moved.

    A step sets it back to zero. Without one it goes as time does, less what was worked: for a machine that works at
    `BUSY` of a processor or more it stays at zero; for an idle one, which always works a little, it is a little slow.
    """

    def __init__(self, now: float, signs: Signs) -> None:
        self._at, self._signs = now, signs
        self.still = 0.0
        """Seconds without progress."""
        self.watched = 0.0
        """Seconds looked at."""
        self.used = 0.0
        self.queued = 0.0

    def look(self, now: float, signs: Signs) -> None:
        """Count what has moved since the last look."""
        passed = min(max(0.0, now - self._at), LONGEST_TURN)
        before = self._signs
        self.watched += passed
        self.used += signs.effort.used - before.effort.used
        self.queued += signs.effort.queued - before.effort.queued
        if signs.steps != before.steps:
            self.still = 0.0
        else:
            worked = signs.effort.work - before.effort.work
            self.still = max(0.0, self.still + passed - worked / BUSY)
        self._at, self._signs = now, signs

    def skip(self, now: float, signs: Signs) -> None:
        """Go on from here: what has moved since the last look was our own doing."""
        self._at, self._signs = now, signs

    def step(self) -> None:
        """Something moved that the signs do not show."""
        self.still = 0.0


@dataclass(frozen=True, slots=True)
class NotYet:
    """An answer that is not the one waited for. Another one than before is progress."""

    seen: str
    """What there is instead, for the message."""


class Ask(Protocol):
    """`ask` with what it watches."""

    def __call__(
        self, what: str, question: Callable[[], T | NotYet], patience: Patience = USUAL, *, pause: float = 2.0
    ) -> T: ...


def wait(watched: Watched, what: str, ready: Callable[[], T | None], patience: Patience = USUAL) -> T:
    """Return what ``ready`` returns as soon as that is not None; it must not wait itself.

    Raises `GuestSilentError` when nothing moves any more, `DeadlineError` when the guest has worked for longer than it
    may, and whatever `Watched.check` finds in between.
    """
    began = last = watched.now()
    clock = ProgressClock(began, watched.signs())
    while True:
        if (result := ready()) is not None:
            return result
        watched.check()
        if (result := ready()) is not None:
            return result
        now = watched.now()
        if now - last >= TURN:
            clock.look(now, watched.signs())
            last = now
        _judge(watched, what, clock, patience, now - began)
        watched.rest(TURN)


def ask(
    watched: Watched,
    what: str,
    question: Callable[[], T | NotYet],
    patience: Patience = USUAL,
    *,
    pause: float = 2.0,
) -> T:
    """Ask until the answer is something else than `NotYet`, and return it.

    Between two questions there are ``pause`` seconds, or as many as the last question took; only then progress is
    counted, since a question moves bytes and takes processor time itself. Raises as `wait` does.
    """
    began = watched.now()
    clock = ProgressClock(began, watched.signs())
    seen: NotYet | None = None
    while True:
        asked = watched.now()
        answer = question()
        if not isinstance(answer, NotYet):
            return answer
        now = watched.now()
        clock.skip(now, watched.signs())
        if seen is not None and answer != seen:
            clock.step()
        seen = answer
        _judge(watched, what, clock, patience, now - began, seen.seen)
        until = now + max(pause, now - asked)
        while now < until:
            watched.check()
            watched.rest(min(TURN, until - now))
            now = watched.now()
            clock.look(now, watched.signs())


def exhausted(clock: ProgressClock, patience: Patience, passed: float) -> tuple[type[MachineFaultError], str] | None:
    """What ends a wait that has lasted for ``passed`` seconds, and in words why; None while it may go on."""
    if clock.still > patience.quiet:
        return GuestSilentError, f"nothing has moved for {clock.still:.0f} s"
    if clock.used > patience.work:
        return DeadlineError, f"the machine has worked for {clock.used:.0f} s of processor time"
    if passed > patience.bound:
        return DeadlineError, f"{passed:.0f} s are over"
    return None


def _judge(
    watched: Watched, what: str, clock: ProgressClock, patience: Patience, passed: float, answer: str | None = None
) -> None:
    if (end := exhausted(clock, patience, passed)) is None:
        return
    kind, cause = end
    lines = [f"cannot wait any longer for {what}: {cause}"]
    if answer is not None:
        lines.append(f"last answer: {answer}")
    if said := watched.last_seen():
        lines.append(said)
    lines.append(
        f"processor time: {clock.used:.1f} s used and {clock.queued:.1f} s stood in line for in {clock.watched:.0f} s"
    )
    raise kind("\n".join(lines), console=watched.console_tail())
