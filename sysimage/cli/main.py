"""From arguments to exit status: finds the verb, runs it, and says what went wrong in the same way for all of them."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

from sysimage import __version__
from sysimage.cli.environment import asks_for_json, parse_arguments
from sysimage.cli.failure import report_failure
from sysimage.cli.parser import Parser
from sysimage.cli.terminal import Terminal
from sysimage.cli.utf8_mode import enter_utf8_mode
from sysimage.errors import SpecError
from sysimage.signals import (
    EndedBySignal,
    ended_by,
    listening,
    raise_if_ending,
    reader_has_left,
    say_without_waiting,
    will_keep,
)

if TYPE_CHECKING:
    from sysimage.cli.manual import Manual

VERBS = (
    "build",
    "plan",
    "resolve",
    "inspect",
    "diff",
    "why",
    "tree",
    "size",
    "search",
    "show",
    "which",
    "verify",
    "report",
    "push",
    "copy",
    "tags",
    "test",
    "run",
    "shell",
    "lock",
    "init",
    "lint",
    "explain",
    "cache",
    "schema",
    "migrate",
    "completion",
    "help",
)
"""In the order of the help. Each is a module here with NAME, HELP, DESCRIPTION, EXAMPLES, ``add_flags(parser)`` and
``run(arguments, terminal)``; it imports the rooms it calls only when it runs."""
_OF_ALL = ("completion", "help")
"""The verbs that look at the flags of every other."""

_EPILOG = """\
Every flag --some-flag can be set by the environment variable SYSIMAGE_SOME_FLAG; the flag wins.
Exit status: 0 done, 1 failure, 2 bad spec or flags, 3 lock out of date, 4 verification failed, 5 boot test failed,
6 registry or package archive, 7 this machine, 70 a fault of sysimage itself, 128 + signal when ended by one.
"""
_STDOUT, _STDERR = 1, 2
_READER_LEFT = 128 + signal.SIGPIPE
_KEPT = {
    **dict.fromkeys(("build", "plan", "test", "lock"), "; what was fetched and made is kept for the next time"),
    **dict.fromkeys(("push", "copy"), "; the layers that a registry has got need not be sent again"),
}
"""By verb: what exists at the next run after a signal has ended it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status. Every error is reported here and nowhere else."""
    if argv is None:
        enter_utf8_mode()
    terminal = Terminal.of_process(os.environ)
    kept = ""
    try:
        with listening():
            words = sys.argv[1:] if argv is None else argv
            parser = command_line(words)
            try:
                arguments = parse_arguments(parser, words, os.environ)
            except SystemExit as ended:  # --help and --version
                return _with_errors_reported(partial(int, ended.code or 0), terminal)
            except Exception as error:
                return _with_errors_reported(
                    partial(_raise, error), terminal, as_json=asks_for_json(parser, words, os.environ)
                )
            if arguments.verb is None:
                parser.print_help(sys.stdout)
                return _with_errors_reported(lambda: SpecError.exit_status, terminal)
            kept = _KEPT.get(arguments.verb, "")
            will_keep(kept)
            return _run(arguments, terminal)
    except EndedBySignal as ended:
        say_without_waiting(f"sysimage: {ended_by(ended.number)}{kept}")
        return ended.status


def command_line(words: Sequence[str] = ()) -> Parser:
    """The parser of every verb; of ``words`` that name one and ask nothing of the others, of that one alone."""
    parser = Parser(
        prog="sysimage",
        description="Build complete operating-system images for containers from a functional package store.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"sysimage {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    named = words[0] if words and words[0] not in _OF_ALL else None
    for verb in map(verb_module, [named] if named in VERBS else VERBS):
        below = verbs.add_parser(verb.NAME, help=verb.HELP, description=verb.DESCRIPTION, examples=verb.EXAMPLES)
        below.set_defaults(run=verb.run, command_line=parser)
        verb.add_flags(below)
    return parser


def verb_module(name: str) -> ModuleType:
    """The module of a verb."""
    return importlib.import_module(f"sysimage.cli.{name}")


def _raise(error: Exception) -> int:
    raise error


def program_manuals() -> list[Manual]:
    """What man pages and the reference are made of: the program, and each of its verbs."""
    from sysimage.cli.manual import manuals

    return manuals(command_line(), {name: verb_module(name).EXAMPLES for name in VERBS})


def _run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    def run() -> int:
        return int(arguments.run(arguments, terminal) or 0)

    return _with_errors_reported(run, terminal, as_json=getattr(arguments, "json", False))


def _with_errors_reported(run: Callable[[], int], terminal: Terminal, *, as_json: bool = False) -> int:
    """The status of what prints results, all of which have arrived, or of the failure, which was reported."""
    try:
        try:
            status = run()
            terminal.flush()
        except Exception as error:
            raise_if_ending()  # what fails then fails because a program was ended or a file is gone
            if isinstance(error, BrokenPipeError) and _readers_left():
                return _READER_LEFT
            status = report_failure(error, terminal, as_json=as_json)
            terminal.flush()
    except BrokenPipeError:
        _readers_left()
        return _READER_LEFT
    return status


def _readers_left() -> bool:
    """Whether a reader of our results or of our messages has left; what is still held for it is then dropped."""
    left = [descriptor for descriptor in (_STDOUT, _STDERR) if reader_has_left(descriptor)]
    for descriptor in left:
        # It must not raise once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    return bool(left)
