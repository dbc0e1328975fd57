"""A trial goes through its stages when it is asked to, each once, and starts nothing by being looked at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sysimage_vm.booted import Booted, LoadedImage
from sysimage_vm.faults import ServiceNotStartedError
from sysimage_vm.image import ImageArchive
from sysimage_vm.trial import Trial

SYSTEM = {"services": {"web": {}, "later": {"auto-start": False}, "log": {"auto-start": True}}}


class Container:
    """A container of no engine: what was asked of it, in order."""

    name = "none"

    def __init__(self, done: list[str], failures: int) -> None:
        self.done, self.failures = done, failures

    def require_running(self) -> None:
        self.done.append("require running")

    def wait_services(self, expected: list[str]) -> Mapping[str, str]:
        self.done.append(f"wait for {', '.join(expected)}")
        if self.failures:
            self.failures -= 1
            raise ServiceNotStartedError("cannot start a service")
        return {}


class Place(Trial):
    """A place where images run that only notes what is done."""

    def __init__(self, document: Mapping[str, Any] = SYSTEM, entry: list[str] | None = None, failures: int = 0) -> None:
        config = {"config": {"Entrypoint": entry or ["/boot", "/gnu/store/system"]}}
        super().__init__(ImageArchive(Path("none"), 0, (), config, 1))
        self.done: list[str] = []
        self.written = document
        self.failures = failures

    def load_image(self) -> str:
        self.done.append("load")
        return "name"

    def inspect_image(self) -> LoadedImage:
        self.done.append("inspect")
        return LoadedImage({}, "linux", "amd64", (), 0)

    def run_image(self) -> Booted:
        self.done.append("run")
        container: Any = Container(self.done, self.failures)
        return container  # type: ignore[no-any-return]

    def read_document(self, path: str) -> Mapping[str, Any]:
        self.done.append(f"read {path}")
        return self.written

    def keep(self, directory: Path) -> None:
        self.done.append("keep")


BOOT = ["load", "run", "require running", "read /gnu/store/system/system.json", "wait for log, web"]


def test_reading_a_trial_starts_nothing() -> None:
    trial = Place()
    with pytest.raises(RuntimeError, match="not been booted"):
        _ = trial.booted
    assert not trial.is_declared
    assert trial.done == []


def test_a_boot_does_every_stage_before_it_and_each_once() -> None:
    trial = Place()
    assert trial.boot() is trial.boot() is trial.booted is trial.start()
    assert trial.declaration().expected_services == ["log", "web"]
    assert trial.is_declared
    assert trial.done == BOOT
    assert set(trial.seconds) == {"load", "run", "boot"}


def test_a_loaded_image_is_looked_at_without_a_container() -> None:
    trial = Place()
    assert trial.loaded() is trial.loaded()
    assert trial.done == ["load", "inspect"]


def test_a_boot_that_failed_is_no_boot_and_waits_again() -> None:
    trial = Place(failures=1)
    with pytest.raises(ServiceNotStartedError):
        trial.boot()
    with pytest.raises(RuntimeError):
        _ = trial.booted
    trial.boot()
    assert trial.done == [*BOOT, BOOT[-1]]


@pytest.mark.parametrize("document", [{}, {"entry-point": ["/bin/x"]}, {"command": ["/bin/x"]}])
def test_a_plain_command_has_booted_when_it_runs(document: Mapping[str, Any]) -> None:
    trial = Place(document, entry=["/bin/x"])
    trial.boot()
    assert not trial.declaration().has_init
    assert trial.done == [
        "load",
        "run",
        "require running",
        "read /run/current-system/system.json",
        "require running",
    ]
