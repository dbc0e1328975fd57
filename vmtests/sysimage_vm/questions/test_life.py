"""How a container of the image lives with its engine: commands inside it, its network files, restart and stop.

Runs last: the questions before need a container that was never stopped.
"""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from testinfra.host import Host

from sysimage.containers.image import signal_number
from sysimage_vm.booted import Booted
from sysimage_vm.errors import DeadlineError, GuestSilentError
from sysimage_vm.trial import Trial
from sysimage_vm.waiting import NotYet, Patience

STOP_SECONDS = 30
"""Without progress, after which a container that should stop is killed."""
HANDLER = Patience(quiet=5, bound=60)
"""How long a plain program has, after it was started again, to install the handler of its stop signal."""


def test_the_engine_runs_commands_inside(trial: Trial) -> None:
    result = trial.booted().exec("/bin/sh", "-c", "echo out; echo err >&2; exit 7")
    assert (result.status, result.stdout, result.stderr) == (7, b"out\n", b"err\n")


def test_the_engines_network_files_are_intact(trial: Trial, inside: Host) -> None:
    name = trial.booted().hostname()
    assert inside.file("/etc/hostname").content_string.strip() == name
    assert "localhost" in inside.file("/etc/hosts").content_string
    assert name in inside.file("/etc/hosts").content_string
    assert "nameserver" in inside.file("/etc/resolv.conf").content_string
    mounted = {line.split()[1] for line in inside.file("/proc/mounts").content_string.splitlines()}
    assert {"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"} <= mounted


def test_it_restarts(trial: Trial) -> None:
    trial.booted().restart(STOP_SECONDS)
    _wait(trial, trial.booted())


def test_it_stops_promptly_and_says_so(trial: Trial, inside: Host) -> None:
    stop_signal = signal_number(trial.image.declared.get("StopSignal") or "SIGTERM")
    if not trial.has_init():
        _wait_for_handler(trial, inside, stop_signal)
    status, seconds = trial.booted().stop(seconds=STOP_SECONDS)
    trial.seconds["stop"] = seconds
    fine = {0} if trial.has_init() else {0, 128 + stop_signal}
    assert status in fine, f"exit status {status}; {trial.booted().evidence()}"


def test_it_starts_again_after_a_stop(trial: Trial) -> None:
    if trial.booted().state() != "exited":
        pytest.skip("it was not stopped")
    trial.booted().start()
    _wait(trial, trial.booted())


def _wait(trial: Trial, container: Booted) -> None:
    if trial.has_init():
        trial.wait_services()
    else:
        container.require_running()


def _wait_for_handler(trial: Trial, inside: Host, number: int) -> None:
    """The kernel drops a signal that process 1 has no handler for, and a program that was just started has none yet. A
    program that never installs one is judged by its stop, so no fault is reported here."""

    def handled() -> bool | NotYet:
        caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", inside.file("/proc/1/status").content_string, re.MULTILINE)
        return True if caught and int(caught[1], 16) >> (number - 1) & 1 else NotYet(f"no handler of {number}")

    with suppress(GuestSilentError, DeadlineError):
        trial.ask(f"process 1 to handle signal {number}", handled, HANDLER, pause=0.2)
