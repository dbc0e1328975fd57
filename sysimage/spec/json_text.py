"""JSON text read with its places: the line of every value, and every fault of the text at once.

The standard library's reader stops at the first fault, keeps the last of two equal keys without a word, takes NaN, and
forgets the lines. This one is for files that people write: it goes on where what was meant is plain (a comma too many
or too few, a comment), says so, and refuses the text all the same.
"""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sysimage.errors import Issue

MOST_CHARACTERS = 8 * 2**20
"""Of a text. A system.json of some thousand lines has a few hundred kilobytes."""
MOST_DEPTH = 64
"""Of nesting; system.json itself needs 6."""

_BLANK = re.compile(r"[ \t\n\r]+")
_COMMENT = re.compile(r"//[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[+-]?[\w.+-]+")
_CONSTANTS: Mapping[str, object] = {"true": True, "false": False, "null": None}
_DIGITS = 40
"""More than any number in a spec can have, less than what makes conversion slow."""


@dataclass(frozen=True, slots=True)
class JsonText:
    """What a text says. The value is of use only as far as the issues let it be."""

    value: object
    lines: Mapping[str, int]
    """JSON pointer → 1-based line: of the key for a member, of the value's first character otherwise."""
    columns: Mapping[str, int]
    """JSON pointer → 1-based column of the same character."""
    issues: tuple[Issue, ...]
    complete: bool
    """Whether the text was read to its end."""

    def placed(self, issue: Issue, file: str | None = None) -> Issue:
        """The issue with the line and column of the value that it points to; for a missing key, those of the object
        that lacks it."""
        where = issue.where
        while where and where not in self.lines:
            where = where.rpartition("/")[0]
        if issue.line is not None or where not in self.lines:
            return replace(issue, file=file)
        return replace(issue, line=self.lines[where], column=self.columns[where], file=file)


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901) to a place; no parts point to the whole."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def pointer_keys(where: str) -> tuple[str, ...]:
    """The keys of a JSON pointer, unescaped: what `pointer` was given, as text."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in where.split("/")[1:])


def read_json(text: str, *, comments: bool = False) -> JsonText:
    """Read a text. Never raises: what is wrong is in the issues.

    With ``comments`` it is JSONC: it may have comments as in JavaScript, and a comma after the last part.
    """
    if len(text) > MOST_CHARACTERS:
        return JsonText(None, {}, {}, (Issue("", f"has more than {MOST_CHARACTERS} characters"),), False)
    reader = _Reader(text, comments)
    if text.startswith("\ufeff"):
        reader.fault("", "begins with a byte order mark; save it as UTF-8 without one")
        reader.at = 1
    value, complete = None, False
    try:
        value = reader.value("", 0)
        reader.blank("")
        if reader.at < len(text):
            reader.stop("", "expected the end: there is text after the value")
        complete = True
    except _UnreadableError:
        pass
    return JsonText(value, reader.lines, reader.columns, tuple(reader.issues), complete)


class _UnreadableError(Exception):
    """What comes after this place can't be made sense of."""


