"""Words of a unit's value: quotes and backslashes, as systemd.syntax(7) and systemd.service(5) have them."""

from __future__ import annotations

import re

_BLANKS = " \t\n\r\f\v"
_NAMED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}
_NUMBERED = re.compile(r"x([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})")


def split_words(text: str) -> list[str]:
    """The words of ``text``; a ValueError for a quote that is not closed, or a backslash at the end.

    An unknown escape keeps its backslash, as in systemd.
    """
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    at = 0
    while at < len(text):
        letter = text[at]
        at += 1
        if letter == "\\":
            piece, at = _escape(text, at)
            word = [*(word or []), piece]
        elif quote:
            if letter == quote:
                quote = ""
            else:
                word = [*(word or []), letter]
        elif letter in "\"'":
            quote, word = letter, word or []
        elif letter in _BLANKS:
            if word is not None:
                words.append("".join(word))
            word = None
        else:
            word = [*(word or []), letter]
    if quote:
        raise ValueError(f"a quote is not closed: {text[:80]!r}")
    return words if word is None else [*words, "".join(word)]


def _escape(text: str, at: int) -> tuple[str, int]:
    if at == len(text):
        raise ValueError(f"nothing follows the last backslash: {text[-80:]!r}")
    letter = text[at]
    if letter in _NAMED:
        return _NAMED[letter], at + 1
    if letter in "\\\"'":
        return letter, at + 1
    if match := _NUMBERED.match(text, at):
        hexadecimal = match[1] or match[3] or match[4]
        number = int(hexadecimal, 16) if hexadecimal else int(match[2], 8)
        if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000:
            return chr(number), match.end()
    return "\\" + letter, at + 1
