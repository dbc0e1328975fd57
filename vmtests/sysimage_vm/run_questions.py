"""Ask an image the standard questions, and the user's own: what ``sysimage test`` does."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest

from sysimage.errors import BootTestError, Issue
from sysimage_vm.daemons import use_containerd_store
from sysimage_vm.engine import Engine, EngineKind
from sysimage_vm.guest import Guest, Host, ensure_snapshot, ready_machine
from sysimage_vm.image import archive_for_guest
from sysimage_vm.machine import Machine, MachineFiles
from sysimage_vm.machine_trial import MachineTrial
from sysimage_vm.questions import fixtures
from sysimage_vm.questions.plugin import TESTINFRA_PLUGIN, Questions
from sysimage_vm.trial import Trial

STANDARD = ("test_image.py", "test_boot.py", "test_system.py", "test_store.py", "test_life.py")
"""In this order: the last stops the container."""

SETTINGS = """\
[pytest]
junit_family = xunit1
filterwarnings =
    ignore::pytest.PytestAssertRewriteWarning
    ignore::pytest.PytestExperimentalApiWarning
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """How it went."""

    passed: int
    failed: int
    skipped: int
    seconds: dict[str, float]
    """How long the stages took: machine, load, run, boot, stop."""
    declared: bool
    """Whether the image says what it was declared to be; if not, most questions were skipped, which is for people to
    know."""
    fault: BootTestError | None
    """Set when the machine or the image failed as a whole, rather than a question."""

    issues: tuple[Issue, ...] = ()
    """The questions that failed, and the first line of why."""

    @property
    def good(self) -> bool:
        return self.fault is None and self.failed == 0 and self.passed > 0


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tested, and on which engine."""

    image: Path
    """An archive, or the directory of an OCI layout."""
    kind: EngineKind = EngineKind.DOCKER
    containerd_store: bool = False
    """Docker's newer image store, instead of the classic one."""
    header: tuple[str, ...] = ()
    """Lines that the report begins with."""
    tag: str | None = None
    """Which image, where several are there."""


@contextlib.contextmanager
def trial_of(subject: Subject, host: Host, guest: Guest, reports: Path) -> Iterator[tuple[MachineTrial, list[str]]]:
    """A machine with ``subject`` plugged in, and lines that say how it came up.

    ``reports`` gets the logs; those of an earlier run are replaced. Raises `BootTestError` when no machine could be
    started.
    """

    def ready(machine: Machine) -> None:
        Engine(machine).wait_ready()

    for name in ("guest", "machine"):
        MachineFiles(reports / name).clear()
    made = ensure_snapshot(host, guest, MachineFiles(reports / "guest"), ready)
    with (
        archive_for_guest(subject.image, subject.tag) as archive,
        ready_machine(host, guest, MachineFiles(reports / "machine"), ready) as up,
    ):
        if subject.containerd_store:
            use_containerd_store(up.machine)
        engine = Engine(up.machine, subject.kind)
        engine.wait_ready()
        how = "restored" if up.restored else "booted"
        lines = [*([f"guest: {made}"] if made else []), f"guest: {how} in {up.seconds:.1f} s", *up.notes]
        trial = MachineTrial(up.machine, engine, archive, {"machine": up.seconds})
        try:
            yield trial, [*subject.header, *lines]
        finally:
            with contextlib.suppress(BootTestError):  # the machine is gone, and the reason was reported
                trial.keep(reports)


def run_questions(
    trials: AbstractContextManager[tuple[Trial, list[str]]],
    reports: Path,
    *,
    expect: Sequence[Path] = (),
    pytest_options: Sequence[str] = (),
) -> Answers:
    """Boot the image of a trial and ask. ``reports`` gets ``junit.xml``, beside the logs that the trial keeps.

    ``expect``: the user's testinfra modules, which run before the questions that stop the container. Raises
    `BootTestError` only when no machine could be started; everything later is in the answers.
    """
    reports.mkdir(parents=True, exist_ok=True)
    results = reports / "junit.xml"
    results.unlink(missing_ok=True)
    with trials as (trial, lines), resources.as_file(resources.files("sysimage_vm.questions")) as folder:
        questions = Questions(trial, lines)
        modules = [str(folder / name) for name in STANDARD]
        modules[-1:-1] = [str(path.absolute()) for path in expect]
        options = [
            "-p",
            f"no:{TESTINFRA_PLUGIN}",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "--import-mode=importlib",
        ]
        # Neither the user's project nor ours has a say: a timeout or a filter of theirs is not meant for this.
        settings = reports / "pytest.ini"
        settings.write_text(SETTINGS)
        # pytest has one root, and a module outside of it has no name in the names of its tests.
        root = os.path.commonpath([folder, *(path.absolute().parent for path in expect)])
        options += ["-c", str(settings), "--rootdir", root, f"--confcutdir={folder}", f"--junitxml={results}"]
        options += pytest_options
        status = pytest.main([*options, *modules], plugins=[questions, fixtures])
        if questions.interrupt is not None:
            raise questions.interrupt
        declared = False
        with contextlib.suppress(BootTestError):
            declared = bool(trial.declared())
    failed = questions.failed or (0 if status in (0, 1) else 1)
    return Answers(
        questions.passed,
        failed,
        questions.skipped,
        trial.seconds,
        declared,
        questions.fault,
        tuple(questions.issues),
    )
