"""The virtual machine of ``--in vm``, for the verbs that use it."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.cli import run_flags
from sysimage.cli.progress import shown_progress
from sysimage.cli.settings import settings
from sysimage.cli.spec_files import plain_system
from sysimage.cli.terminal import Terminal
from sysimage.files.user_cache import cache_directory

if TYPE_CHECKING:
    from sysimage_vm.machine_trial import MachineTrial
    from sysimage_vm.prepare import PlannedSystem, Prepared


def prepared(arguments: argparse.Namespace, terminal: Terminal) -> Prepared:
    """Everything that machines are started with; the first time, their guest is built."""
    from sysimage_vm.accelerator import Choice
    from sysimage_vm.prepare import prepare

    cache = cache_directory(arguments.cache_dir, terminal.environ)
    with shown_progress("quiet" if arguments.quiet else arguments.progress, terminal) as progress:

        def planned(path: Path) -> PlannedSystem:
            from sysimage.pipeline.build import plan
            from sysimage.pipeline.options import Identity
            from sysimage.spec.choices import AS_IT_IS

            system = plain_system(str(path), arguments.lockfile, AS_IT_IS)
            return plan(system, settings(arguments, terminal).sources(), Identity.of(system.spec), progress=progress)

        return prepare(planned, Choice(arguments.accel), cache, progress)


def run_in_machine(arguments: argparse.Namespace, command: Sequence[str], terminal: Terminal) -> int:
    """``sysimage run --in vm``: by the ``run`` of the engine in the machine, without a terminal."""
    from sysimage.containers.engine import entry_point_flags
    from sysimage_vm.interactive import converse

    name = "run"
    chosen = bool(command) or arguments.entrypoint is not None
    with _trial(arguments, terminal) as trial, _input(chosen) as source:
        options = ["--name", name, "--pull", "never", *(["--interactive"] if chosen else [])]
        options += entry_point_flags(str(trial.engine.kind), arguments.entrypoint)
        words = trial.engine.command("run", *options, trial.reference(), *command)
        try:
            return converse(trial.machine, words, source, *_ours())
        except KeyboardInterrupt as ended:
            trial.engine.run("stop", "-t", "10", name)
            if getattr(ended, "status", 130) != 130:
                raise
            return int(trial.engine.run("inspect", "-f", "{{.State.ExitCode}}", name).text)


def shell_in_machine(arguments: argparse.Namespace, command: Sequence[str], terminal: Terminal) -> int:
    """``sysimage shell --in vm``: in the booted container, without a terminal."""
    with _trial(arguments, terminal) as trial:
        return talk(trial, "container", command, quiet=arguments.quiet, note=terminal.note)


def talk(trial: MachineTrial, where: str, command: Sequence[str], *, quiet: bool, note: Callable[[str], None]) -> int:
    """Open a shell in the booted container or in the ``guest`` around it, or run ``command`` there; its status."""
    from sysimage_vm.interactive import SHELL, converse

    name = trial.booted().name
    if not quiet and not command:
        place = "the container" if where == "container" else "the virtual machine"
        note(f"a shell in {place}; `exit` ends it, and the machine with it")
    words = list(command or SHELL)
    inside = trial.engine.command("exec", "-i", name, *words) if where == "container" else words
    return converse(trial.machine, inside, sys.stdin.fileno(), *_ours())


def _ours() -> tuple[Callable[[bytes], None], Callable[[bytes], None]]:
    from sysimage.containers.runner import written_to

    sys.stdout.flush()
    return written_to(sys.stdout.fileno()), written_to(sys.stderr.fileno())


@contextlib.contextmanager
def _trial(arguments: argparse.Namespace, terminal: Terminal) -> Iterator[MachineTrial]:
    from sysimage_vm.engine import EngineKind
    from sysimage_vm.run_questions import Subject, trial_of

    with contextlib.ExitStack() as stack:
        with shown_progress(run_flags.progress_style(arguments, terminal), terminal) as progress:
            image, tag = stack.enter_context(run_flags.image_of(arguments, terminal, progress))
        ready = prepared(arguments, terminal)
        reports = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sysimage-run-")))
        subject = Subject(image, EngineKind(arguments.runtime or "docker"), tag=tag)
        trial, lines = stack.enter_context(trial_of(subject, ready.host, ready.guest, reports))
        for line in () if arguments.quiet else lines:
            terminal.note(line)
        yield trial


@contextlib.contextmanager
def _input(wanted: bool) -> Iterator[int]:
    if wanted:
        yield sys.stdin.fileno()
        return
    with open(os.devnull, "rb") as nothing:
        yield nothing.fileno()
