"""Follows a shell script with the values that a first installation has, and lets nothing run.

What a command prints or whether it succeeds may be unknown. Then nothing that depends on it is done, and the line is
listed, unless nothing in question could change a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from sysimage_bootstrap.scripts.command_calls import (
    COMMANDS,
    UNSET,
    Call,
    CommandInput,
    CommandOutput,
    Return,
    ScriptEnd,
    SystemState,
    UnknownError,
)
from sysimage_bootstrap.scripts.control_flow import run_and_or, run_case, run_for, run_if, run_pipeline, run_while
from sysimage_bootstrap.scripts.declarations import Unread
from sysimage_bootstrap.scripts.effects import assigned_names, has_effects, only_looks, writes_file
from sysimage_bootstrap.scripts.expansion import fields_of, text_of
from sysimage_bootstrap.scripts.ignored_commands import IGNORED
from sysimage_bootstrap.scripts.redirections import note_unknown_content, open_redirects
from sysimage_bootstrap.scripts.shell_builtins import BUILT_IN
from sysimage_bootstrap.scripts.shell_syntax import (
    AndOr,
    Case,
    Command,
    For,
    Function,
    Group,
    If,
    Pipeline,
    Sequence,
    Simple,
    Substitution,
    While,
)
from sysimage_bootstrap.scripts.tools import program_of

_MOST_STEPS = 60_000
"""Commands that one package's scripts may execute: a script that asks again and again would never end."""
_DEEPEST = 20
"""Functions that may call one another."""


@dataclass(slots=True)
class Script:
    """The current script, for messages."""

    package: str
    name: str
    lines: list[str]
    unread: list[Unread] = field(default_factory=list)


