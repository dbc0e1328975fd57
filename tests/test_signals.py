"""Signals that end the program: never lost, soon obeyed, and no process is left."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.support.processes import all_end, below

ROOT = Path(__file__).parents[1]
BEGIN = """
import ctypes, os, signal, sys, threading, time, weakref
from sysimage.process import run, spawn
from sysimage.signals import EndedBySignal, keep_unwinding, listening, when_ending, will_keep
from sysimage.worker_process import Worker
from sysimage.workers import Pool, threads

def say(text):
    os.write(1, text.encode() + b"\\n")

def wait():
    say("begun")
    time.sleep(60)

"""


def program(body: str, ignored: bool = False) -> subprocess.Popen[bytes]:
    """A process in which ``body`` listens, and says ``begun`` when it may get signals."""
    script = BEGIN + "try:\n    with listening():\n" + textwrap.indent(textwrap.dedent(body), " " * 8)
    script += "\nexcept EndedBySignal as ended:\n    say(f'unwound {ended.status}')\n    os._exit(ended.status)\n"
    handler = signal.SIG_IGN if ignored else signal.SIG_DFL

    def begin() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, handler)

    child = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=begin
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"begun\n", child.communicate()
    return child


def ended(child: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    out, err = child.communicate(timeout=40)
    return child.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unwinds_the_main_thread(number: signal.Signals) -> None:
    child = program("wait()")
    child.send_signal(number)
    assert ended(child) == (128 + number, b"unwound %d\n" % (128 + number), b"")


@pytest.mark.parametrize(
    "where",
    [
        "class Thing: pass\nthing = Thing()\nheld = weakref.ref(thing, lambda _: wait())\ndel thing",
        "class Thing:\n    def __del__(self): wait()\nthing = Thing()\ndel thing",
        "try:\n    wait()\nexcept BaseException:\n    pass",
        "def after():\n    try:\n        yield\n    finally:\n        wait()\nheld = after()\nnext(held)\ndel held",
    ],
    ids=["a callback of a weak reference", "a finalizer", "what catches everything", "a generator's end"],
)
def test_a_signal_that_python_drops_comes_again(where: str) -> None:
    child = program(f"{where}\ntime.sleep(60)")
    child.send_signal(signal.SIGINT)
    assert ended(child) == (130, b"unwound 130\n", b"")


def test_cleaning_up_is_not_interrupted_by_what_comes_again() -> None:
    child = program("""
    try:
        wait()
    finally:
        try:
            raise OSError
        except OSError:
            time.sleep(0.4)
        say("clean")
    """)
    child.send_signal(signal.SIGTERM)
    status, out, err = ended(child)
    assert (status, err) == (143, b"") or b"at once" in err, "a busy machine may need longer than it has"
    assert out == b"clean\nunwound 143\n" or b"at once" in err


def test_what_catches_it_on_purpose_may_clean_up_too() -> None:
    child = program("""
    try:
        wait()
    except KeyboardInterrupt:
        keep_unwinding()
    time.sleep(0.4)
    say("clean")
    """)
    child.send_signal(signal.SIGTERM)
    _, out, err = ended(child)
    assert out == b"clean\nunwound 143\n" or b"at once" in err


@pytest.mark.parametrize("hurries", [True, False], ids=["a second signal", "patience"])
def test_what_does_not_unwind_is_cut_off(hurries: bool) -> None:
    child = program("""
    will_keep("; all is kept")
    try:
        wait()
    finally:
        say("cleaning")
        while True:
            time.sleep(60)
    """)
    child.send_signal(signal.SIGTERM)
    if hurries:
        assert child.stdout is not None
        assert child.stdout.readline() == b"cleaning\n"
        child.send_signal(signal.SIGINT)
    status, _, err = ended(child)
    assert (status, err) == (143, b"sysimage: ended by SIGTERM, at once; all is kept\n")


def test_what_waits_in_the_system_and_ignores_signals_is_cut_off() -> None:
    child = program("""
    mutex = ctypes.create_string_buffer(64)
    libc = ctypes.CDLL(None)
    libc.pthread_mutex_lock(mutex)
    say("begun")
    libc.pthread_mutex_lock(mutex)
    """)
    while "futex" not in Path(f"/proc/{child.pid}/wchan").read_text():
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGHUP)
    assert ended(child) == (129, b"", b"sysimage: ended by SIGHUP, at once\n")


def test_the_end_does_not_wait_for_a_reader_that_does_not_read() -> None:
    child = program("""
    os.set_blocking(2, False)
    try:
        while True:
            os.write(2, bytes(4096))
    except BlockingIOError:
        os.set_blocking(2, True)
    try:
        wait()
    finally:
        time.sleep(60)
    """)
    child.send_signal(signal.SIGTERM)
    assert child.wait(40) == 143
    child.communicate()


def test_an_ignored_signal_stays_ignored() -> None:
    child = program("say('begun')\ntime.sleep(0.3)\nsay('on')", ignored=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        child.send_signal(number)
    assert ended(child) == (0, b"on\n", b"")


def test_a_signal_acts_where_other_threads_wait() -> None:
    """A program that a thread waits for is ended, and what asked for it is called; the thread is not waited for."""
    child = program("""
    def hold():
        with when_ending(lambda: say("acted")):
            time.sleep(60)

    with threads(2, "x") as pool:
        pool.submit(run, ["sleep", "60"])
        pool.submit(hold)
        wait()
    """)
    while not (below_it := below(child.pid)):
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGTERM)
    assert ended(child) == (143, b"acted\nunwound 143\n", b"")
    assert all_end(below_it)


def test_acting_once_is_enough_and_also_happens_for_a_late_caller() -> None:
    child = program("""
    with when_ending(lambda: say("never")):
        pass
    try:
        wait()
    finally:
        time.sleep(0.2)
        with when_ending(lambda: say("late")):
            pass
    """)
    child.send_signal(signal.SIGTERM)
    assert ended(child)[1].startswith(b"late\n")


STARTED = {
    "a program that is waited for": (1, "threading.Thread(target=run, args=(['sleep', '60'],), daemon=True).start()"),
    "a program that was spawned": (1, "held = spawn(['sleep', '60'])"),
    "a brief program": (
        1,
        "held = spawn(['sleep', '60'], brief=True)\n"
        "while open(f'/proc/{held.pid}/comm').read() != 'sleep\\n': time.sleep(0.01)",
    ),
    "a worker": (1, "held = Worker('work', lambda line: time.sleep(60))"),
    "a worker's program": (2, "held = Worker('work', lambda line: run(['sleep', '60']))"),
    "a worker's spawned program": (2, "held = Worker('work', lambda line: spawn(['sleep', '60']).wait())"),
    "a pool": (2, "held = Pool(2, lambda task, _: time.sleep(60), what='work')\nfor task in 'ab': held.submit(task)"),
}


@pytest.mark.parametrize(("count", "how"), STARTED.values(), ids=STARTED.keys())
def test_no_child_outlives_a_parent_that_is_killed(count: int, how: str) -> None:
    child = program(f"{how}\nwait()")
    while len(below_it := below(child.pid)) < count:
        assert child.poll() is None
        time.sleep(0.01)
    child.kill()
    child.communicate()
    assert all_end(below_it)
