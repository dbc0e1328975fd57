"""Flags in the environment: ``SYSIMAGE_MAX_LAYERS=50`` is ``--max-layers 50``, for every flag of every verb."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from sysimage.cli.parser import Parser
from sysimage.errors import SpecError

PREFIX = "SYSIMAGE_"
OF_ARGUMENTS = "SYSIMAGE_ARGUMENT_"
"""Begins the variables that hold values of arguments that a spec declares."""
_ON, _OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def parse_arguments(
    parser: argparse.ArgumentParser, argv: Sequence[str], environ: Mapping[str, str]
) -> argparse.Namespace:
    """Parse, taking what no argument says from the environment, and what that does not say either from the defaults.

    A switch is 1, true, yes or on, or their opposites; a flag that may be repeated takes words with spaces between. An
    empty variable counts as one that is not set, as CI systems pass variables without a value. A value that the flag
    itself would refuse ends the program as a bad flag does, with the variable's name.
    """
    defaults = {}
    for below in _parsers(parser).values():
        for action in _actions(below):
            if variable_of(action) is not None:
                defaults[action] = action.default
                action.default = argparse.SUPPRESS  # to distinguish a flag that was given from one that was not
    arguments = _parsed(parser, argv)
    verb = _parsers(parser).get(arguments.verb, parser)
    for action in _actions(verb):
        variable = variable_of(action)
        if variable is None or hasattr(arguments, action.dest):
            continue
        value = defaults[action]
        if text := environ.get(variable):
            try:
                value = _value(action, text, value)
            except (ValueError, argparse.ArgumentTypeError, SpecError) as error:
                verb.error(f"environment variable {variable}: {error}")
        setattr(arguments, action.dest, value)
    arguments.argument_environment = {
        variable.removeprefix(OF_ARGUMENTS): text
        for variable, text in environ.items()
        if text and variable.startswith(OF_ARGUMENTS)
    }
    return arguments


def asks_for_json(parser: argparse.ArgumentParser, argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether a command line that cannot be parsed asks for JSON, by the flag or by its variable."""
    ours = argv[: argv.index("--")] if "--" in argv else argv
    verb = _parsers(parser).get(ours[0]) if ours else None
    if verb is not None and "--json" not in verb._option_string_actions:
        return False  # it is for the program in the image
    return "--json" in ours or environ.get(f"{PREFIX}JSON", "").lower() in _ON


def _parsed(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """The arguments, where the words are those of a verb; what is wrong with them is the verb's to say."""
    verb = next((below for name, below in _parsers(parser).items() if [name] == list(argv[:1])), None)
    if isinstance(verb, Parser) and (unknown := verb.unknown_flags(argv[1:])):
        verb.refuse(unknown)
    arguments, left = parser.parse_known_args(argv)
    if left:
        refusing = verb or parser
        if isinstance(refusing, Parser):
            refusing.refuse(left)
        refusing.error(f"unrecognized arguments: {' '.join(left)}")
    return arguments


def variable_of(action: argparse.Action) -> str | None:
    """The variable of a flag; None for what is not a flag, and for --help and --version, which are questions."""
    long = next((flag for flag in action.option_strings if flag.startswith("--")), None)
    if long is None or action.dest in ("help", "version", argparse.SUPPRESS):
        return None
    return PREFIX + long[2:].upper().replace("-", "_")


def _parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The verbs' parsers by name."""
    return {
        name: below
        for action in _actions(parser)
        if isinstance(action, argparse._SubParsersAction)
        for name, below in action.choices.items()
    }


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    # argparse has no public list of a parser's actions; this one has been where it is since Python 2.7.
    return parser._actions


def _value(action: argparse.Action, text: str, default: Any) -> Any:
    if action.nargs == 0:
        if text.lower() not in _ON + _OFF:
            raise ValueError(f"must be 1 or 0, not {text!r}")
        return action.const if text.lower() in _ON else default
    repeated = isinstance(action, argparse._AppendAction)
    values = [action.type(word) if callable(action.type) else word for word in (text.split() if repeated else [text])]
    for value in values:
        if action.choices is not None and value not in action.choices:
            raise ValueError(f"must be one of {', '.join(map(str, action.choices))}, not {value!r}")
    return values if repeated else values[0]
