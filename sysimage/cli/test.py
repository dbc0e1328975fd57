"""``sysimage test``: boot an image in a container engine inside a virtual machine, and question it."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sysimage.cli import flags, outputs, request
from sysimage.cli.failure import error_document, report_failure
from sysimage.cli.progress import shown_progress
from sysimage.cli.terminal import Terminal
from sysimage.errors import BootTestError, MachineError, SpecError

if TYPE_CHECKING:
    from sysimage_vm.ask import Answers, Subject
    from sysimage_vm.prepare import PlannedSystem, Prepared

NAME = "test"
HELP = "boot an image in a virtual machine and question it"
DESCRIPTION = """\
Start a virtual machine with a container engine in it, load IMAGE, run it without any privilege, and ask the running
system questions: the standard ones, and those of --expect. Needs QEMU, no root and no container engine on this machine.
Ends with 5 if the image does not pass."""
EXTRA = ("pytest", "testinfra")
"""Modules that the extra ``vm`` brings."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--expect", metavar="FILE", type=Path, action="append", help="a testinfra module of yours; may be repeated"
    )
    parser.add_argument("--runtime", choices=("docker", "podman"), default="docker", help="the engine (docker)")
    parser.add_argument(
        "--store", choices=("classic", "containerd"), default="classic", help="which of Docker's image stores (classic)"
    )
    parser.add_argument(
        "--accel",
        choices=("auto", "kvm", "tcg"),
        default="auto",
        help="kvm: fail without it; tcg: emulate the processor; auto: KVM where a kernel boots with it (the default)",
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
    parser.add_argument("image", metavar="IMAGE", type=Path, help="an archive, or the directory of an OCI layout")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    _check(arguments)

    from sysimage_vm.ask import Subject
    from sysimage_vm.engine import Kind
    from sysimage_vm.image import open_image

    kind = Kind(arguments.runtime)
    with open_image(arguments.image) as archive:
        prepared = _prepared(arguments, terminal)
        with _reports(arguments.reports) as reports:
            about = (f"image: {arguments.image}", f"accelerator: {prepared.verdict}")
            what = Subject(archive.path, kind, arguments.store == "containerd", about)
            if arguments.shell:
                return _shell(what, prepared, reports, arguments, terminal)
            return _questions(what, prepared, reports, arguments, terminal)


def _check(arguments: argparse.Namespace) -> None:
    """What would only fail after minutes is refused now."""
    if missing := [name for name in EXTRA if importlib.util.find_spec(name) is None]:
        raise MachineError(
            f"cannot ask questions: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed",
            hint="pip install 'sysimage[vm]'",
        )
    if arguments.store != "classic" and arguments.runtime != "docker":
        raise SpecError(f"cannot choose the image store of {arguments.runtime}: it has one", hint="leave --store out")
    if arguments.shell and arguments.json:
        raise SpecError("cannot print a shell as JSON", hint="leave --json out")
    if arguments.junit is not None:
        outputs.refuse_inputs(arguments.junit, outputs.flag_inputs(arguments), hint="name another --junit")
        outputs.refuse_what_is_no_file(arguments.junit)
    for path in arguments.expect or ():
        if not path.is_file():
            raise SpecError(f"cannot read {path}: there is no such file", hint="--expect takes a pytest module")


def _prepared(arguments: argparse.Namespace, terminal: Terminal) -> Prepared:
    from sysimage_vm.accel import Choice
    from sysimage_vm.prepare import prepare

    cache = flags.cache_directory(arguments.cache_dir, terminal.environ)
    with shown_progress("quiet" if arguments.quiet else arguments.progress, terminal) as progress:

        def planned(path: Path) -> PlannedSystem:
            from sysimage.build import BuildOptions, plan

            options = BuildOptions(
                cache_dir=cache,
                archive=request.archive_choice(arguments, terminal),
                lock_file=arguments.lockfile or path.with_suffix(".lock.json"),
                workers=flags.processors(arguments.jobs),
            )
            return plan(*request.read_spec(str(path)), options, progress)

        return prepare(planned, Choice(arguments.accel), cache, progress)


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
    what: Subject, prepared: Prepared, reports: Path, arguments: argparse.Namespace, terminal: Terminal
) -> int:
    from sysimage_vm.ask import ask

    os.environ.pop("PYTEST_ADDOPTS", None)  # meant for the tests of whoever calls us
    reports.mkdir(parents=True, exist_ok=True)
    (reports / KEEP).unlink(missing_ok=True)
    answers = None
    fault: BootTestError | None
    try:
        with _said(reports, arguments):
            answers = ask(what, prepared.host, prepared.guest, reports, expect=arguments.expect or ())
        fault = _judgement(answers, arguments.image)
    except BootTestError as error:
        fault = error
    if arguments.junit and (reports / "junit.xml").exists():
        arguments.junit.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(reports / "junit.xml", arguments.junit)
    if fault is not None:
        (reports / KEEP).write_text(f"{fault}\n")
        if arguments.quiet or answers is None:  # nobody has seen what it rests on
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
    """pytest's report goes to standard output, beside a document to standard error, and where -q is said to a file."""
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
    prepared: Prepared,
    arguments: argparse.Namespace,
    reports: Path,
) -> dict[str, Any]:
    """The result for machines. Times in seconds."""
    return {
        "image": str(arguments.image),
        "runtime": arguments.runtime,
        "accelerator": str(prepared.verdict.accelerator),
        "accelerator_reason": prepared.verdict.reason,
        "passed": answers.passed if answers else 0,
        "failed": answers.failed if answers else 0,
        "skipped": answers.skipped if answers else 0,
        "declared": answers.declared if answers else None,
        "seconds": {stage: round(seconds, 3) for stage, seconds in answers.seconds.items()} if answers else {},
        "reports": str(reports) if reports.exists() and (arguments.reports or fault) else None,
        "error": error_document(fault, fault.exit_status) if fault else None,
    }


def _shell(what: Subject, prepared: Prepared, reports: Path, arguments: argparse.Namespace, terminal: Terminal) -> int:
    from sysimage_vm.ask import trial_of
    from sysimage_vm.interactive import SHELL, converse, shell_in_container

    def out(data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()

    def err(data: bytes) -> None:
        sys.stderr.buffer.write(data)
        sys.stderr.flush()

    reports.mkdir(parents=True, exist_ok=True)
    with trial_of(what, prepared.host, prepared.guest, reports) as (trial, lines):
        for line in () if arguments.quiet else lines:
            terminal.note(line)
        container = trial.booted
        where = "the container" if arguments.shell == "container" else "the virtual machine"
        if not arguments.quiet:
            terminal.note(f"a shell in {where}; `exit` ends it, and the machine with it")
        inside = shell_in_container(trial.engine, container.name) if arguments.shell == "container" else list(SHELL)
        return converse(trial.machine, inside, sys.stdin.fileno(), out, err)
