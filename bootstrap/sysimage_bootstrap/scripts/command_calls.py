"""What the commands of a script work with: their arguments, what they print, and what they may know."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sysimage.rootfs.accounts import WantedGroup, WantedUser
from sysimage_bootstrap.scripts.declarations import (
    ActivatedTrigger,
    Alternative,
    Diversion,
    EnabledUnit,
    FirstStartProgram,
    Unread,
)
from sysimage_bootstrap.scripts.random_text import RandomText
from sysimage_bootstrap.scripts.root_files import RootFiles

if TYPE_CHECKING:
    from sysimage_bootstrap.scripts.shell import Shell


class UnknownError(Exception):
    """Something that only the running system, or a program that is not imitated, could show."""


class ScriptEnd(Exception):  # noqa: N818 - no error
    """``exit``."""

    def __init__(self, status: int | None) -> None:
        super().__init__()
        self.status = status


class Return(Exception):  # noqa: N818 - no error
    """``return``."""

    def __init__(self, status: int | None) -> None:
        super().__init__()
        self.status = status


class Jump(Exception):  # noqa: N818 - no error
    """``break`` or ``continue``."""

    def __init__(self, word: str, levels: int) -> None:
        super().__init__()
        self.word, self.levels = word, levels


ID_OF = "\ue000"
"""What is before the name of an account in the place of its ID, which is settled when all accounts are known."""
UNSET = "\0"
"""The value of a variable that was not set: none can be this."""


class CommandOutput:
    """What commands have printed."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.unknown = ""
        """Why the text is not known; empty if it is."""

    def text(self) -> str:
        if self.unknown:
            raise UnknownError(self.unknown)
        return "".join(self.parts)


class CommandInput:
    """What commands can read; lines are read one after the other."""

    def __init__(self, text: str | None) -> None:
        self._text = text

    def text(self) -> str:
        if self._text is None:
            raise UnknownError("what is read from the terminal")
        text, self._text = self._text, ""
        return text

    def line(self) -> str | None:
        """The next line with its end; None at the end."""
        text = self.text()
        if not text:
            return None
        line, separator, self._text = text.partition("\n")
        return line + separator


@dataclass(slots=True)
class SystemState:
    """The state of the system after the scripts that were read so far."""

    files: RootFiles
    architecture: str = "amd64"
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of the packages of the system."""
    host_name: str | None = None
    """The spec's."""
    debconf: dict[str, str] = field(default_factory=dict)
    """Question → value."""
    templates: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Question → fields of its template."""
    flags: dict[tuple[str, str], str] = field(default_factory=dict)
    answered: frozenset[str] = frozenset()
    """Questions that the spec answers: scripts do not change these answers."""
    chosen: Mapping[str, str] = field(default_factory=dict)
    """Alternatives that the spec chooses: name → package."""
    alternatives: dict[str, list[Alternative]] = field(default_factory=dict)
    selected: dict[str, str] = field(default_factory=dict)
    """Name of an alternative → the path that a script has set it to."""
    diversions: dict[str, Diversion] = field(default_factory=dict)
    capabilities: dict[str, str] = field(default_factory=dict)
    """Real path of a program → what it may do, as for setcap(8)."""
    removals: dict[str, Unread] = field(default_factory=dict)
    """Path of a package's file → the line that takes it away."""
    overrides: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    users: dict[str, WantedUser] = field(default_factory=dict)
    """Those that scripts made."""
    groups: dict[str, WantedGroup] = field(default_factory=dict)
    known_users: dict[str, str] = field(default_factory=dict)
    """Accounts that are there → home directory."""
    known_groups: set[str] = field(default_factory=set)
    units: dict[str, EnabledUnit] = field(default_factory=dict)
    triggers: list[ActivatedTrigger] = field(default_factory=list)
    first_starts: list[FirstStartProgram] = field(default_factory=list)
    secrets: dict[str, FirstStartProgram] = field(default_factory=dict)
    """Real path of a key → what makes it when a machine starts."""
    random: RandomText = field(default_factory=RandomText)
    steps: int = 0
    """Commands that were executed for the current package."""
    temporary: int = 0
    """Names of temporary files that were given."""


