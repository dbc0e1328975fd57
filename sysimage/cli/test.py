"""``sysimage test``: boot an image, and question the running system."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sysimage.cli import flags, run_flags, virtual_machine
from sysimage.cli.failure import report_failure
from sysimage.cli.progress import shown_progress
from sysimage.cli.terminal import Terminal
from sysimage.errors import BootTestError, MachineError, SpecError
from sysimage.signals import patient

if TYPE_CHECKING:
    from sysimage.documents.images import BootTestDocument
    from sysimage_vm.prepare import Prepared
    from sysimage_vm.run_questions import Answers

NAME = "test"
HELP = "boot an image and question it"
DESCRIPTION = """\
Boot IMAGE without any privilege, and ask the running system questions: the standard ones, and those of --expect. Where
it boots is chosen by --in: in an engine of a virtual machine, which is the proof and needs QEMU, no root and no engine
on this machine; or, in seconds, in an engine of this machine or in plain Linux namespaces. Ends with 5 if the image
does not pass."""
EXAMPLES = (
    ("sysimage test --in namespaces --variant debug web.json", "a variant of a spec, which is built for it"),
    ("sysimage test --in namespaces web.tar", "the standard questions, in seconds"),
    ("sysimage test --expect test_web.py web.tar", "questions of your own too, in a virtual machine"),
)
_PATIENCE = 4.0
"""Seconds that a signal leaves besides the usual ones."""
EXTRA = ("pytest", "testinfra")
"""Modules that the extra ``vm`` brings."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--expect", metavar="FILE", type=Path, action="append", help="a testinfra module of yours; may be repeated"
    )
    run_flags.add_place(parser, "vm")
    parser.add_argument(
        "--store",
        choices=("classic", "containerd"),
        default="classic",
        help="which image store of Docker in the virtual machine (classic)",
    )
    parser.add_argument(
        "--shell",
        nargs="?",
        const="container",
        choices=("container", "guest"),
        help="instead of asking, open a shell in the booted container (the default), or in the machine around it",
    )
    parser.add_argument(
        "--reports",
        metavar="DIR",
        type=Path,
        help="keep logs and junit.xml here; otherwise they are kept, in a temporary directory, if the image fails",
    )
    parser.add_argument("--junit", metavar="FILE", type=Path, help="write the answers as JUnit XML")
    flags.add_package_flags(parser)
    flags.add_output_flags(parser)
    flags.add_choice_flags(parser, platform="one")
    parser.add_argument("image", metavar="IMAGE", type=Path, help=run_flags.RUNNABLE)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    _check(arguments)
    # What was booted has to be stopped, and pytest unwinds slowly.
    with patient(_PATIENCE), contextlib.ExitStack() as stack:
        with shown_progress(run_flags.progress_style(arguments, terminal), terminal) as progress:
            image, tag = stack.enter_context(run_flags.image_of(arguments, terminal, progress))
        if arguments.place == "vm":
            return _in_machine(image, tag, arguments, terminal)

        from sysimage_vm.native_trial import native_trial

        with _reports(arguments.reports) as reports:
            trials = native_trial(image, arguments.place, terminal.environ, reports, tag=tag)
            return _questions(trials, None, reports, arguments, terminal)


def _in_machine(image: Path, tag: str | None, arguments: argparse.Namespace, terminal: Terminal) -> int:
    from sysimage_vm.engine import EngineKind
    from sysimage_vm.image import archive_for_guest
    from sysimage_vm.run_questions import Subject, trial_of

    with archive_for_guest(image, tag) as archive:
        prepared = virtual_machine.prepared(arguments, terminal)
        with _reports(arguments.reports) as reports:
            about = (f"image: {arguments.image}", f"accelerator: {prepared.verdict}")
            kind = EngineKind(arguments.runtime or "docker")
            what = Subject(archive.path, kind, arguments.store == "containerd", about)
            trials = trial_of(what, prepared.host, prepared.guest, reports)
            if not arguments.shell:
                return _questions(trials, prepared, reports, arguments, terminal)
            reports.mkdir(parents=True, exist_ok=True)
            with trials as (trial, lines):
                for line in () if arguments.quiet else lines:
                    terminal.note(line)
                return virtual_machine.talk(trial, arguments.shell, (), quiet=arguments.quiet, note=terminal.note)


def _check(arguments: argparse.Namespace) -> None:
    """What would only fail after minutes is refused now."""
    if missing := [name for name in EXTRA if importlib.util.find_spec(name) is None]:
        raise MachineError(
            f"cannot ask questions: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed",
            hint="pip install 'sysimage[vm]'",
        )
    run_flags.check_place(arguments)
    engine = arguments.place if arguments.place != "vm" else arguments.runtime or "docker"
    if arguments.store != "classic" and (arguments.place != "vm" or engine != "docker"):
        cause = "it has one" if engine == "podman" else "--store is for the virtual machine's"
        raise SpecError(f"cannot choose the image store of {engine}: {cause}", hint="leave --store out")
    if arguments.shell and arguments.place != "vm":
        raise SpecError(f"cannot open a shell in {arguments.place} instead of asking", hint="say sysimage shell IMAGE")
    if arguments.shell and arguments.json:
        raise SpecError("cannot print a shell as JSON", hint="leave --json out")
    if arguments.junit is not None:
        from sysimage.cli.inputs import flag_inputs
        from sysimage.pipeline.output_checks import refuse_inputs, require_file_output

        refuse_inputs(arguments.junit, flag_inputs(arguments), hint="name another --junit")
        require_file_output(arguments.junit, makes_directories=True)
    for path in arguments.expect or ():
        if not path.is_file():
            raise SpecError(f"cannot read {path}: there is no such file", hint="--expect takes a pytest module")


