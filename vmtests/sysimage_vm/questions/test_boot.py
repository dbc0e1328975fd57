"""The init and its services."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import pytest
from testinfra.host import Host

from sysimage_vm.errors import DeadlineError, GuestSilentError
from sysimage_vm.services import FINE, HERD, SYSTEMCTL
from sysimage_vm.trial import Trial
from sysimage_vm.waiting import USUAL, NotYet, Patience

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _only_with_an_init(trial: Trial) -> None:
    if not trial.has_init():
        pytest.skip("this image runs a plain command instead of an init")


def test_the_first_process_is_the_init(trial: Trial, inside: Host) -> None:
    assert inside.file("/proc/1/comm").content_string.strip() == ("systemd" if trial.has_systemd() else "shepherd")


def test_the_container_has_no_privilege(trial: Trial) -> None:
    assert list(trial.booted().privileges()) == []


def test_every_declared_service_is_started(trial: Trial) -> None:
    states = trial.booted().services()
    assert {name: states.get(name) for name in trial.expected_services() if states.get(name) not in FINE} == {}


def test_one_shots_ran_and_timers_are_armed(trial: Trial) -> None:
    states = trial.booted().services()
    declared = {name: trial.services()[name] for name in trial.expected_services()}
    assert {states[name] for name, service in declared.items() if service.get("one-shot")} <= {"one-shot", "started"}
    assert {states[name] for name, service in declared.items() if service.get("timer") is not None} <= {"timer"}


def test_nothing_failed_to_start(trial: Trial) -> None:
    assert [name for name, state in trial.booted().services().items() if state == "failed"] == []


def _process_of(trial: Trial, inside: Host, service: str) -> int | None:
    """The main process of a service, asked of the init."""
    if trial.has_systemd():
        number = inside.run("%s show --property MainPID --value %s", SYSTEMCTL, service).stdout.strip()
        return int(number or 0) or None
    said = inside.run("%s status %s", HERD, service).stdout
    found = re.search(r"(?:PID|process ID is|id:)\s*:?\s*(\d+)", said)
    return int(found[1]) if found else None


def test_a_killed_service_comes_back(trial: Trial, inside: Host) -> None:
    daemons = [
        name
        for name in trial.expected_services()
        if not trial.services()[name].get("one-shot")
        and trial.services()[name].get("timer") is None
        and trial.services()[name].get("respawn", True)
    ]
    if not daemons:
        pytest.skip("no service of this image is to be started again")
    for name in daemons:
        before = _process_of(trial, inside, name)
        assert before is not None, f"the init names no process of {name}"
        assert inside.run("kill -KILL %s", str(before)).rc == 0

        def came_back(name: str = name, before: int = before) -> int | NotYet:
            after = _process_of(trial, inside, name)
            return NotYet(f"process {after}") if after in (None, before) else after

        _ask(trial, f"{name} to come back", came_back, pause=1)
    trial.wait_services()


def test_orphans_are_reaped(trial: Trial, inside: Host) -> None:
    orphan = inside.run_expect([0], "sh -c 'sleep 0.3 >/dev/null & echo $!; exec true'").stdout.strip()

    def reaped() -> bool | NotYet:
        states = inside.run_expect([0], "cat /proc/[0-9]*/stat 2>/dev/null; true").stdout.splitlines()
        left = [line for line in states if line.startswith(f"{orphan} ") or re.search(r"\) Z ", line)]
        return NotYet("\n".join(left)) if left else True

    _ask(trial, "an orphan to be reaped", reaped, Patience(quiet=10), pause=1)


def test_the_output_of_services_is_in_the_logs(trial: Trial) -> None:
    said = trial.booted().logs()
    for name in trial.expected_services():
        assert f"Service {name} " in said or f"{name}." in said or f"service {name} " in said.lower()


def test_the_health_check_goes_healthy(trial: Trial) -> None:
    check = trial.image.declared.get("Healthcheck")
    if not check:
        pytest.skip("this image has no health check")
    if not trial.keeps_health_check:
        pytest.skip(
            "Podman leaves out what OCI's form has no field for; --format docker-archive keeps the health check"
        )
    nanoseconds = 1e9
    rounds = check.get("StartPeriod", 0) + 3 * (check.get("Interval", 0) + check.get("Timeout", 0))

    def healthy() -> bool | NotYet:
        health = trial.booted().health()
        return True if health == "healthy" else NotYet(health)

    _ask(trial, "the health check to go healthy", healthy, Patience(quiet=60 + rounds / nanoseconds), pause=3)


def _ask(
    trial: Trial,
    what: str,
    question: Callable[[], T | NotYet],
    patience: Patience = USUAL,
    *,
    pause: float = 2.0,
) -> T:
    """Ask until the answer is there; that it never comes is a failed question and no fault of the machine."""
    try:
        return trial.ask(what, question, patience, pause=pause)
    except (GuestSilentError, DeadlineError) as fault:
        pytest.fail(f"{fault.message}; {trial.booted().evidence()}")