@dataclass(slots=True)
class Call:
    """One command as it is called."""

    shell: Shell
    name: str
    arguments: list[str]
    stdin: CommandInput
    out: CommandOutput

    @property
    def state(self) -> SystemState:
        return self.shell.state

    @property
    def files(self) -> RootFiles:
        return self.shell.state.files

    def print(self, text: str) -> None:
        self.out.parts.append(text)

    def leave_to_first_start(self, program: tuple[str, ...], creates: str) -> None:
        """Let ``program`` run when the system starts and what it ``creates`` is not there."""
        self.state.first_starts.append(FirstStartProgram(self.shell.script.package, program, creates))

    def path(self, text: str) -> str:
        """A path as an absolute one."""
        return self.shell.absolute(text)

    def options(self, with_value: str = "", long_with_value: frozenset[str] = frozenset()) -> Options:
        """The arguments taken apart as getopt does: letters in ``with_value`` have a value, as have the long ones."""
        return Options.of(self.arguments, with_value, long_with_value)


@dataclass(slots=True)
class Options:
    """Options and operands of a command."""

    given: dict[str, list[str]]
    """Option without its dashes → its values, in their order; an empty text where it has none."""
    operands: list[str]

    @classmethod
    def of(cls, arguments: list[str], with_value: str, long_with_value: frozenset[str]) -> Options:
        found = cls({}, [])
        waiting = list(arguments)
        while waiting:
            word = waiting.pop(0)
            if word == "--":
                found.operands += waiting
                break
            if word.startswith("--"):
                name, equals, value = word[2:].partition("=")
                if not equals and name in long_with_value and waiting:
                    value = waiting.pop(0)
                found.given.setdefault(name, []).append(value)
            elif word.startswith("-") and len(word) > 1:
                letters = word[1:]
                while letters:
                    letter, letters = letters[0], letters[1:]
                    value = ""
                    if letter in with_value:
                        value, letters = letters or (waiting.pop(0) if waiting else ""), ""
                    found.given.setdefault(letter, []).append(value)
            else:
                found.operands.append(word)
        return found

    def has(self, *names: str) -> bool:
        return any(name in self.given for name in names)

    def value(self, *names: str) -> str | None:
        """The last value of an option."""
        return next((self.given[name][-1] for name in names if name in self.given), None)

    def only(self, *names: str) -> None:
        """An `UnknownError` if any other option is given."""
        if others := self.given.keys() - set(names):
            raise UnknownError(f"what the option {sorted(others)[0]} does")


Native = Callable[[Call], "int | None"]
"""What a command does: its exit status, None where that is not known."""
COMMANDS: dict[str, Native] = {}
"""Every command that is imitated, by name."""


def command(*names: str) -> Callable[[Native], Native]:
    """Register a function as what the named commands do."""

    def register(function: Native) -> Native:
        for name in names:
            COMMANDS[name] = function
        return function

    return register


_OCTAL = re.compile("[0-7]{1,5}")


def new_mode(text: str, old: int, *, directory: bool) -> int:
    """The mode that ``chmod`` gives to what has ``old``: an octal number, or letters."""
    if _OCTAL.fullmatch(text):
        number = int(text, 8)
        # A directory keeps its set-ID bits unless five digits say otherwise.
        return number | (old & 0o6000 if directory and len(text) < 5 else 0)
    mode = old
    for clause in text.split(","):
        match = re.fullmatch("([ugoa]*)((?:[-+=][rwxXst]*)+)", clause)
        if match is None:
            raise UnknownError(f"what the mode {text} means")
        who = match[1] or "a"
        for operator, letters in re.findall("([-+=])([rwxXst]*)", match[2]):
            bits = _bits(who, letters, mode, directory=directory)
            every = _bits(who, "rwx" if directory else "rwxs", mode, directory=directory)
            mode = mode | bits if operator == "+" else mode & ~bits if operator == "-" else (mode & ~every) | bits
    return mode


def _bits(who: str, letters: str, mode: int, *, directory: bool) -> int:
    shifts = {"u": 6, "g": 3, "o": 0}
    bits = 0
    for letter in letters:
        for one in "ugo" if "a" in who else who:
            if letter in "rwx":
                bits |= {"r": 4, "w": 2, "x": 1}[letter] << shifts[one]
            elif letter == "X" and (directory or mode & 0o111):
                bits |= 1 << shifts[one]
            elif letter == "s" and one != "o":
                bits |= {"u": 0o4000, "g": 0o2000}[one]
        if letter == "t":
            bits |= 0o1000
    return bits
