"""The part of sed that maintainer scripts use: substitutions, deletions and prints, with addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sysimage_bootstrap.scripts.command_calls import UnknownError
from sysimage_bootstrap.scripts.shell_patterns import expression

_Address = Callable[[int, str, bool], bool]
"""Whether a line is meant, by its number, its text, and whether it is the last."""


@dataclass(frozen=True, slots=True)
class _LineNumber:
    wanted: int

    def __call__(self, number: int, line: str, is_last: bool) -> bool:
        return number == self.wanted


@dataclass(slots=True)
class _Statement:
    first: _Address | None
    last: _Address | None
    negated: bool
    function: str
    pattern: re.Pattern[str] | None = None
    replacement: str = ""
    flags: str = ""
    text: str = ""
    inside: bool = False
    end: int = 0
    """Where it goes on when this is left out: the next statement, or what follows the group that begins here."""


def sed_text(script: str, text: str, *, extended: bool, quiet: bool) -> str:
    """What ``sed`` prints for a text; an `UnknownError` for a script with anything else in it."""
    quiet = quiet or script.partition("\n")[0] == "#n"
    statements = _statements(script, extended=extended)
    lines = text.split("\n")
    ends = lines[-1] == ""
    lines = lines[:-1] if ends else lines
    out: list[str] = []
    for number, line in enumerate(lines, 1):
        if not _cycle(statements, number, line, number == len(lines), out, quiet=quiet):
            break
    return "".join(f"{line}\n" for line in out) if ends or not out else "\n".join(out)


def _cycle(
    statements: list[_Statement], number: int, space: str, is_last: bool, out: list[str], *, quiet: bool
) -> bool:
    """Put one line through the script and what comes of it ``out``; whether the next line is read."""
    after: list[str] = []
    printed, goes_on, changed_any, at = not quiet, True, False, 0
    while at < len(statements):
        statement = statements[at]
        at += 1
        if _applies(statement, number, space, is_last) == statement.negated:
            at = statement.end
            continue
        match statement.function:
            case "b" | "t":
                if statement.function == "b" or changed_any:
                    changed_any = False
                    at = _place_of(statements, statement.text)
            case "s" if statement.pattern is not None:
                every = "g" in statement.flags
                space, count = statement.pattern.subn(_expander(statement.replacement), space, 0 if every else 1)
                if count and "p" in statement.flags:
                    out.append(space)
                changed_any |= count > 0
            case "p":
                out.append(space)
            case "a":
                after.append(statement.text)
            case "i":
                out.append(statement.text)
            case "q":
                goes_on = False
                break
            case "c" | "d":
                printed = False
                out += [statement.text] if statement.function == "c" else []
                break
    out += [space] if printed else []
    out += after
    return goes_on


def _place_of(statements: list[_Statement], label: str) -> int:
    """Where a label is; the end of the script for an empty one."""
    places = [at for at, one in enumerate(statements) if one.function == ":" and one.text == label]
    return places[0] if places and label else len(statements)


def _applies(statement: _Statement, number: int, line: str, is_last: bool) -> bool:
    if statement.first is None:
        return True
    if statement.last is None:
        return statement.first(number, line, is_last)
    from_number = isinstance(statement.last, _LineNumber) and statement.last.wanted <= number
    if statement.inside:
        statement.inside = not (from_number or statement.last(number, line, is_last))
        return True
    if statement.first(number, line, is_last):
        statement.inside = not from_number  # an end that does not come after the first line: that line alone
        return True
    return False


def _expander(replacement: str) -> Callable[[re.Match[str]], str]:
    def expand(match: re.Match[str]) -> str:
        def one(found: re.Match[str]) -> str:
            character = found[1]
            if character is None:
                return match[0]
            if character.isdecimal():
                return match[int(character)] or ""
            return {"n": "\n", "t": "\t"}.get(character, character)

        return re.sub(r"\\(.)|&", one, replacement, flags=re.DOTALL)

    return expand


class _Reader:
    def __init__(self, text: str, *, extended: bool) -> None:
        self.text, self.at, self.extended = text, 0, extended

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip(self, characters: str) -> None:
        while self.peek() and self.peek() in characters:
            self.at += 1

    def until(self, delimiter: str) -> str:
        start, brackets = self.at, False
        out = []
        while self.at < len(self.text):
            character, following = self.text[self.at], self.text[self.at + 1 : self.at + 2]
            if character == "\\" and following and not (brackets and following == "]"):
                out.append(following if following == delimiter else character + following)
                self.at += 2
                continue
            if character == delimiter and not brackets:
                self.at += 1
                return "".join(out)
            brackets = (character == "[") if not brackets else character != "]"
            if character == "[" and following == "]":
                out.append("[]")
                self.at += 2
                continue
            out.append(character)
            self.at += 1
        raise UnknownError(f"what sed makes of {self.text[start:]!r}")

    def pattern(self, delimiter: str) -> re.Pattern[str]:
        return self.compiled(self.until(delimiter), re.NOFLAG)

    def compiled(self, text: str, flags: int) -> re.Pattern[str]:
        try:
            return re.compile(expression(_with_characters(text), extended=self.extended), flags)
        except re.error:
            raise UnknownError(f"what the expression {text} matches") from None

    def matched(self, expression: str) -> str:
        """What an expression, which may match nothing, matches here."""
        match = re.compile(expression).match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match[0] if match else ""

    def rest_of_line(self) -> str:
        return self.matched(r"[^\n]*")

    def addresses(self) -> _Addresses:
        first, last = self.address(), None
        if first is not None and self.peek() == ",":
            self.at += 1
            last = self.address()
            if last is None:
                raise UnknownError("which lines sed means")
        self.skip(" \t")
        negated = self.peek() == "!"
        self.at += negated
        self.skip(" \t")
        return first, last, negated

    def address(self) -> _Address | None:
        match = re.compile(r"\d+").match(self.text, self.at)
        if match:
            wanted = int(match[0])
            self.at = match.end()
            return _LineNumber(wanted)
        if self.peek() == "$":
            self.at += 1
            return lambda number, line, last: last
        if self.peek() in ("/", "\\") and self.peek():
            delimiter = "/" if self.peek() == "/" else self.text[self.at + 1]
            self.at += 1 if delimiter == "/" else 2
            pattern = self.pattern(delimiter)
            if self.peek() == "I":
                self.at += 1
                pattern = re.compile(pattern.pattern, re.IGNORECASE)
            return lambda number, line, last: pattern.search(line) is not None
        return None


_CHARACTERS = {"n": "\n", "t": "\t", "f": "\f", "v": "\v", "a": "\a"}


def _with_characters(pattern: str) -> str:
    """An expression with the characters that sed itself puts for ``\\t`` and the like, in brackets too."""
    return re.sub(r"\\(.)", lambda match: _CHARACTERS.get(match[1], match[0]), pattern, flags=re.DOTALL)


_Addresses = tuple[_Address | None, _Address | None, bool]
"""The first and last line of a statement's range, and whether the range is inverted."""


