"""From arguments to exit status: finds the verb, runs it, and says what went wrong in the same way for all of them."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType, ModuleType
from typing import NoReturn

from sysimage import __version__
from sysimage.cli import build, cache, completion, inspect, lock, plan, schema, test, verify
from sysimage.cli.environment import parse_arguments
from sysimage.cli.failure import report_failure
from sysimage.cli.terminal import Terminal
from sysimage.cli.utf8_mode import enter_utf8_mode
from sysimage.errors import SpecError

VERBS: tuple[ModuleType, ...] = (build, plan, inspect, verify, test, lock, cache, schema, completion)
"""In the order of the help. Each has NAME, HELP, DESCRIPTION, ``add_flags(parser)`` and ``run(arguments, terminal)``;
it imports the rooms it calls only when it runs."""

_EPILOG = """\
Every flag --some-flag can be set by the environment variable SYSIMAGE_SOME_FLAG; the flag wins.
Exit status: 0 done, 1 failure, 2 bad spec or flags, 3 lock out of date, 4 verification failed, 5 boot test failed,
6 registry or package archive, 7 this machine, 70 a fault of sysimage itself, 128 + signal when ended by one.
"""
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndedBySignal(KeyboardInterrupt):
    """Somebody wants us to end; unwinds everything, so that temporary files go and children are ended.

    A KeyboardInterrupt, because code that runs other people's code (pytest, for `test`) lets nothing else through.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status. Every error is reported here and nowhere else."""
    if argv is None:
        enter_utf8_mode()
    terminal = Terminal.of_process(os.environ)
    # One that is ignored, as nohup and shells' background jobs have it, stays so.
    listened = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _end) for number in listened}
    try:
        parser = command_line()
        arguments = parse_arguments(parser, sys.argv[1:] if argv is None else argv, os.environ)
        if arguments.verb is None:
            parser.print_help(sys.stdout)
            return SpecError.exit_status
        status = _run(arguments, terminal)
        sys.stdout.flush()
        return status
    except EndedBySignal as ended:
        return ended.status
    except BrokenPipeError:
        # Whoever read our output has left. What Python still holds for stdout must not raise once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def command_line() -> argparse.ArgumentParser:
    """The parser of every verb."""
    parser = argparse.ArgumentParser(
        prog="sysimage",
        description="Build complete operating-system images for containers from a functional package store.",
        epilog=_EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"sysimage {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for verb in VERBS:
        below = verbs.add_parser(verb.NAME, help=verb.HELP, description=verb.DESCRIPTION, allow_abbrev=False)
        below.set_defaults(run=verb.run)
        verb.add_flags(below)
    return parser


def _run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    try:
        return int(arguments.run(arguments, terminal) or 0)
    except BrokenPipeError:
        raise
    except Exception as error:
        return report_failure(error, terminal, as_json=getattr(arguments, "json", False))


def _end(number: int, frame: FrameType | None) -> NoReturn:
    for ending in _ENDING:  # a second one must not interrupt the cleaning up
        signal.signal(ending, signal.SIG_IGN)
    raise EndedBySignal(number)
