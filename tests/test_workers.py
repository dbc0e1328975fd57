"""Child processes that work: their results, their exceptions, and what is reported when one dies."""

from __future__ import annotations

import importlib
import inspect
import multiprocessing
import os
import pickle
import pkgutil
import signal
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sysimage
import sysimage_bootstrap
import sysimage_vm
from sysimage.errors import Issue, MachineError, SysimageError
from sysimage.worker_process import Worker, helping
from sysimage.workers import Pool, Report, run_tasks, threads


def nobody_is_left() -> bool:
    return multiprocessing.active_children() == []


@pytest.mark.slow
@settings(deadline=None, max_examples=12)
@given(st.integers(1, 3), st.lists(st.integers(), max_size=6, unique=True))
def test_every_task_is_done_once_whatever_the_number_of_workers(workers: int, tasks: list[int]) -> None:
    assert run_tasks(tasks, lambda task, _: [task], workers, abs) == {task: [task] for task in tasks}
    with Pool[int, list[int]](workers, lambda task, _: [task], what="count") as pool:
        for task in tasks:
            pool.submit(task)
        assert sorted(pool.done() for _ in tasks) == [(task, [task]) for task in sorted(tasks)]
        assert not pool.is_busy
    assert nobody_is_left()


@pytest.mark.parametrize("workers", [1, 2])
def test_what_one_task_gives_may_be_the_next_task(workers: int) -> None:
    with Pool[int, int](workers, lambda task, _: task - 1, what="count down") as pool:
        pool.submit(9)
        while (left := pool.done()[1]) > 0:
            pool.submit(left)
    assert left == 0


def die(number: int) -> Callable[[Any, Report], None]:
    def work(task: Any, _: Report) -> None:
        if task == "bad":
            os.kill(os.getpid(), number)
        signal.pause()

    return work


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (signal.SIGKILL, "out of memory"),
        (signal.SIGXCPU, "a limit of processor time"),
        (signal.SIGUSR1, "a library may be faulty"),
        (signal.SIGTERM, "a signal ended it"),
    ],
)
def test_the_death_of_a_worker_says_how_it_died_and_what_it_was_at(number: signal.Signals, hint: str) -> None:
    with Pool(2, die(number), what="make store items", name=lambda task: f"the {task} one") as pool:
        pool.submit("good")
        pool.submit("bad")
        with pytest.raises(MachineError) as caught:
            pool.done()
    name = signal.Signals(number).name
    assert caught.value.message == (
        f"cannot make store items: a worker process was killed ({name}) while it was at the bad one"
    )
    assert hint in str(caught.value.hint)
    assert nobody_is_left()


def test_a_worker_that_ends_by_itself_is_reported_with_its_status() -> None:
    with Pool[int, None](2, lambda task, _: os._exit(3), what="work") as pool:
        pool.submit(1)
        with pytest.raises(MachineError, match=r"^cannot work: a worker process ended \(status 3\) while it was at 1$"):
            pool.done()


def test_a_worker_that_dies_while_it_has_nothing_to_do_is_reported_too() -> None:
    with Pool[int, int](2, lambda task, _: os.getpid(), what="work") as pool:
        pool.submit(1)
        _, number = pool.done()
        os.kill(number, signal.SIGKILL)
        os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT)
        with pytest.raises(MachineError, match=r"^cannot work: a worker process was killed \(SIGKILL\)$"):
            pool.submit(2)


def test_a_helper_that_dies_is_reported_when_it_is_needed() -> None:
    with helping("hash", lambda line: os.kill(os.getpid(), signal.SIGKILL)) as worker:
        with pytest.raises(MachineError, match=r"^cannot hash: a worker process was killed \(SIGKILL\)$"):
            worker.receive_bytes()
        with pytest.raises(MachineError, match="SIGKILL"):
            worker.send_bytes(bytes(1 << 20))


def test_a_keyboard_s_signal_does_not_reach_a_worker() -> None:
    def work(line: Any) -> None:
        for number in (signal.SIGINT, signal.SIGHUP):
            os.kill(os.getpid(), number)
        line.send("alive")

    with helping("work", work) as worker:
        assert worker.receive() == "alive"


def test_an_exception_says_where_in_the_worker_it_came_from() -> None:
    def fail_here(task: int, _: Report) -> None:
        raise SysimageError("cannot do it", hint="do not", issues=[Issue("x", "wrong", 3)])

    with pytest.raises(SysimageError) as caught:
        run_tasks([1, 2, 3], fail_here, 2, abs)
    assert (caught.value.hint, caught.value.issues) == ("do not", (Issue("x", "wrong", 3),))
    assert "in fail_here" in "".join(traceback.format_exception(caught.value))


def test_what_cannot_be_sent_is_an_error_and_not_a_hang() -> None:
    class LocalError(Exception):
        pass

    def fail(task: int, _: Report) -> None:
        raise LocalError("ours")

    with pytest.raises(RuntimeError, match=r"^LocalError: ours"):
        run_tasks([1, 2], fail, 2, abs)
    with pytest.raises(Exception, match="pickle"):
        run_tasks([1, 2], lambda task, _: lambda: task, 2, abs)


def test_a_broken_pipe_of_the_work_itself_is_an_error_like_others() -> None:
    def fail(task: int, _: Report) -> None:
        raise BrokenPipeError(32, "Broken pipe", "out")

    with pytest.raises(BrokenPipeError):
        run_tasks([1, 2], fail, 2, abs)


def test_a_signal_ends_waiting_threads_without_waiting_for_them() -> None:
    reading, writing = os.pipe()

    def interrupted() -> None:
        with threads(1, "x") as pool:
            pool.submit(os.read, reading, 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    os.write(writing, b"x")


def error_classes() -> Iterator[type[SysimageError]]:
    """Every class of our errors, in every module."""
    for package in (sysimage, sysimage_bootstrap, sysimage_vm):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if "__main__" not in module.name and ".questions" not in module.name and "_driver" not in module.name:
                importlib.import_module(module.name)
    waiting: list[type[SysimageError]] = [SysimageError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__.partition(".")[0] in ("sysimage", "sysimage_bootstrap", "sysimage_vm"):
            yield kind
        waiting += kind.__subclasses__()


VALUES = {
    "argv": ("patchelf", "--x"),
    "status": 3,
    "stderr": b"no\xff",
    "issues": (Issue("/a", "is wrong", 2, "b"), Issue("", "is wrong too")),
    "errno": 28,
}


@pytest.mark.parametrize("kind", list(error_classes()), ids=lambda kind: kind.__name__)
def test_every_sysimage_error_crosses_processes_whole(kind: type[SysimageError]) -> None:
    parameters = inspect.signature(kind).parameters
    values: dict[str, Any] = {name: VALUES.get(name, f"the {name}") for name in parameters}
    error = kind(**values)
    error.add_note("a note")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert vars(copy) == vars(error)
    assert (str(copy), copy.args, copy.exit_status) == (str(error), error.args, error.exit_status)


def test_a_worker_has_nothing_of_its_parent_s_open_line(tmp_path: Path) -> None:
    """So that a process that waits for one side of it sees that the other side is gone."""
    worker = Worker("work", lambda line: line.recv())
    worker.line.close()
    worker._process.join(20)
    assert worker._process.exitcode == 0
    worker.end()
