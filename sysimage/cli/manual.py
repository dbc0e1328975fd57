"""The verbs and flags of the command line as values, and from these man pages and the page of the reference.

Made from the parser itself, so that no flag is missing. Only the standard library is used, and of argparse nothing that
differs between versions of Python: building the wheel makes the man pages.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sysimage import __version__

_MARKUP = re.compile(r"`([^`]*)`")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag or argument."""

    names: tuple[str, ...]
    """Such as ``-o`` and ``--output``; empty for an argument."""
    value: str
    """How its value is written; empty for a switch."""
    help: str


@dataclass(frozen=True, slots=True)
class FlagGroup:
    """Flags under one heading."""

    title: str
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Manual:
    """A verb, or the program with its verbs."""

    name: str
    """Such as ``sysimage build``."""
    help: str
    """One line."""
    description: str
    usage: str
    groups: tuple[FlagGroup, ...]
    examples: tuple[tuple[str, str], ...] = ()
    """Command and what it is for."""


def manuals(parser: argparse.ArgumentParser, examples: dict[str, Sequence[tuple[str, str]]]) -> list[Manual]:
    """The program first, then its verbs in the order of the help. ``examples`` are by name of the verb."""
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, below in action.choices.items():
                manual = _manual(below, f"{parser.prog} {name}", helps.get(name, ""))
                found.append(_with_examples(manual, examples.get(name, ())))
    return [_manual(parser, parser.prog, "build operating systems as container images"), *found]


def _with_examples(manual: Manual, examples: Sequence[tuple[str, str]]) -> Manual:
    return Manual(manual.name, manual.help, manual.description, manual.usage, manual.groups, tuple(examples))


def _manual(parser: argparse.ArgumentParser, name: str, line: str) -> Manual:
    groups = []
    for group in parser._action_groups:
        flags = tuple(_flags(group._group_actions))
        if flags:
            groups.append(FlagGroup((group.title or "options").replace("positional arguments", "arguments"), flags))
    description = re.sub(r"\s*\n\s*", " ", (parser.description or "").strip())
    words = [_usage(action) for action in parser._actions if not action.option_strings]
    return Manual(name, line, description, " ".join([name, "[FLAG…]", *words]), tuple(groups))


def _usage(action: argparse.Action) -> str:
    value = _value(action) or "VERB"
    if action.nargs in (argparse.REMAINDER, argparse.ZERO_OR_MORE):
        return f"[{value}…]"
    return f"[{value}]" if action.nargs == argparse.OPTIONAL else value


def _flags(actions: Sequence[argparse.Action]) -> Iterator[Flag]:
    for action in actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                yield Flag((), choice.dest, choice.help or "")
        else:
            yield Flag(tuple(action.option_strings), _value(action), _help(action))


def _help(action: argparse.Action) -> str:
    """What it does; in our own words where argparse's depend on the language of the machine."""
    if isinstance(action, argparse._HelpAction):
        return "print this help"
    if isinstance(action, argparse._VersionAction):
        return "print the version"
    return "" if action.help in (None, argparse.SUPPRESS) else (action.help or "").replace("%%", "%")


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices is not None and not isinstance(action, argparse._SubParsersAction):
        return "|".join(map(str, action.choices))
    return action.dest.upper()


def man_page(manual: Manual, others: Sequence[Manual]) -> str:
    """The page in section 1, in the macros of man(7)."""
    title = manual.name.replace(" ", "-")
    lines = [
        f'.TH {_roff(title.upper())} 1 "" "sysimage {__version__}" "sysimage"',
        ".SH NAME",
        f"{_roff(title)} \\- {_roff(manual.help)}",
        ".SH SYNOPSIS",
        f".B {_roff(manual.name)}",
        _roff(manual.usage.removeprefix(manual.name).strip()),
        ".SH DESCRIPTION",
        _roff(_MARKUP.sub(r"\1", manual.description)),
    ]
    for group in manual.groups:
        lines += [f".SH {_roff(group.title.upper())}"]
        for flag in group.flags:
            names = ", ".join(rf"\fB{_roff(name)}\fR" for name in flag.names)
            value = rf"\fI{_roff(flag.value)}\fR" if flag.value else ""
            lines += [".TP", " ".join(part for part in (names, value) if part), _roff(_MARKUP.sub(r"\1", flag.help))]
    if manual.examples:
        lines += [".SH EXAMPLES"]
        for command, meaning in manual.examples:
            lines += [".TP", rf"\fB{_roff(command)}\fR", _roff(meaning)]
    if manual.name == "sysimage":
        lines += [".SH ENVIRONMENT", "Every flag can be set by a variable: \\-\\-some\\-flag by SYSIMAGE_SOME_FLAG."]
    also = [other.name.replace(" ", "-") for other in others if other.name != manual.name]
    also = also if manual.name == "sysimage" else ["sysimage"]
    lines += [".SH SEE ALSO", ", ".join(rf"\fB{_roff(name)}\fR(1)" for name in also)]
    return "\n".join(line for line in lines if line) + "\n"


def _roff(text: str) -> str:
    """Text that troff prints as it is: no escapes, and no line that begins as a request does."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def reference_page(found: Sequence[Manual]) -> str:
    """All verbs and flags in Markdown."""
    lines = [
        "# Verbs and flags",
        "",
        "Made from the program's own parser; `sysimage VERB --help` and `man sysimage-VERB` say the same.",
    ]
    for manual in found:
        lines += ["", f"## {manual.name}", "", manual.description, "", "```text", manual.usage, "```"]
        for group in manual.groups:
            lines += ["", f"**{group.title[:1].upper()}{group.title[1:]}**", "", "| | |", "| --- | --- |"]
            for flag in group.flags:
                names = ", ".join(f"`{name}`" for name in flag.names)
                value = f"`{flag.value}`" if flag.value else ""
                cell = " ".join(part for part in (names, value) if part).replace("|", "\\|")
                lines.append(f"| {cell} | {flag.help.replace('|', chr(92) + '|')} |")
        for command, meaning in manual.examples:
            lines += ["", f"    {command}    # {meaning}"]
    return "\n".join(lines) + "\n"
