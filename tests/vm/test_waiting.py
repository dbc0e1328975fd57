"""Waiting against machines that only exist on paper, in a time of their own: slow is waited for, stuck is not."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage_vm.errors import DeadlineError, GuestSilentError
from sysimage_vm.resource_usage import ResourceUsage
from sysimage_vm.waiting import (
    BUSY,
    FAR,
    LONGEST_TURN,
    TURN,
    NotYet,
    Patience,
    ProgressClock,
    Signs,
    ask,
    wait,
)


class PaperMachine:
    """Wants ``demand`` processors, of which its host gives it one part in ``load``, and stands in line for the rest."""

    def __init__(self, demand: float, load: float = 1.0) -> None:
        self.demand, self.load = demand, load
        self.time = self.used = self.queued = 0.0
        self.steps = 0

    def now(self) -> float:
        return self.time

    def check(self) -> None:
        pass

    def signs(self) -> Signs:
        return Signs(self.steps, ResourceUsage(self.used, self.queued))

    def rest(self, seconds: float) -> None:
        self.time += seconds
        self.used += seconds * self.demand / self.load
        self.queued += seconds * self.demand * (1 - 1 / self.load)

    def last_seen(self) -> str:
        return "last console line: here"

    def console_tail(self) -> str:
        return "before\nhere"


cheap = settings(max_examples=40, deadline=None)
loads = st.floats(1, 20)
working = st.floats(BUSY + 0.05, 2)
idle = st.floats(0, BUSY / 2)


@cheap
@given(working, loads, st.floats(0, 20))
def test_a_guest_that_works_is_waited_for_on_any_host(demand: float, load: float, job: float) -> None:
    machine = PaperMachine(demand, load)
    assert wait(machine, "the job", lambda: "done" if machine.used >= job else None, Patience(bound=1e9)) == "done"


@cheap
@given(idle, loads, st.floats(1, 300))
def test_a_guest_that_does_nothing_is_given_up_soon_on_any_host(demand: float, load: float, quiet: float) -> None:
    machine = PaperMachine(demand, load)
    with pytest.raises(GuestSilentError, match="cannot wait any longer for the moon: nothing has moved") as fault:
        wait(machine, "the moon", lambda: None, Patience(quiet))
    assert quiet <= machine.time <= 2 * quiet + 3 * TURN
    assert "last console line: here" in fault.value.message
    assert f"{machine.used:.1f} s used" in fault.value.message
    assert fault.value.console == "before\nhere"


@cheap
@given(st.lists(st.floats(TURN, 59), max_size=20))
def test_a_guest_that_says_something_now_and_then_is_waited_for(gaps: list[float]) -> None:
    machine = PaperMachine(0)
    moments = list(itertools.accumulate(gaps))

    def ready() -> bool | None:
        machine.steps = sum(moment <= machine.time for moment in moments)
        return True if machine.steps == len(moments) else None

    assert wait(machine, "the last word", ready, Patience(60))
    assert machine.time <= sum(gaps) + TURN


@cheap
@given(working, loads)
def test_a_guest_that_works_for_ever_is_ended_by_what_it_used(demand: float, load: float) -> None:
    machine = PaperMachine(demand, load)
    with pytest.raises(DeadlineError, match=r"the machine has worked for \d+ s of processor time"):
        wait(machine, "the end", lambda: None, Patience(work=20, bound=1e9))
    assert 20 <= machine.used <= 20 + TURN * 2


def test_what_nothing_else_sees_ends_at_the_far_bound() -> None:
    machine = PaperMachine(1, load=1000)
    with pytest.raises(DeadlineError, match=f"{FAR:.0f} s are over"):
        wait(machine, "the end", lambda: None)


@cheap
@given(st.floats(0.1, 20), idle)
def test_questions_without_a_new_answer_are_not_progress(cost: float, demand: float) -> None:
    machine = PaperMachine(demand)

    def question() -> NotYet:
        machine.steps += 1  # the question's own bytes
        machine.used += cost
        machine.time += cost
        return NotYet("starting")

    with pytest.raises(GuestSilentError, match="last answer: starting"):
        ask(machine, "the service", question, Patience(60))


@cheap
@given(st.integers(1, 50))
def test_every_new_answer_is_progress(count: int) -> None:
    machine = PaperMachine(0)
    answers = iter([*(NotYet(f"{number} of {count}") for number in range(count)), "up"])
    assert ask(machine, "the services", lambda: next(answers), Patience(quiet=50), pause=40) == "up"


@cheap
@given(st.floats(0.1, 30))
def test_questions_take_at_most_every_other_second(cost: float) -> None:
    machine, asked = PaperMachine(0), 0.0

    def question() -> NotYet:
        nonlocal asked
        machine.time += cost
        asked += cost
        return NotYet("no")

    with pytest.raises(GuestSilentError):
        ask(machine, "a yes", question, Patience(60), pause=0.1)
    assert asked <= machine.time / 2 + cost


looks = st.lists(st.tuples(st.floats(0, LONGEST_TURN), st.floats(0, 3), st.booleans()), max_size=30)


@cheap
@given(looks)
def test_the_clock_never_shows_more_than_the_time_since_the_last_step(looks: list[tuple[float, float, bool]]) -> None:
    clock = ProgressClock(0, Signs(0))
    now, since, used, steps = 0.0, 0.0, 0.0, 0
    for passed, worked, stepped in looks:
        now, used, steps = now + passed, used + worked, steps + stepped
        since = 0.0 if stepped else since + passed
        clock.look(now, Signs(steps, ResourceUsage(used)))
        assert 0 <= clock.still <= since + 1e-6
    assert clock.used == pytest.approx(used)


@cheap
@given(st.floats(LONGEST_TURN, 1e6))
def test_time_in_which_the_harness_itself_was_stopped_is_not_silence(away: float) -> None:
    clock = ProgressClock(0, Signs())
    clock.look(away, Signs())
    assert clock.still == LONGEST_TURN


@cheap
@given(st.integers(0, 1 << 40))
def test_bytes_of_disks_are_progress(moved: int) -> None:
    clock = ProgressClock(0, Signs())
    clock.look(LONGEST_TURN, Signs((), ResourceUsage(0, 0, moved)))
    assert (clock.still == 0) == (moved >= LONGEST_TURN * BUSY * (1 << 20))
