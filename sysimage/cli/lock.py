"""``sysimage lock``: record exactly which packages a spec resolves to today."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sysimage.cli import flags
from sysimage.cli.progress import shown_progress
from sysimage.cli.settings import settings
from sysimage.cli.several_specs import each_spec
from sysimage.cli.spec_files import choices, faults_in, plain_systems
from sysimage.cli.terminal import Terminal, in_bytes

if TYPE_CHECKING:
    from sysimage.api.settings import Settings
    from sysimage.api.values import LockedPackages
    from sysimage.compare.difference import Difference
    from sysimage.pipeline.options import DeclaredSystem
    from sysimage.progress import Progress
    from sysimage_bootstrap.packages.lock import InputChange, LockFile

NAME = "lock"
HELP = "write down exactly which packages the image is made of"
DESCRIPTION = """\
Choose the packages of SPEC as the archive has them today and write their versions, hashes and sizes to the lock file,
with the hashes of its trees, wheels, npm packages and jars. Builds use it from then on, and `build --locked` refuses
anything else. Where there was a lock file, show what is different, as `sysimage diff` does: for that, packages of a
higher version are fetched, for their changelogs. Each of several specs, and of several platforms, gets a lock file."""
EXAMPLES = (
    ("sysimage lock", "fix the packages of system.json here; the change is shown"),
    ("sysimage lock --update nginx", "a newer nginx, and nothing else that need not change"),
    ("sysimage lock --markdown web.json", "the same for a pull request"),
)

_ELSEWHERE = "--lockfile names the lock file that is written"


def add_flags(parser: argparse.ArgumentParser) -> None:
    group = flags.add_archive_flags(parser)
    parser.add_argument(
        "--update",
        metavar="NAME[,NAME…]",
        action="append",
        default=[],
        help="choose these packages again, and what they force; the others stay as the lock file has them",
    )
    flags.add_lockfile(group)
    flags.add_changelogs(group)
    flags.add_output_flags(parser).add_argument(
        "--markdown", action="store_true", help="print the change as tables for a pull request"
    )
    flags.add_specs(parser, platform="several lock files", several="each gets a lock file of its own")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    several = arguments.platforms if len(arguments.platforms or ()) > 1 else None
    systems = [
        (one, system)
        for one in each_spec(arguments)
        for system in plain_systems(one.spec, one.lockfile, choices(one), several)
    ]

    from sysimage.api.documents import locked_document
    from sysimage.documents.packages import LocksDocument

    documents = []
    with shown_progress("quiet" if arguments.quiet else arguments.progress, terminal) as progress:
        done = [(system, *_lock(system, one, terminal, progress)) for one, system in systems]
    for system, locked, change, inputs in done:
        if arguments.json:
            packages = None if change is None else change.packages
            documents.append(locked_document(locked, packages, inputs))
        elif not arguments.quiet:
            if change is not None:
                _show(change, inputs or (), arguments, terminal)
            if not arguments.markdown:
                terminal.result(
                    f"{system.lock_file}: {len(locked.packages)} packages, {in_bytes(locked.size)} to fetch"
                )
    if arguments.json:
        terminal.document(documents[0] if len(documents) == 1 else LocksDocument(tuple(documents)))


def _lock(
    system: DeclaredSystem, arguments: argparse.Namespace, terminal: Terminal, progress: Progress
) -> tuple[LockedPackages, Difference | None, tuple[InputChange, ...] | None]:
    from sysimage.api.lock_files import lock_packages
    from sysimage.cli.inputs import flag_inputs, spec_input

    read = [spec_input(arguments.spec), *flag_inputs(arguments)]
    said = settings(arguments, terminal)
    update = [name for words in arguments.update for name in words.split(",") if name]
    with faults_in(arguments.spec, choices(arguments)):
        locked, before, after = lock_packages(system, said, read, progress, hint=_ELSEWHERE, update=update)
    if before is None:
        return locked, None, None
    change = _change(system, before, after, said, progress, changelogs=not arguments.no_changelogs)
    return locked, change, before.input_changes(after.inputs)


def _change(
    system: DeclaredSystem,
    before: LockFile,
    after: LockFile,
    said: Settings,
    progress: Progress,
    *,
    changelogs: bool,
) -> Difference:
    from sysimage.api.comparison import Opened, difference, of_resolution

    name, spec = str(system.lock_file), system.spec
    old, new = (
        Opened(
            of_resolution(name, "lock file", lock.resolution), spec.architecture, spec, lock.resolution, system.spec_dir
        )
        for lock in (before, after)
    )
    return difference(old, new, said, changelogs=changelogs, progress=progress)


def _show(change: Difference, inputs: Sequence[InputChange], arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.cli import difference_text

    if not change.is_empty or (arguments.markdown and not inputs):
        shown = (
            difference_text.markdown(change, every=False)
            if arguments.markdown
            else difference_text.lines(change, terminal.width, every=False)
        )
        for line in shown:
            terminal.result(line)
    elif not inputs:
        terminal.result("the packages are those that were locked before")
    for line in difference_text.inputs(inputs, markdown=arguments.markdown):
        terminal.result(line)