@dataclass(slots=True)
class Shell:
    """One process of the shell."""

    state: SystemState
    script: Script
    arguments: list[str] = field(default_factory=list)
    variables: dict[str, str | None] = field(default_factory=dict)
    """Name → value; None where that is not known."""
    exported: set[str] = field(default_factory=set)
    """Names of variables that programs get."""
    functions: dict[str, Command] = field(default_factory=dict)
    name: str = "sh"
    directory: str = "/"
    user: str = "root"
    umask: int = 0o022
    is_program: bool = False
    """Whether it is a program that a maintainer script has called: its failure is an answer."""
    stops_at_errors: bool = False
    status: int | None = 0
    loops: int = 0
    """How many loops it goes round in."""
    conditions: int = 0
    """How many conditions are being evaluated: in them, errors do not stop the script."""
    _scopes: list[dict[str, str | None]] = field(default_factory=list)
    _called: int | None = None
    """The line of the script from which a function, or a file that was read, came to be executed."""

    # Values

    def parameter(self, name: str) -> str | None:
        """The value of ``$name``; None if it is not set."""
        if name.isdecimal():
            at = int(name)
            return self.name if at == 0 else self.arguments[at - 1] if at <= len(self.arguments) else None
        if name in ("@", "*"):
            return " ".join(self.arguments)
        if name == "#":
            return str(len(self.arguments))
        if name == "?":
            if self.status is None:
                raise UnknownError("whether the command before succeeded")
            return str(self.status)
        if name in ("$", "!"):
            return "2"  # the ID of a process, which gets into names of temporary files alone
        if name == "-":
            return "e"
        if name not in self.variables:
            return None
        value = self.variables[name]
        if value is None:
            raise UnknownError(f"what ${name} is")
        return value

    def absolute(self, path: str) -> str:
        return path if path.startswith("/") else f"{self.directory.rstrip('/')}/{path}"

    def make_local(self, name: str) -> None:
        """Remember the value that a variable has outside of the function."""
        if self._scopes and name not in self._scopes[-1]:
            self._scopes[-1][name] = self.variables.get(name, UNSET)

    def note(self, line: int, why: str) -> None:
        """List a line as one that was not understood."""
        entry = self._entry(line, why)
        if entry not in self.script.unread:
            self.script.unread.append(entry)

    def _entry(self, line: int, why: str) -> Unread:
        number = self._called or line
        text = self.script.lines[number - 1].strip() if 0 < number <= len(self.script.lines) else ""
        return Unread(self.script.package, self.script.name, number, text, why)

    def _note_removals(self, line: int) -> None:
        removed = self.state.files.removed
        for path in removed:
            self.state.removals[path] = self._entry(line, f"{path} stays, since it is a package's")
        removed.clear()

    # Execution

    def run(self, command: Command, stdin: CommandInput | None = None, out: CommandOutput | None = None) -> int | None:
        """Execute a whole script; its exit status."""
        try:
            return self.execute(command, stdin or CommandInput(None), out or CommandOutput())
        except ScriptEnd as end:
            return end.status
        except Return as end:
            return end.status

    def in_subshell(self, command: Command, out: CommandOutput, stdin: CommandInput | None = None) -> int | None:
        """Execute commands whose variables are their own."""
        kept = dict(self.variables), dict(self.functions), list(self.arguments), self.directory, self.umask
        try:
            self.status = self.execute(command, stdin or CommandInput(None), out)
        except ScriptEnd as end:
            self.status = end.status
        finally:
            self.variables, self.functions, self.arguments, self.directory, self.umask = kept
        return self.status

    def execute(self, command: Command, stdin: CommandInput, out: CommandOutput) -> int | None:
        """Execute a command; its exit status, None where that is not known."""
        self.state.steps += 1
        if self.state.steps > _MOST_STEPS:
            self.note(command.line, "where the script ends")
            raise ScriptEnd(None)
        match command:
            case Simple():
                self.status = self._simple(command, stdin, out)
                self._stop_at_error(command.line)
            case Sequence():
                self.status = 0 if not command.commands else self.status
                for one in command.commands:
                    self.execute(one, stdin, out)
            case Pipeline():
                self.status = run_pipeline(self, command, stdin, out)
                if not command.negated:
                    self._stop_at_error(command.line)
            case AndOr():
                run_and_or(self, command, stdin, out)
            case If():
                run_if(self, command, stdin, out)
            case Case():
                run_case(self, command, stdin, out)
            case For():
                run_for(self, command, stdin, out)
            case While():
                run_while(self, command, stdin, out)
            case Function():
                self.functions[command.name] = command.body
                self.status = 0
            case Group():
                self._group(command, stdin, out)
                if command.subshell:
                    self._stop_at_error(command.line)
        return self.status

    def tested(self, command: Command, stdin: CommandInput, out: CommandOutput) -> int | None:
        """The status of a command whose failure does not end the script."""
        self.conditions += 1
        try:
            return self.execute(command, stdin, out)
        finally:
            self.conditions -= 1

    def _stop_at_error(self, line: int) -> None:
        if self.status and self.stops_at_errors and not self.conditions:
            if self.is_program:
                raise ScriptEnd(self.status)
            # Debian's own scripts do not fail: what is imitated here is wrong, and the rest is worth reading.
            self.note(line, f"why this would fail with status {self.status}")
            self.status = None

    def give_up(self, command: Command, why: str, affected: Iterable[Command]) -> None:
        """Leave out commands that depend on something unknown; list that if they could change files."""
        affected = tuple(affected)
        for one in affected:
            for name in assigned_names(one):
                self.variables[name] = None
        if any(has_effects(one, self.functions) for one in affected):
            self.note(command.line, why)
        self.status = None

    def _group(self, command: Group, stdin: CommandInput, out: CommandOutput) -> None:
        opened = open_redirects(self, command.line, command.redirects, stdin, out)
        if opened is None:
            self.give_up(command, "where it prints to", [command.body])
            return
        stdin, out, close = opened
        if command.subshell:
            self.in_subshell(command.body, out, stdin)
        else:
            self.execute(command.body, stdin, out)
        close()

    def call_function(
        self, body: Command, arguments: list[str], line: int, stdin: CommandInput, out: CommandOutput
    ) -> int | None:
        """Execute a function, or a file that is read, with arguments of its own."""
        if len(self._scopes) > _DEEPEST:
            self.note(line, "where a function that calls itself ends")
            raise ScriptEnd(None)
        kept, self.arguments, loops, self.loops = self.arguments, arguments, self.loops, 0
        called, self._called = self._called, self._called or line
        self._scopes.append({})
        try:
            return self.execute(body, stdin, out)
        except Return as end:
            return end.status
        finally:
            self.arguments, self._called, self.loops = kept, called, loops
            for name, value in self._scopes.pop().items():
                if value is UNSET:
                    self.variables.pop(name, None)
                else:
                    self.variables[name] = value

    def _simple(self, command: Simple, stdin: CommandInput, out: CommandOutput) -> int | None:
        literal = command.words[0].literal() if command.words else None
        looks = only_looks(command, self.functions)
        harmless = looks and not any(map(writes_file, command.redirects))
        try:
            words = fields_of(self, command.words)
            if not words:
                return self._assign(command, out)
            opened = open_redirects(self, command.line, command.redirects, stdin, out)
            if opened is None:
                return None
            stdin, into, close = opened
            kept = {name: self.variables[name] for name, _ in command.assignments if name in self.variables}
            for name, word in command.assignments:
                self.variables[name] = text_of(self, word)
            given = {name for name, _ in command.assignments} - self.exported
            self.exported |= given
            try:
                status = self.call(command.line, words, stdin, into)
            finally:
                self.exported -= given
                for name, _ in command.assignments:
                    self.variables.pop(name, None)
                self.variables |= kept
            close()
            self._note_removals(line=command.line)
        except UnknownError as unknown:
            if literal not in ("[", "test"):
                out.unknown = out.unknown or str(unknown)
            if not looks:
                self.note(command.line, str(unknown))
            elif not harmless:
                note_unknown_content(self, command, str(unknown))
            return None
        return status

    def _assign(self, command: Simple, out: CommandOutput) -> int | None:
        status: int | None = 0
        for name, word in command.assignments:
            try:
                self.variables[name] = text_of(self, word)
                if any(isinstance(part, Substitution) for part in word.parts):
                    status = self.status
            except UnknownError:
                self.variables[name] = None
                status = None
        if command.redirects:
            opened = open_redirects(self, command.line, command.redirects, CommandInput(""), out)
            if opened is not None:
                opened[2]()
        return status

    def call(self, line: int, words: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
        """Call a function, what stands in for a program, or a program of the image that is a shell script."""
        name, arguments = words[0], words[1:]
        if name in self.functions and name not in BUILT_IN:
            return self.call_function(self.functions[name], arguments, line, stdin, out)
        short = name.rpartition("/")[2]
        native = COMMANDS.get(short) or COMMANDS.get(short.rstrip("0123456789."))
        try:
            if name in BUILT_IN:
                return BUILT_IN[name](self, line, arguments, stdin, out)
            if native is not None:
                return native(Call(self, short, arguments, stdin, out))
        except (IndexError, ValueError, re.error):
            raise UnknownError(f"what {short} makes of its arguments") from None
        if any(fnmatchcase(short, pattern) for pattern in IGNORED):
            out.unknown = f"what {short} prints"
            return 0
        found = program_of(self.state.files, self.absolute(name) if "/" in name else name)
        if found is None:
            return 127
        path, body = found
        if body is None:
            raise UnknownError(f"what {short} does")
        return self._run_program(path, body, arguments, line, stdin, out)

    def _run_program(
        self, path: str, body: Command, arguments: list[str], line: int, stdin: CommandInput, out: CommandOutput
    ) -> int | None:
        child = Shell(
            self.state,
            self.script,
            arguments,
            {name: value for name, value in self.variables.items() if name in self.exported} | {"IFS": " \t\n"},
            set(self.exported),
            name=path,
            directory=self.directory,
            umask=self.umask,
            is_program=True,
            _called=self._called or line,
        )
        return child.run(body, stdin, out)
