"""Expands the words of a script: parameters, substitutions, fields, file names."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sysimage_bootstrap.scripts.command_calls import CommandOutput, UnknownError
from sysimage_bootstrap.scripts.shell_patterns import glob
from sysimage_bootstrap.scripts.shell_syntax import Arithmetic, Parameter, Substitution, Text, Word

if TYPE_CHECKING:
    from sysimage_bootstrap.scripts.shell import Shell

_MAGIC = re.compile(r"[*?\[]")


def _quotient(one: int, other: int) -> int:
    """As in C: a part of a whole number is cut off, that of a negative one too."""
    whole = abs(one) // abs(other)
    return whole if (one < 0) == (other < 0) else -whole


def _remainder(one: int, other: int) -> int:
    return one - other * _quotient(one, other)


_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: _quotient,
    ast.Mod: _remainder,
}


class _Piece:
    """A piece of a field: characters, and whether quotes protect them."""

    __slots__ = ("quoted", "text")

    def __init__(self, text: str, *, quoted: bool) -> None:
        self.text, self.quoted = text, quoted


def text_of(shell: Shell, word: Word) -> str:
    """The word as one text: no fields, no file names."""
    return "".join(piece.text for piece in _joined(_pieces(shell, word, split=False)))


def pattern_of(shell: Shell, word: Word) -> str:
    """The word as a pattern, in which what was quoted stands for itself."""
    pieces = _joined(_pieces(shell, word, split=False))
    return "".join(_escaped(piece.text) if piece.quoted else piece.text for piece in pieces)


def fields_of(shell: Shell, words: Iterable[Word]) -> list[str]:
    """The words as a command gets them."""
    found: list[str] = []
    for word in words:
        for field in _pieces(shell, word, split=True):
            text = "".join(piece.text for piece in field)
            if any(not piece.quoted and _MAGIC.search(piece.text) for piece in field):
                pattern = "".join(_escaped(piece.text) if piece.quoted else piece.text for piece in field)
                found += matching_paths(shell, pattern) or [text]
            elif text or any(piece.quoted for piece in field):
                found.append(text)
    return found


def matching_paths(shell: Shell, pattern: str) -> list[str]:
    """The paths that a pattern matches, sorted."""
    absolute = pattern.startswith("/")
    found = ["/" if absolute else ""]
    for part in [part for part in pattern.split("/") if part]:
        literal = re.sub(r"\\(.)", r"\1", part)
        following = []
        for above in found:
            if not _MAGIC.search(re.sub(r"\\.", "", part)):
                path = f"{above}{literal}"
                following += [f"{path}/"] if shell.state.files.node(shell.absolute(path), follow=False) else []
                continue
            expression = re.compile(glob(part, within="/"), re.DOTALL)
            for name in shell.state.files.names(shell.absolute(above or ".")):
                if expression.fullmatch(name) and (not name.startswith(".") or part.startswith(".")):
                    following.append(f"{above}{name}/")
        found = following
    if pattern.endswith("/"):
        return sorted(path for path in found if shell.state.files.is_directory(shell.absolute(path)))
    return sorted(path.rstrip("/") for path in found)


def _escaped(text: str) -> str:
    return re.sub(r"([*?\[\]\\])", r"\\\1", text)


def _joined(fields: list[list[_Piece]]) -> list[_Piece]:
    return [piece for field in fields for piece in field]


def _pieces(shell: Shell, word: Word, *, split: bool, splits_text: bool = False) -> list[list[_Piece]]:
    """The fields of a word. One without pieces does not count: ``"$@"`` without arguments has that."""
    fields: list[list[_Piece]] = [[]]
    parts = list(word.parts)
    if parts and isinstance(parts[0], Text) and not parts[0].quoted and parts[0].text.startswith("~"):
        parts[0] = Text(_with_home(shell, parts[0].text), quoted=False)

    for part in parts:
        if isinstance(part, Text) and splits_text and not part.quoted:
            _split(shell, part.text, fields)
        elif isinstance(part, Text):
            fields[-1].append(_Piece(part.text, quoted=part.quoted))
        elif isinstance(part, Parameter) and part.name == "@" and part.quoted and not part.operator and split:
            for at, argument in enumerate(shell.arguments):
                if at:
                    fields.append([])
                fields[-1].append(_Piece(argument, quoted=True))
        elif (
            isinstance(part, Parameter)
            and part.operator in (":-", "-", ":+", "+")
            and not part.quoted
            and split
            and part.word is not None
            and (uses := _uses_word(shell, part)) is not None
        ):
            inner = _pieces(shell, part.word, split=True, splits_text=True) if uses else []
            for at, field in enumerate(inner):
                if at:
                    fields.append([])
                fields[-1].extend(field)
        else:
            value = _value(shell, part)
            if part.quoted or not split:
                fields[-1].append(_Piece(value, quoted=part.quoted))
            else:
                _split(shell, value, fields)
    return fields


def _with_home(shell: Shell, text: str) -> str:
    """A text that begins with ``~`` or ``~user``, with the directory that this means."""
    user, slash, rest = text[1:].partition("/")
    home = shell.state.known_users.get(user) if user else "/root"
    if user in shell.state.known_users and not home:
        raise UnknownError(f"which home {user} has")
    return f"{home}{slash}{rest}" if home else text


def _split(shell: Shell, value: str, fields: list[list[_Piece]]) -> None:
    """Add the fields of a value that no quotes protect."""
    separators = shell.variables.get("IFS", " \t\n")
    if separators is None:
        raise UnknownError("how words are divided")
    blanks = re.escape("".join(one for one in separators if one in " \t\n"))
    others = re.escape("".join(one for one in separators if one not in " \t\n"))
    around = f"[{blanks}]*" if blanks else ""
    dividers = [*([f"{around}[{others}]{around}"] if others else []), *([f"[{blanks}]+"] if blanks else [])]
    pieces = re.split(f"({'|'.join(dividers)})", value) if dividers else [value]
    for at, piece in enumerate(pieces):
        if at % 2:
            if piece.strip(" \t\n") and not fields[-1]:
                fields[-1].append(_Piece("", quoted=True))  # an empty field between two commas
            if fields[-1]:
                fields.append([])
        elif piece:
            fields[-1].append(_Piece(piece, quoted=False))


def _uses_word(shell: Shell, part: Parameter) -> bool | None:
    """Whether ``${name:-word}`` or ``${name:+word}`` means its word; None where it means the value."""
    value = shell.parameter(part.name)
    there = bool(value) if part.operator.startswith(":") else value is not None
    if part.operator.endswith("+"):
        return there
    return None if there else True


def _value(shell: Shell, part: Parameter | Substitution | Arithmetic) -> str:
    if isinstance(part, Substitution):
        out = CommandOutput()
        shell.in_subshell(part.body, out)
        return out.text().rstrip("\n")
    if isinstance(part, Arithmetic):
        return str(arithmetic(shell, text_of(shell, part.expression)))
    value = shell.parameter(part.name)
    match part.operator:
        case "":
            return value or ""
        case "length":
            return str(len(value or ""))
        case ":-" | "-" | ":+" | "+" | ":=" | "=" | ":?" | "?":
            return _or_other(shell, part, value)
        case _:
            return _edited(shell, part, value or "")


def _or_other(shell: Shell, part: Parameter, value: str | None) -> str:
    """The value, or what a part says for one that is, or is not, set."""
    word = part.word or Word(())
    match part.operator:
        case ":=" | "=":
            if value or (value is not None and part.operator == "="):
                return value or ""
            shell.variables[part.name] = text_of(shell, word)
            return shell.variables[part.name] or ""
        case ":?" | "?":
            if not value:
                raise UnknownError(f"what follows when {part.name} is not set")
            return value
        case _:
            uses = _uses_word(shell, part)
            return (value or "") if uses is None else text_of(shell, word) if uses else ""


def _edited(shell: Shell, part: Parameter, value: str) -> str:
    """What a part cuts out of a value, or replaces in it."""
    word = part.word or Word(())
    match part.operator:
        case "%" | "%%" | "#" | "##":
            return _trimmed(value, part.operator, pattern_of(shell, word))
        case "/" | "//":
            return _replaced(value, part.operator, text_of(shell, word))
        case ":":
            numbers = [arithmetic(shell, one) for one in text_of(shell, word).split(":")]
            return value[numbers[0] :][: numbers[1] if len(numbers) > 1 else None]
    raise UnknownError(f"what {part.operator} does")


def _trimmed(value: str, operation: str, pattern: str) -> str:
    expression = re.compile(glob(pattern), re.DOTALL)
    lengths = range(len(value) + 1)
    ends = [value[: len(value) - n] if "%" in operation else value[n:] for n in lengths]
    cut = [value[len(value) - n :] if "%" in operation else value[:n] for n in lengths]
    order = list(lengths) if len(operation) == 1 else list(reversed(lengths))
    return next((ends[n] for n in order if expression.fullmatch(cut[n])), value)


def _replaced(value: str, operation: str, text: str) -> str:
    pattern, _, with_text = text.partition("/")
    expression = glob(pattern)
    if pattern.startswith("#"):
        expression = rf"\A{glob(pattern[1:])}"
    elif pattern.startswith("%"):
        expression = rf"{glob(pattern[1:])}\Z"
    return re.sub(expression, lambda _: with_text, value, count=0 if operation == "//" else 1, flags=re.DOTALL)


def arithmetic(shell: Shell, text: str) -> int:
    """The value of an expression of integers."""

    def named(match: re.Match[str]) -> str:
        return shell.parameter(match[0]) or "0"

    cleaned = re.sub(r"\b[A-Za-z_][A-Za-z0-9_]*", named, text.replace("$", "")).replace("/", "//").strip() or "0"
    try:
        return _number(ast.parse(re.sub(r"\b0+(?=\d)", "0o", cleaned), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError):
        raise UnknownError(f"what {text} comes to") from None


def _number(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_number(node.left), _number(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_number(node.operand)
    raise ValueError
