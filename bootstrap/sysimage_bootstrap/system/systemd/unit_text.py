"""Texts of unit files: values quoted so that systemd reads exactly what the spec says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

Assignments = Sequence[tuple[str, str]]
"""Directives and their values, which are in systemd's own syntax."""
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_NAMED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def unit_text(origin: str, sections: Mapping[str, Assignments]) -> str:
    """The text of a unit file or a drop-in; ``origin`` is what it follows from: a place of the spec, or a package."""
    parts = [f"# Made when the image was built: {origin}\n"]
    for section, assignments in sections.items():
        if assignments:
            lines = "".join(f"{key}={value}\n" for key, value in assignments)
            parts.append(f"\n[{section}]\n{lines}")
    return "".join(parts)


def plain(text: str) -> str:
    """A value that goes to the end of its line: nothing in it is a specifier. A backslash at its end, which would join
    the next line to it, is left out."""
    return text.rstrip("\\ \t").replace("%", "%%")


def quoted(word: str) -> str:
    """A word of a value that is a list of words."""
    word = word.replace("%", "%%")
    if _PLAIN.fullmatch(word):
        return word
    return '"' + "".join(map(_character, word)) + '"'


def command_line(words: Iterable[str]) -> str:
    """A command as ``ExecStart=`` takes it, without variables being replaced in it."""
    return ":" + " ".join(map(quoted, words))


def _character(letter: str) -> str:
    if letter in _NAMED:
        return _NAMED[letter]
    return f"\\x{ord(letter):02x}" if ord(letter) < 0x20 or ord(letter) == 0x7F else letter
