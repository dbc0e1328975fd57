"""Patterns of the shell, and basic regular expressions, as Python's regular expressions."""

from __future__ import annotations

import re
from functools import cache

_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "space": r" \t\n\r\f\v",
    "blank": r" \t",
    "upper": "A-Z",
    "lower": "a-z",
    "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f",
}


@cache
def glob(pattern: str, *, within: str = "") -> str:
    """The regular expression of a shell pattern, in which ``\\`` makes the next character an ordinary one.

    ``within`` are characters that ``*`` and ``?`` do not match: ``/`` where file names are looked for.
    """
    anything = f"[^{within}]" if within else "."
    out, at = [], 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\" and at + 1 < len(pattern):
            at += 1
            out.append(re.escape(pattern[at]))
        elif character == "*":
            out.append(f"{anything}*")
        elif character == "?":
            out.append(anything)
        elif character == "[" and (end := _end_of_brackets(pattern, at)):
            out.append(_brackets(pattern[at + 1 : end]))
            at = end
        else:
            out.append(re.escape(character))
        at += 1
    return "".join(out)


def _end_of_brackets(pattern: str, start: int) -> int:
    """Where the ``]`` of a bracket expression is; 0 without one."""
    at = start + 1
    if pattern[at : at + 1] in ("!", "^"):
        at += 1
    if pattern[at : at + 1] == "]":
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        if pattern.startswith("[:", at) and ":]" in pattern[at:]:
            at = pattern.index(":]", at) + 1
        at += 1
    return at if at < len(pattern) else 0


def _brackets(inside: str) -> str:
    negated = inside[:1] in ("!", "^")
    inside = inside[1:] if negated else inside
    inside = inside.replace("\\", r"\\")
    for name, letters in _CLASSES.items():
        inside = inside.replace(f"[:{name}:]", letters)
    first = r"\]" if inside.startswith("]") else ""
    rest = inside[1:] if first else inside
    rest = rest.replace("[", r"\[").replace(r"\\[", r"\[").replace("&&", r"&\&").replace("^", r"\^")
    return f"[{'^' if negated else ''}{first}{rest}]"


@cache
def expression(pattern: str, *, extended: bool) -> str:
    """The Python form of a regular expression of grep and sed."""
    out, at = [], 0
    special = "+?(){}|"
    while at < len(pattern):
        character = pattern[at]
        if character == "\\" and at + 1 < len(pattern):
            at += 1
            following = pattern[at]
            if following in special and not extended:
                out.append(following)
            elif following in "<>":
                out.append(r"\b")
            elif following in "sSwWbB" or following.isdigit():
                out.append(f"\\{following}")
            else:
                out.append(re.escape(following))
        elif character == "[" and (end := _end_of_brackets(pattern, at)):
            out.append(_brackets(pattern[at + 1 : end]))
            at = end
        elif character in special and not extended:
            out.append(re.escape(character))
        elif character == "*" and not out:
            out.append(r"\*")
        elif character == "^" and at and not extended and pattern[at - 1] not in "(|":
            out.append(r"\^")
        elif (
            character == "$"
            and at + 1 < len(pattern)
            and not extended
            and pattern[at + 1 : at + 3] not in (r"\)", r"\|")
        ):
            out.append(r"\$")
        elif character == "$":
            out.append(r"(?=\n?\Z)")
        else:
            out.append(character)
        at += 1
    return "".join(out)
