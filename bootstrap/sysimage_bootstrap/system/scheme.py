"""Data for Scheme: Python values written so that Guile's reader gives exactly the same values.

What a user wrote only ever gets into a Scheme file as a string, number or boolean inside quoted data, through `write`;
no text is pasted anywhere. The output is ASCII, so that it reads the same in every locale.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

_SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9@._:+-]*")
_NAMED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Symbol:
    """A Scheme symbol of the plainest kind: letters, digits and ``@._:+-``, beginning with a letter."""

    name: str

    def __post_init__(self) -> None:
        if not _SYMBOL.fullmatch(self.name):
            raise ValueError(f"not a plain symbol: {self.name!r}")


@dataclass(frozen=True, slots=True)
class OwnPathText:
    """A text that mentions the store path of the item it is in, which follows from the text."""

    parts: tuple[str, ...]
    """What is before, between and after the mentions."""

    def at(self, path: str) -> str:
        """The text in an item of this path."""
        return write(path).join(self.parts)


Datum = str | int | float | bool | Symbol | Sequence["Datum"]
"""What can be written; a sequence becomes a list."""


def write(datum: Datum, indent: int = 0) -> str:
    """The external representation of ``datum``; long lists take a line for each element, ``indent`` spaces deep.

    A ValueError for what Scheme cannot read back: a lone surrogate, an infinite or undefined number.
    """
    flat = _flat(datum)
    if indent + len(flat) <= _WIDTH or isinstance(datum, str | int | float | Symbol) or not datum:
        return flat
    head, *rest = datum
    lines = [write(head, indent + 1), *(write(part, indent + 1) for part in rest)]
    return "(" + ("\n" + " " * (indent + 1)).join(lines) + ")"


def _flat(datum: Datum) -> str:
    if isinstance(datum, bool):
        return "#t" if datum else "#f"
    if isinstance(datum, int):
        return str(datum)
    if isinstance(datum, float):
        if not math.isfinite(datum):
            raise ValueError(f"not a number that can be written: {datum}")
        return repr(datum)
    if isinstance(datum, Symbol):
        return datum.name
    if isinstance(datum, str):
        return _string(datum)
    return "(" + " ".join(_flat(part) for part in datum) + ")"


def _string(text: str) -> str:
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    point = ord(character)
    if 0x20 <= point < 0x7F:
        return character
    if 0xD800 <= point < 0xE000:
        raise ValueError(f"not a character: U+{point:04X} is half of a surrogate pair")
    # Guile's escapes have a fixed number of digits, so that what follows is never taken for one of them.
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:06x}"
