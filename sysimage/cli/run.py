"""``sysimage run``: run an image, or a command in it, until it ends."""

from __future__ import annotations

import argparse
import sys

from sysimage.cli import run_flags
from sysimage.cli.terminal import Terminal

NAME = "run"
HELP = "run an image, or a command in it, without installing an engine"
DESCRIPTION = """\
Run IMAGE and show what it says until it ends, or Ctrl-C stops it. With COMMAND, run what `docker run IMAGE COMMAND`
would. Nothing is left behind. Ends with the status of what it ran."""
EXAMPLES = (
    ("sysimage run web.tar", "boot it, until Ctrl-C"),
    ("sysimage run web.json cat /etc/os-release", "one command in an image that is built for it"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--entrypoint",
        metavar="PROGRAM",
        help="instead of the image's entry point; '' for none, so that COMMAND is what runs",
    )
    run_flags.add_run_flags(parser)
    parser.add_argument(
        "command",
        metavar="COMMAND",
        nargs=argparse.REMAINDER,
        help="what the entry point is given instead of the image's own command",
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    run_flags.check_place(arguments)
    command = run_flags.command_of(arguments)
    if arguments.place == "vm":
        from sysimage.cli.virtual_machine import run_in_machine

        return run_in_machine(arguments, command, terminal)

    from sysimage.containers.runner import written_to

    chosen = bool(command) or arguments.entrypoint is not None
    with run_flags.opened_place(arguments, terminal) as place:
        status = place.foreground(
            command,
            arguments.entrypoint,
            interactive=chosen,
            terminal=chosen and run_flags.is_terminal(),
            out=written_to(sys.stdout.fileno()),
            err=written_to(sys.stderr.fileno()),
        )
    if status == USAGE and command and arguments.entrypoint is None and place.image.boots_a_system:
        terminal.note("hint: the entry point boots the system and takes no command: say --entrypoint '', or use "
                      "`sysimage shell` to run it in the booted system")  # fmt: skip
    return status


USAGE = 2
"""What the boot program ends with when it is given a command."""
