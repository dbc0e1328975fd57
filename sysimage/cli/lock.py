"""``sysimage lock``: record exactly which packages a spec resolves to today."""

from __future__ import annotations

import argparse

from sysimage.cli import flags
from sysimage.cli.progress import shown_progress
from sysimage.cli.settings import settings
from sysimage.cli.spec_files import choices, plain_system
from sysimage.cli.terminal import Terminal, in_bytes

NAME = "lock"
HELP = "write down exactly which packages the image is made of"
DESCRIPTION = """\
Choose the packages of SPEC as the archive has them today and write their versions, hashes and sizes to the lock file.
Builds use it from then on, and `build --locked` refuses anything else."""

_ELSEWHERE = "--lockfile names the lock file that is written"


def add_flags(parser: argparse.ArgumentParser) -> None:
    flags.add_source_flags(parser)
    flags.add_output_flags(parser)
    flags.add_spec(parser)


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    system = plain_system(arguments.spec, arguments.lockfile, choices(arguments))

    from sysimage.api.documents import document
    from sysimage.api.lock_files import lock_packages
    from sysimage.cli.inputs import flag_inputs, spec_input

    read = [spec_input(arguments.spec), *flag_inputs(arguments)]
    with shown_progress("quiet" if arguments.quiet else arguments.progress, terminal) as progress:
        locked = lock_packages(system, settings(arguments, terminal), read, progress, hint=_ELSEWHERE)
    if arguments.json:
        terminal.document(document(locked))
    elif not arguments.quiet:
        terminal.result(f"{system.lock_file}: {len(locked.packages)} packages, {in_bytes(locked.size)} to fetch")
