"""``sysimage help``: the help of a verb, for users who write ``help`` first."""

from __future__ import annotations

import argparse

from sysimage.cli.parser import Parser
from sysimage.cli.terminal import Terminal

NAME = "help"
HELP = "show the help of a verb"
DESCRIPTION = "Show what a verb does, which flags it has, and examples; without VERB, all verbs."
EXAMPLES = (
    ("sysimage help build", "the same as sysimage build --help"),
    ("sysimage help --all build", "every flag of build"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="show every flag")
    parser.add_argument("about", metavar="VERB", nargs="?", help="the verb")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    top: Parser = arguments.command_line
    if arguments.about is None:
        terminal.result(top.format_help().rstrip("\n"))
        return
    verbs = next(action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    top._check_value(verbs, arguments.about)
    below: Parser = verbs.choices[arguments.about]
    terminal.result(below.format_help(everything=arguments.all).rstrip("\n"))
