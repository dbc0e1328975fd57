"""Follows conditions, loops and pipelines of a script."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sysimage_bootstrap.scripts.command_calls import CommandInput, CommandOutput, Jump, UnknownError
from sysimage_bootstrap.scripts.effects import has_effects
from sysimage_bootstrap.scripts.expansion import fields_of, pattern_of, text_of
from sysimage_bootstrap.scripts.shell_patterns import glob
from sysimage_bootstrap.scripts.shell_syntax import AndOr, Case, Command, For, If, Pipeline, While

if TYPE_CHECKING:
    from sysimage_bootstrap.scripts.shell import Shell

_MOST_ROUNDS = 5_000


def run_and_or(shell: Shell, command: AndOr, stdin: CommandInput, out: CommandOutput) -> None:
    pairs = [("", command.first), *command.rest]
    for at, (operator, one) in enumerate(pairs):
        if operator and shell.status is None:
            shell.give_up(one, "whether the command before succeeds", [one])
            if operator == "||" and not has_effects(one, shell.functions):
                shell.status = 0
            continue
        if operator and (shell.status == 0) != (operator == "&&"):
            continue
        if at + 1 < len(pairs):
            shell.tested(one, stdin, out)
        else:
            shell.execute(one, stdin, out)


def run_if(shell: Shell, command: If, stdin: CommandInput, out: CommandOutput) -> None:
    for at, (condition, body) in enumerate(command.branches):
        status = shell.tested(condition, stdin, out)
        if status is None:
            rest = [one for branch in command.branches[at + 1 :] for one in branch]
            rest += [] if command.otherwise is None else [command.otherwise]
            shell.give_up(condition, "whether the condition holds", [body, *rest])
            return
        if status == 0:
            shell.execute(body, stdin, out)
            return
    if command.otherwise is None:
        shell.status = 0
    else:
        shell.execute(command.otherwise, stdin, out)


def run_case(shell: Shell, command: Case, stdin: CommandInput, out: CommandOutput) -> None:
    try:
        value = text_of(shell, command.word)
        body = _matching(shell, value, command)
    except UnknownError as unknown:
        shell.give_up(command, str(unknown), [body for _, body in command.items])
        return
    if body is None:
        shell.status = 0
    else:
        shell.execute(body, stdin, out)


def _matching(shell: Shell, value: str, command: Case) -> Command | None:
    for patterns, body in command.items:
        if any(re.fullmatch(glob(pattern_of(shell, pattern)), value, re.DOTALL) for pattern in patterns):
            return body
    return None


def run_for(shell: Shell, command: For, stdin: CommandInput, out: CommandOutput) -> None:
    try:
        words = list(shell.arguments) if command.words is None else fields_of(shell, command.words)
    except UnknownError as unknown:
        shell.give_up(command, str(unknown), [command.body])
        return
    shell.status = shell.status if words else 0

    def rounds() -> Iterable[None]:
        for word in words:
            shell.variables[command.name] = word
            yield

    _loop(shell, rounds(), command.body, stdin, out)


def run_while(shell: Shell, command: While, stdin: CommandInput, out: CommandOutput) -> None:
    ended = 0

    def rounds() -> Iterable[None]:
        nonlocal ended
        for _ in range(_MOST_ROUNDS):
            status = shell.tested(command.condition, stdin, out)
            if status is None:
                shell.give_up(command, "how often the loop goes round", [command.body])
                return
            if (status == 0) == command.until:
                shell.status = ended
                return
            yield
            ended = shell.status or 0
        shell.note(command.line, "where the loop ends")

    _loop(shell, rounds(), command.body, stdin, out)


def _loop(shell: Shell, rounds: Iterable[None], body: Command, stdin: CommandInput, out: CommandOutput) -> None:
    shell.loops += 1
    try:
        for _ in rounds:
            try:
                shell.execute(body, stdin, out)
            except Jump as jump:
                if jump.levels > 1:
                    raise Jump(jump.word, jump.levels - 1) from None
                shell.status = 0
                if jump.word == "break":
                    return
    finally:
        shell.loops -= 1


def run_pipeline(shell: Shell, command: Pipeline, stdin: CommandInput, out: CommandOutput) -> int | None:
    status: int | None = None
    source = stdin
    for at, one in enumerate(command.commands):
        is_last = at + 1 == len(command.commands)
        into = out if is_last else CommandOutput()
        if len(command.commands) == 1:
            status = shell.tested(one, source, into)
        else:
            shell.conditions += not is_last or command.negated
            try:
                status = shell.in_subshell(one, into, source)
            finally:
                shell.conditions -= not is_last or command.negated
        source = CommandInput(None if into.unknown else "".join(into.parts))
    if command.negated:
        return None if status is None else int(status == 0)
    return status
