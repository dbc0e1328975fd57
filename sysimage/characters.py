"""Characters that no line of a text file and no terminal may get from a value.

What ends a line differs from reader to reader: ``\\n`` for the C library, five others for Python, eight for Unicode. A
value that holds none of them, and nothing else that a terminal obeys, is one line for every reader.
"""

from __future__ import annotations

import re

CONTROLS = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
"""The inside of a regular expression's character class, which Python and ECMAScript read alike: control characters of
both kinds and Unicode's separators of lines and paragraphs."""
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_NOT_IN_A_LINE = re.compile(rf"[{CONTROLS}\ud800-\udfff]")


def is_line(text: str) -> bool:
    """Whether every reader takes ``text`` for at most one line: no control characters, no half of a surrogate pair."""
    return _NOT_IN_A_LINE.search(text) is None


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can write ``text``: half of a surrogate pair, as JSON can say one, has no form in it."""
    return _HALF_A_PAIR.search(text) is None


def one_line(text: str) -> bytes:
    """The line of a text file, in UTF-8, with its end. A ValueError for what would be more than one."""
    if not is_line(text):
        raise ValueError(f"not one line of text: {text[:80]!r}")
    return f"{text}\n".encode()


def printable(text: str, keep: str = "") -> str:
    """``text`` as a terminal may get it: invisible characters, such as escape sequences and marks that turn the
    direction of reading, are escaped as in Python and JSON. Characters in ``keep`` stay."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in keep else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    """As a JSON string may hold it too."""
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