@contextlib.contextmanager
def _reports(wanted: Path | None) -> Iterator[Path]:
    """Where logs go: the directory that was asked for, or one that is gone again if all went well."""
    if wanted is not None:
        yield wanted
        return
    directory = Path(tempfile.mkdtemp(prefix="sysimage-test-"))
    try:
        yield directory
    finally:
        if not (directory / KEEP).exists():
            shutil.rmtree(directory, ignore_errors=True)


KEEP = "failure.txt"
"""What went wrong; its presence keeps a temporary directory of reports."""


def _questions(
    trials: AbstractContextManager[tuple[Any, list[str]]],
    prepared: Prepared | None,
    reports: Path,
    arguments: argparse.Namespace,
    terminal: Terminal,
) -> int:
    from sysimage_vm.run_questions import run_questions

    os.environ.pop("PYTEST_ADDOPTS", None)  # meant for the caller's own tests
    reports.mkdir(parents=True, exist_ok=True)
    (reports / KEEP).unlink(missing_ok=True)
    answers = None
    fault: BootTestError | None
    try:
        with _said(reports, arguments):
            answers = run_questions(trials, reports, expect=arguments.expect or ())
        fault = _judgement(answers, arguments.image)
    except BootTestError as error:
        fault = error
    if arguments.junit and (reports / "junit.xml").exists():
        arguments.junit.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(reports / "junit.xml", arguments.junit)
    if fault is not None:
        (reports / KEEP).write_text(f"{fault}\n")
        if arguments.quiet or answers is None:  # the evidence was not printed yet
            terminal.note("\n".join(str(fault).splitlines()[len(fault.message.splitlines()) :]))
        fault = BootTestError(fault.message, hint=fault.hint or f"logs are in {reports}", issues=fault.issues)
        report_failure(fault, terminal, as_json=False)
    if arguments.json:
        terminal.document(_document(answers, fault, prepared, arguments, reports))
    elif fault is None and not arguments.quiet:
        terminal.result(_line(answers, arguments))
    return 0 if fault is None else fault.exit_status


@contextlib.contextmanager
def _said(reports: Path, arguments: argparse.Namespace) -> Iterator[None]:
    """pytest's report goes to standard output, with a JSON document to standard error, and with -q to a file."""
    if arguments.quiet:
        with open(reports / "report.txt", "w") as file, contextlib.redirect_stdout(file):
            yield
    elif arguments.json:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    else:
        yield


def _judgement(answers: Answers, image: Path) -> BootTestError | None:
    if answers.good:
        return None
    if answers.fault is not None:
        return answers.fault
    asked = answers.passed + answers.failed
    return BootTestError(
        f"cannot pass {image}: {answers.failed} of {asked} questions failed"
        if asked
        else f"cannot pass {image}: no question could be asked",
        issues=answers.issues,
    )


def _line(answers: Answers | None, arguments: argparse.Namespace) -> str:
    """The result for people."""
    if answers is None:
        return ""
    took = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in answers.seconds.items())
    skipped = f", {answers.skipped} did not apply" if answers.skipped else ""
    unknown = "" if answers.declared else "; it does not say what it was declared to be"
    kept = f"; logs are in {arguments.reports}" if arguments.reports else ""
    return f"{arguments.image}: boots: {answers.passed} questions passed{skipped} ({took}){unknown}{kept}"


def _document(
    answers: Answers | None,
    fault: BootTestError | None,
    prepared: Prepared | None,
    arguments: argparse.Namespace,
    reports: Path,
) -> BootTestDocument:
    """The result for machines."""
    from sysimage.documents.images import BootTestDocument
    from sysimage.documents.problems import Failure

    return BootTestDocument(
        image=str(arguments.image),
        booted_in=arguments.place,
        runtime=(arguments.runtime or "docker") if prepared else None,
        accelerator=str(prepared.verdict.accelerator) if prepared else None,
        accelerator_reason=prepared.verdict.reason if prepared else None,
        passed_count=answers.passed if answers else 0,
        failed_count=answers.failed if answers else 0,
        skipped_count=answers.skipped if answers else 0,
        declared=answers.declared if answers else None,
        seconds={stage: round(seconds, 3) for stage, seconds in answers.seconds.items()} if answers else {},
        reports=str(reports) if reports.exists() and (arguments.reports or fault) else None,
        error=Failure.of(fault) if fault else None,
    )
