"""What processes do, as the kernel counts it: real ones, and a kernel on paper that says what real ones seldom do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage_vm.resource_usage import UsageMeter, family

SPIN = "import time\nwhile time.process_time() < {}: pass\nprint('spun', flush=True); import sys; sys.stdin.read()"


@contextmanager
def python(program: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-I", "-c", program], stdin=-1, stdout=-1) as child:
        try:
            yield child
        finally:
            child.kill()


def test_a_process_that_works_is_distinguished_from_one_that_sleeps() -> None:
    with python(SPIN.format(0.3)) as worker:
        meter = UsageMeter(lambda: (worker.pid,))
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"spun\n"
        worked = meter.read()
        assert worked.used >= 0.28
        assert meter.read().used - worked.used < 0.1, "now it waits for its input"
        worker.kill()
        worker.wait()
        assert meter.read().used >= worked.used, "what an ended one did stays in the sum"


def test_a_family_has_what_its_members_started() -> None:
    program = "import subprocess, sys; p = subprocess.Popen(['cat'], stdin=-1); print(p.pid, flush=True); p.wait()"
    with python(program) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert set(family(parent.pid)) == {parent.pid, child}
        assert child in family(os.getpid())
        os.kill(child, 9)


def thread(proc: Path, pid: int, number: int, used: int, queued: int, io: int = 0) -> None:
    directory = proc / str(pid) / "task" / str(number)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "schedstat").write_text(f"{used * 10**9} {queued * 10**9} 5\n")
    (proc / str(pid) / "io").write_text(f"rchar: {io}\nwchar: 0\nsyscr: 1\n")


@settings(max_examples=30, deadline=None)
@given(counts=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), max_size=5))
def test_the_sums_are_those_of_all_threads_and_only_grow(
    tmp_path_factory: pytest.TempPathFactory, counts: list[tuple[int, int, int]]
) -> None:
    proc = tmp_path_factory.mktemp("proc")
    meter = UsageMeter(lambda: (7,), proc)
    used = queued = moved = 0
    for extra_used, extra_queued, extra_moved in counts:
        used, queued, moved = used + extra_used, queued + extra_queued, moved + extra_moved
        first = used // 2
        thread(proc, 7, 7, first, queued, moved)
        thread(proc, 7, 8, used - first, 0, moved)
        effort = meter.read()
        assert [effort.used, effort.queued] == pytest.approx([used, queued])
        assert effort.moved == moved


def test_a_number_that_another_process_has_got_counts_from_its_beginning(tmp_path: Path) -> None:
    meter = UsageMeter(lambda: (7,), tmp_path)
    thread(tmp_path, 7, 7, 100, 0)
    assert meter.read().used == 100
    thread(tmp_path, 7, 7, 3, 0)
    assert meter.read().used == 103


def test_a_kernel_that_counts_no_lines_is_asked_for_processor_time(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    ticks = os.sysconf("SC_CLK_TCK")
    fields = ["S", "1", *["0"] * 9, str(2 * ticks), str(3 * ticks), "0"]
    (tmp_path / "7" / "stat").write_text(f"7 (a ) name) {' '.join(fields)}")
    assert UsageMeter(lambda: (7,), tmp_path).read().used == 5


def test_a_process_that_is_gone_does_nothing(tmp_path: Path) -> None:
    assert UsageMeter(lambda: (7,), tmp_path).read().work == 0
    assert family(7, tmp_path) == [7]
