"""The command lines of units: prefixes, words and specifiers. Variables are replaced when the command runs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sysimage_bootstrap.units.quoting import split_words
from sysimage_bootstrap.units.specifiers import Owner, UnitName, expand

_PREFIXES = re.compile(r"[-@:+!|]*")


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments."""

    words: tuple[str, ...]
    """The program and its arguments, with variables as ``$NAME`` (a whole word) and ``${NAME}``."""
    name: str | None = None
    """What the program finds as its own name, where that is not its path."""
    ignore_failure: bool = False
    privileged: bool = False
    """Whether root runs it, whatever the unit's user."""
    variables: bool = True


def parse_commands(text: str, name: UnitName, owner: Owner) -> list[Command]:
    """The commands of one value of an ``Exec…`` directive; a ValueError for what cannot be read."""
    found = []
    for words in _separated(_words(text)):
        prefixes = _PREFIXES.match(words[0])
        marks = prefixes[0] if prefixes else ""
        program, *arguments = [words[0][len(marks) :], *words[1:]]
        variables = ":" not in marks
        words = [re.sub("/{2,}", "/", expand(program, name, owner))]
        words += [expand(word, name, owner, at_run_time=variables) for word in arguments]
        called = None
        if "@" in marks:
            if len(words) < 2:
                raise ValueError(f"no name follows the program: {text!r}")
            called = words.pop(1)
        if not words[0]:
            raise ValueError(f"no program: {text!r}")
        found.append(Command(tuple(words), called, "-" in marks, bool({"+", "!"} & set(marks)), variables))
    return found


def _words(text: str) -> list[str]:
    return split_words(re.sub(r"(?<!\S)\\;(?!\S)", "'\\;'", text))


def _separated(words: list[str]) -> list[list[str]]:
    """The words between semicolons that are words of their own; one in a quoted word is written ``\\;``."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word == ";":
            parts.append([])
        else:
            parts[-1].append(";" if word == "\\;" else word)
    return [part for part in parts if part]