@dataclass(slots=True)
class _Reader:
    text: str
    comments: bool
    at: int = 0
    lines: dict[str, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.breaks = [match.start() for match in re.finditer("\n", self.text)]

    def line(self) -> int:
        return bisect.bisect_left(self.breaks, self.at) + 1

    def column(self, at: int) -> int:
        """Of a character in the line that is read."""
        line = self.line()
        return at - (self.breaks[line - 2] if line > 1 else -1)

    def fault(self, where: str, message: str, suggestion: str | None = None) -> None:
        column = self.column(self.at)
        self.issues.append(Issue(where, message, self.line(), suggestion, column))

    def stop(self, where: str, message: str, suggestion: str | None = None) -> None:
        self.fault(where, message, suggestion)
        raise _UnreadableError

    def blank(self, where: str) -> None:
        """Go to the next character that counts."""
        while True:
            if match := _BLANK.match(self.text, self.at):
                self.at = match.end()
            elif match := _COMMENT.match(self.text, self.at):
                if not self.comments:
                    self.fault(where, "JSON has no comments; a file called .jsonc may have them")
                elif match[0].startswith("#"):
                    self.fault(where, "a comment begins with // here")
                self.at = match.end()
            else:
                return

    def next(self, where: str) -> str:
        """The next character that counts, empty at the end."""
        self.blank(where)
        return self.text[self.at : self.at + 1]

    def value(self, where: str, depth: int) -> object:
        first = self.next(where)
        self.lines.setdefault(where, self.line())
        self.columns.setdefault(where, self.column(self.at))
        if first in ("{", "["):
            if depth == MOST_DEPTH:
                self.stop(where, f"is nested more than {MOST_DEPTH} deep")
            self.at += 1
            return self.members(where, depth + 1) if first == "{" else self.elements(where, depth + 1)
        if first == '"':
            return self.string(where)
        if first == "":
            self.stop(where, "expected a value, found the end" if self.text.strip() else "the text is empty")
        if first == "'":
            self.stop(where, 'strings are written between double quotes (")')
        return self.number_or_constant(where)

    def number_or_constant(self, where: str) -> object:
        found = _WORD.match(self.text, self.at)
        word = found[0] if found else ""
        if not word:
            self.stop(where, f"expected a value, found {self.text[self.at]!r}")
        if word in _CONSTANTS:
            self.at += len(word)
            return _CONSTANTS[word]
        number = _NUMBER.fullmatch(word)
        result: object = None
        if number is None:
            if re.fullmatch(r"[+-]?0[0-9]+", word):
                self.fault(where, f"{word}: numbers have no leading zeros; modes are strings", f'"{word}"')
            elif word.lower() in _CONSTANTS:
                self.fault(where, f"{word} is not JSON", word.lower())
            else:
                self.fault(where, f"{word} is neither a number nor true, false or null; strings are written in quotes")
        elif len(word) > _DIGITS:
            self.fault(where, f"a number of {len(word)} digits is too long")
        elif number[1] or number[2]:
            result = float(word)
            if result in (float("inf"), float("-inf")):
                self.fault(where, f"{word} is too large a number")
                result = None
            elif isinstance(result, float) and result.is_integer():
                result = int(result)  # 5.0 and 5e0 are the integer 5, in JSON and in its schemas
        else:
            result = int(word)
        self.at += len(word)
        return result

    def string(self, where: str) -> str:
        match = _STRING.match(self.text, self.at)
        if match is None:
            rest = self.text[self.at + 1 :].split("\n", 1)[0]
            control = re.match(r'(?:[^"\\\x00-\x1f]|\\.)*([\x00-\x1f])', rest)
            self.stop(
                where,
                f"a string holds the character {control[1]!r}; write it as \\u{ord(control[1]):04x}"
                if control
                else "a string has no end on its line; a line break inside is written \\n",
            )
        token = match[0] if match else ""
        text = ""
        try:
            text = json.loads(token)
            text.encode()
        except json.JSONDecodeError:
            self.fault(where, 'a backslash precedes a letter that is not an escape; a backslash itself is "\\\\"')
        except UnicodeEncodeError:
            self.fault(where, "half a surrogate pair is not a character")
            text = ""
        self.at += len(token)
        return text

    def members(self, where: str, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        while (char := self.next(where)) != "}":
            if char == "":
                self.stop(where, "the object is not closed: '}' is missing")
            if char != '"':
                self.stop(where, f"expected a key in double quotes, found {char!r}")
            key_at = self.at
            key = self.string(where)
            here = where + pointer(key)
            if key in found:
                after, self.at = self.at, key_at
                self.fault(here, f"is given twice, first on line {self.lines[here]}")
                self.at = after
            else:
                self.lines[here] = self.line()
                self.columns[here] = self.column(key_at)
            if self.next(here) == ":":
                self.at += 1
            else:
                self.fault(here, "a ':' is missing after the key")
            value = self.value(here, depth)
            found.setdefault(key, value)
            self.separator(where, "}", "member")
        self.at += 1
        return found

    def elements(self, where: str, depth: int) -> list[object]:
        found: list[object] = []
        while (char := self.next(where)) != "]":
            if char == "":
                self.stop(where, "the array is not closed: ']' is missing")
            found.append(self.value(where + pointer(len(found)), depth))
            self.separator(where, "]", "element")
        self.at += 1
        return found

    def separator(self, where: str, closing: str, kind: str) -> None:
        """Go past the comma; one too many before the end, or a missing one, is a fault that does not stop."""
        char = self.next(where)
        if char == ",":
            comma = self.at
            self.at += 1
            if self.next(where) == closing and not self.comments:
                after, self.at = self.at, comma
                self.fault(where, f"there is a comma after the last {kind}")
                self.at = after
        elif char and char not in "}]":
            self.fault(where, f"a comma is missing before the next {kind}")
        elif char and char != closing:
            self.stop(where, f"expected ',' or {closing!r}, found {char!r}")
