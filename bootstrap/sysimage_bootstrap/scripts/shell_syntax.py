"""What a shell script is made of: words of parts, and commands (POSIX, Shell Command Language)."""

from __future__ import annotations

from dataclasses import dataclass, field


class ShellSyntaxError(ValueError):
    """A script that the parser cannot take apart; ``line`` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Text:
    """Characters that stand for themselves."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """``$name``, or ``${name:-word}`` with its operator and word."""

    name: str
    operator: str
    """Such as ``:-``, ``%%``; ``length`` for ``${#name}``, empty for the value alone."""
    word: Word | None
    quoted: bool


@dataclass(frozen=True, slots=True)
class Substitution:
    """``$(…)`` or backquotes: what the commands print."""

    body: Command
    quoted: bool


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``$((…))``."""

    expression: Word
    quoted: bool


Part = Text | Parameter | Substitution | Arithmetic


@dataclass(frozen=True, slots=True)
class Word:
    """Adjacent parts."""

    parts: tuple[Part, ...]

    def literal(self) -> str | None:
        """The text, if nothing in it is expanded."""
        texts = [part.text for part in self.parts if isinstance(part, Text)]
        return "".join(texts) if len(texts) == len(self.parts) else None


@dataclass(frozen=True, slots=True)
class Redirect:
    """``2>file``."""

    descriptor: int
    operator: str
    word: Word


@dataclass(frozen=True, slots=True)
class HereDocument:
    """``<<end``."""

    descriptor: int
    text: list[Word]
    """One word; empty until the lexer has read the line after which the text begins."""

    @property
    def operator(self) -> str:
        return "<<"

    @property
    def word(self) -> Word:
        return self.text[0] if self.text else Word(())


@dataclass(frozen=True, slots=True)
class Simple:
    """Assignments and words."""

    line: int
    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect | HereDocument, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined with ``|``."""

    line: int
    commands: tuple[Command, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class AndOr:
    """A command, and others after ``&&`` or ``||``."""

    line: int
    first: Command
    rest: tuple[tuple[str, Command], ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """Commands one after the other."""

    line: int
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class If:
    """``if``, with its ``elif`` branches."""

    line: int
    branches: tuple[tuple[Command, Command], ...]
    otherwise: Command | None


@dataclass(frozen=True, slots=True)
class Case:
    """``case``: the patterns of each item, and its commands."""

    line: int
    word: Word
    items: tuple[tuple[tuple[Word, ...], Command], ...]


@dataclass(frozen=True, slots=True)
class For:
    """``for``; without words it goes over the arguments."""

    line: int
    name: str
    words: tuple[Word, ...] | None
    body: Command


@dataclass(frozen=True, slots=True)
class While:
    """``while`` or ``until``."""

    line: int
    condition: Command
    body: Command
    until: bool


@dataclass(frozen=True, slots=True)
class Function:
    """A definition."""

    line: int
    name: str
    body: Command


@dataclass(frozen=True, slots=True)
class Group:
    """``{ …; }`` or ``( … )``, or any compound command with redirections."""

    line: int
    body: Command
    subshell: bool
    redirects: tuple[Redirect | HereDocument, ...] = field(default=())


Command = Simple | Pipeline | AndOr | Sequence | If | Case | For | While | Function | Group
