"""Ask an image the standard questions, and the user's own: what ``sysimage test`` does."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest

from sysimage.errors import BootTestError
from sysimage_vm.engine import Engine, Kind
from sysimage_vm.guest import Guest, Host, ensure_snapshot, ready_machine
from sysimage_vm.image import open_image
from sysimage_vm.machine import Machine, MachineFiles
from sysimage_vm.questions import fixtures
from sysimage_vm.questions.plugin import TESTINFRA_PLUGIN, Questions
from sysimage_vm.trial import Trial

STANDARD = ("test_image.py", "test_boot.py", "test_system.py", "test_store.py", "test_life.py")
"""In this order: the last stops the container."""


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

    @property
    def good(self) -> bool:
        return self.fault is None and self.failed == 0 and self.passed > 0


def ask(
    image: Path,
    host: Host,
    guest: Guest,
    reports: Path,
    *,
    kind: Kind = Kind.DOCKER,
    expect: Sequence[Path] = (),
    header: Sequence[str] = (),
    pytest_options: Sequence[str] = (),
) -> Answers:
    """Boot ``image`` and ask. ``reports`` gets ``junit.xml``, the console, QEMU's and the container's log.

    ``expect``: testinfra modules of the user's, asked before the questions that stop the container. Raises
    `BootTestError` only when no machine could be started; everything later is in the answers.
    """

    def ready(machine: Machine) -> None:
        Engine(machine).wait_ready()

    reports.mkdir(parents=True, exist_ok=True)
    made = ensure_snapshot(host, guest, MachineFiles(reports / "guest"), ready)
    with (
        open_image(image) as archive,
        ready_machine(host, guest, MachineFiles(reports / "machine"), ready) as up,
        resources.as_file(resources.files("sysimage_vm.questions")) as folder,
    ):
        trial = Trial(up.machine, Engine(up.machine, kind), archive, {"machine": up.seconds})
        how = "restored" if up.restored else "booted"
        lines = [*header, *([f"guest: {made}"] if made else []), f"guest: {how} in {up.seconds:.1f} s", *up.notes]
        questions = Questions(trial, lines)
        modules = [str(folder / name) for name in STANDARD]
        modules[-1:-1] = [str(path) for path in expect]
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
        settings.write_text("[pytest]\nfilterwarnings =\n    ignore::pytest.PytestAssertRewriteWarning\n")
        options += ["-c", str(settings), "--rootdir", str(folder), f"--junitxml={reports / 'junit.xml'}"]
        options += pytest_options
        status = pytest.main([*options, *modules], plugins=[questions, fixtures])
        declared = False
        with contextlib.suppress(BootTestError):  # a machine that is gone; the questions have said why
            declared = bool(trial.declared)
            trial.keep(reports)
    failed = questions.failed or (0 if status in (0, 1) else 1)
    return Answers(questions.passed, failed, questions.skipped, trial.seconds, declared, questions.fault)