def _statements(script: str, *, extended: bool) -> list[_Statement]:
    reader = _Reader(script, extended=extended)
    found: list[_Statement] = []
    groups: list[_Statement] = []
    while True:
        reader.skip(" \t\n;")
        match reader.peek():
            case "" if not groups:
                return found
            case "#":
                reader.rest_of_line()
                continue
            case "}" if groups:
                reader.at += 1
                groups.pop().end = len(found)
                continue
        first, last, negated = reader.addresses()
        statement = _Statement(first, last, negated, reader.peek())
        statement.inside = last is not None and first == _LineNumber(0)  # before the first line
        reader.at += 1
        found.append(statement)
        statement.end = len(found)
        _read_arguments(reader, statement)
        if statement.function == "{":
            groups.append(statement)


def _read_arguments(reader: _Reader, statement: _Statement) -> None:
    """Read what follows a function."""
    match statement.function:
        case "s":
            _read_substitution(reader, statement)
        case "a" | "i" | "c":
            reader.matched(r"[ \t]*\\\n?|[ \t]+")  # after a backslash, blanks are a part of the text
            text = reader.matched(r"(?:[^\\\n]|\\(?s:.)|\\\Z)*")
            statement.text = re.sub(r"\\(.?)", lambda one: _CHARACTERS.get(one[1], one[1]), text, flags=re.DOTALL)
        case ":" | "b" | "t":
            statement.text = reader.matched(r"[ \t]*([^ \t\n;}]*)").strip(" \t")
        case "d" | "p" | "q" | "{":
            pass
        case function:
            raise UnknownError(f"what sed does with {function!r}")


def _read_substitution(reader: _Reader, statement: _Statement) -> None:
    delimiter = reader.peek()
    reader.at += 1
    pattern = reader.until(delimiter)
    statement.replacement = _replacement(reader, delimiter)
    statement.flags = reader.matched(r"[gpIie0-9]*")
    if re.search("[e0-9]", statement.flags):
        raise UnknownError("what sed substitutes")
    statement.pattern = reader.compiled(pattern, re.IGNORECASE if re.search("[Ii]", statement.flags) else 0)


def _replacement(reader: _Reader, delimiter: str) -> str:
    out: list[str] = []
    while reader.at < len(reader.text):
        character = reader.text[reader.at]
        if character == delimiter:
            reader.at += 1
            return "".join(out)
        if character == "\\":
            following = reader.text[reader.at + 1 : reader.at + 2]
            out.append(following if following == delimiter and following not in "&\\" else character + following)
            reader.at += 2
        else:
            out.append(character)
            reader.at += 1
    raise UnknownError("where sed's replacement ends")
