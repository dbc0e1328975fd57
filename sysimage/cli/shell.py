"""``sysimage shell``: boot an image and open a shell in it."""

from __future__ import annotations

import argparse

from sysimage.cli import run_flags
from sysimage.cli.terminal import Terminal

NAME = "shell"
HELP = "boot an image and open a shell in it"
DESCRIPTION = """\
Boot IMAGE, wait until its services are started, and open a shell in it; or run COMMAND there. When that ends, the
system is stopped and nothing is left behind. Ends with the status of the shell."""
EXAMPLES = (
    ("sysimage shell system.json", "built where it has to be, booted, and a shell in it"),
    ("sysimage shell web.tar herd status", "one command in the booted system"),
)
SHELL = ("/bin/sh", "-c", 'exec "$(command -v bash || echo sh)" "$@"', "sh")
"""The better of the shells that an image may have."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    run_flags.add_run_flags(parser)
    parser.add_argument(
        "command",
        metavar="COMMAND",
        nargs=argparse.REMAINDER,
        help="what runs in the booted system, instead of a shell",
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    run_flags.check_place(arguments)
    command = run_flags.command_of(arguments)
    if arguments.place == "vm":
        from sysimage.cli.virtual_machine import shell_in_machine

        return shell_in_machine(arguments, command, terminal)
    person = run_flags.is_terminal()
    with run_flags.opened_place(arguments, terminal) as place:
        place.boot()
        if not place.wait_until_up() and not arguments.quiet:
            question = "systemctl list-jobs" if place.image.starts_systemd(place.image.argv()) else "herd status"
            terminal.note(f"sysimage: some services are still starting; `{question}` lists them")
        status = place.talk(command or [*SHELL, *(["-i"] if person else [])], terminal=person)
        place.stop()
        return status
