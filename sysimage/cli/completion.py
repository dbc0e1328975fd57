"""``sysimage completion``: what a shell needs to complete verbs, flags and files."""

from __future__ import annotations

import argparse

from sysimage.cli.terminal import Terminal

NAME = "completion"
HELP = "print a script that completes verbs and flags in a shell"
DESCRIPTION = """\
Print a completion script. For bash: eval "$(sysimage completion bash)"; for zsh, put it as _sysimage into a directory
of $fpath; for fish: sysimage completion fish | source."""
EXAMPLES = (
    ('eval "$(sysimage completion bash)"', "for this shell"),
    ("sysimage completion fish | source", "the same for fish"),
)
SHELLS = ("bash", "zsh", "fish")
_FILES = ("FILE", "FILE|DIR|-", "SPEC", "IMAGE")
_DIRECTORIES = ("DIR",)


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="which shell")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    import shtab

    parser: argparse.ArgumentParser = arguments.command_line
    for verb in [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]:
        for below in verb.choices.values():
            for action in below._actions:
                if action.metavar in _FILES + _DIRECTORIES:
                    action.complete = shtab.FILE if action.metavar in _FILES else shtab.DIRECTORY
    terminal.result(shtab.complete(parser, arguments.shell))
