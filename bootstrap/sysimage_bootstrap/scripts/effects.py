"""What commands could do to files, judged by their text alone: for those that may be executed or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from sysimage_bootstrap.scripts.ignored import HARMLESS, IGNORED
from sysimage_bootstrap.scripts.shell_syntax import (
    AndOr,
    Case,
    Command,
    For,
    Function,
    Group,
    HereDocument,
    If,
    Pipeline,
    Redirect,
    Sequence,
    Simple,
    While,
    Word,
)

_ENDS = ("exit", "return")


def simple_commands(command: Command) -> Iterator[Simple]:
    """All simple commands in a command, those in the bodies of functions left out."""
    if isinstance(command, Simple):
        yield command
        return
    for part in parts(command):
        yield from simple_commands(part)


def parts(command: Command) -> tuple[Command, ...]:
    """The commands that a compound command is made of."""
    match command:
        case Sequence() | Pipeline():
            return command.commands
        case AndOr():
            return command.first, *(one for _, one in command.rest)
        case If():
            branches = tuple(one for branch in command.branches for one in branch)
            return branches if command.otherwise is None else (*branches, command.otherwise)
        case Case():
            return tuple(body for _, body in command.items)
        case For():
            return (command.body,)
        case While():
            return command.condition, command.body
        case Group():
            return (command.body,)
        case Function() | Simple():
            return ()


def assigned_names(command: Command) -> set[str]:
    """The variables that a command may set."""
    names: set[str] = set()
    for one in simple_commands(command):
        names |= {name for name, _ in one.assignments}
        if one.words and one.words[0].literal() in ("read", "export", "local"):
            names |= {(word.literal() or "").partition("=")[0] for word in one.words[1:]}
        if one.words and one.words[0].literal() in ("db_get", "db_fget", "db_metaget"):
            names.add("RET")
    return names - {""}


def writes_file(redirect: Redirect | HereDocument) -> bool:
    """Whether a redirection writes a file."""
    if isinstance(redirect, HereDocument) or redirect.operator not in (">", ">>", ">|", "&>"):
        return False
    return not (redirect.word.literal() or "").startswith("/dev/")


def has_effects(command: Command, functions: Mapping[str, Command], seen: frozenset[str] = frozenset()) -> bool:
    """Whether executing a command could change a file, an account, or what comes after it."""
    if isinstance(command, Group) and any(map(writes_file, command.redirects)):
        return True
    if not isinstance(command, Simple):
        return any(has_effects(part, functions, seen) for part in parts(command))
    if any(map(writes_file, command.redirects)):
        return True
    if not command.words:
        return False
    name = command.words[0].literal()
    if name is None:
        return True
    if name in _ENDS:
        return (command.words[1].literal() if len(command.words) > 1 else "0") == "0"
    if name in functions:
        return name not in seen and has_effects(functions[name], functions, seen | {name})
    if name == "command" or name in _RUNS_OTHERS:
        return has_effects(_without_first(command), functions, seen)
    short = name.rpartition("/")[2]
    return short not in HARMLESS and not any(fnmatchcase(short, pattern) for pattern in IGNORED)


_RUNS_OTHERS = ("env", "nice")


def _without_first(command: Simple) -> Simple:
    words: tuple[Word, ...] = command.words[1:]
    while words and (words[0].literal() or "").startswith("-"):
        words = words[1:]
    return Simple(command.line, command.assignments, words, command.redirects)
