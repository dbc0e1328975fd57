"""What commands could do to files, judged by their text alone: for those that may be executed or not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from sysimage_bootstrap.scripts.ignored_commands import HARMLESS, IGNORED
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
        called = (one.words[0].literal() or "") if one.words else ""
        if called in ("read", "export", "local", "readonly", "unset"):
            names |= {(word.literal() or "").partition("=")[0] for word in one.words[1:]}
        if called.startswith("db_"):
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
    return not only_looks(command, functions, seen) and not any(fnmatchcase(short, pattern) for pattern in IGNORED)


def only_looks(command: Simple, functions: Mapping[str, Command], seen: frozenset[str] = frozenset()) -> bool:
    """Whether a command, its redirections left out, prints something, waits or asks, and changes nothing."""
    name = command.words[0].literal() if command.words else None
    short = (name or "").rpartition("/")[2]
    return not _acts(command, short, functions, seen) if short in _ACTS else short in HARMLESS


_RUNS_OTHERS = ("env", "nice")


_ACTS = ("find", "sed", "xargs")
_FIND_WRITES = ("-delete", "-fprint", "-fprint0", "-fprintf", "-fls")
_FIND_RUNS = ("-exec", "-execdir", "-ok", "-okdir")
_IN_PLACE = re.compile(r"-[nErsuz]*i.*|--in-place(=.*)?", re.DOTALL)
_VALUES_OF_XARGS = ("-I", "-n", "-L", "-P", "-s", "-d", "-E", "-a")


def _acts(command: Simple, name: str, functions: Mapping[str, Command], seen: frozenset[str]) -> bool:
    """Whether a command that only looks, unless its options say otherwise, could change a file."""
    said = [word.literal() for word in command.words]
    if name == "sed":
        return any(one is not None and _IN_PLACE.fullmatch(one) for one in said[1:])
    if name == "find":
        begins = [at + 1 for at, one in enumerate(said) if one in _FIND_RUNS]
        runs = [Simple(command.line, (), command.words[at:], ()) for at in begins]
        return any(one in _FIND_WRITES for one in said) or any(has_effects(one, functions, seen) for one in runs)
    at = 1
    while at < len(said) and (said[at] or "").startswith("-"):
        at += 2 if said[at] in _VALUES_OF_XARGS else 1
    return has_effects(Simple(command.line, (), command.words[at:], ()), functions, seen)


def _without_first(command: Simple) -> Simple:
    words: tuple[Word, ...] = command.words[1:]
    while words and (words[0].literal() or "").startswith("-"):
        words = words[1:]
    return Simple(command.line, command.assignments, words, command.redirects)
