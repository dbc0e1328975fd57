"""Commands that the shell itself has."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sysimage_bootstrap.scripts.command_calls import CommandInput, CommandOutput, Jump, Return, ScriptEnd, UnknownError
from sysimage_bootstrap.scripts.shell_parser import parse
from sysimage_bootstrap.scripts.shell_syntax import ShellSyntaxError
from sysimage_bootstrap.scripts.tools import BUILT_IN_FILES, place_of, shell_script

if TYPE_CHECKING:
    from sysimage_bootstrap.scripts.shell import Shell

BuiltIn = Callable[["Shell", int, list[str], CommandInput, CommandOutput], "int | None"]
"""What such a command does, called at a line: its exit status."""


def _number(arguments: list[str], default: int) -> int:
    return int(arguments[0]) if arguments and arguments[0].isdecimal() else default


def _exit(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    raise ScriptEnd(_number(arguments, 0) if arguments else shell.status)


def _return(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    raise Return(_number(arguments, 0) if arguments else shell.status)


def _break(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    return _jump(shell, "break", arguments)


def _continue(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    return _jump(shell, "continue", arguments)


def _jump(shell: Shell, word: str, arguments: list[str]) -> int:
    """Leave loops, all of them if there are not so many; outside of any, go on."""
    if shell.loops:
        raise Jump(word, min(_number(arguments, 1), shell.loops))
    return 0


def _set(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    words = list(arguments)
    while words and words[0][:1] in "-+" and words[0] not in ("--", "-"):
        word = words.pop(0)
        if "e" in word:
            shell.stops_at_errors = word[0] == "-"
        if "o" in word and words:
            option = words.pop(0)
            shell.stops_at_errors = word[0] == "-" if option == "errexit" else shell.stops_at_errors
    if words:
        shell.arguments = words[1:] if words[0] in ("--", "-") else words
    return 0


def _alias(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    """An alias is a function with the rest of the line as its arguments."""
    for word in arguments:
        name, is_defined, text = word.partition("=")
        if is_defined:
            try:
                shell.functions[name] = parse(f'{text} "$@"')
            except ShellSyntaxError:
                raise UnknownError(f"what the alias {name} means") from None
    return 0


def _shift(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    count = _number(arguments, 1)
    if count > len(shell.arguments):
        return 1
    shell.arguments = shell.arguments[count:]
    return 0


def _local(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    for argument in arguments:
        name, equals, value = argument.partition("=")
        shell.make_local(name)
        if equals:  # without a value, dash keeps the one that it has outside
            shell.variables[name] = value
    return 0


def _export(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    for argument in arguments:
        name, equals, value = argument.partition("=")
        shell.exported.add(name)
        if equals:
            shell.variables[name] = value
    return 0


def _readonly(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if equals:
            shell.variables[name] = value
    return 0


def _unset(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    for name in arguments:
        shell.variables.pop(name, None)
    return 0


def _read(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    raw = "-r" in arguments
    names = [name for name in arguments if not name.startswith("-")] or ["REPLY"]
    text = stdin.line()
    if text is None:
        for name in names:
            shell.variables[name] = ""
        return 1
    ended = text.endswith("\n")
    text = text.removesuffix("\n")
    text = text if raw else re.sub(r"\\(.)", r"\1", text)
    separators = shell.variables.get("IFS", " \t\n") or ""
    blanks = "".join(one for one in separators if one in " \t\n")
    rest = text.strip(blanks) if blanks else text
    for name in names[:-1]:
        pieces = re.split(f"[{re.escape(separators)}]", rest, maxsplit=1) if separators else [rest]
        shell.variables[name] = pieces[0]
        rest = pieces[1].lstrip(blanks) if len(pieces) > 1 else ""
    shell.variables[names[-1]] = rest
    return int(not ended)


def _cd(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    path = shell.absolute(arguments[-1] if arguments else "/root")
    if shell.state.files.node(path) is None:
        return 2
    shell.directory = shell.state.files.real(path)
    return 0


def _pwd(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    out.parts.append(f"{shell.directory}\n")
    return 0


def _umask(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    if not arguments:
        out.parts.append(f"{shell.umask:04o}\n")
    else:
        shell.umask = int(arguments[0], 8)
    return 0


def _eval(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    try:
        body = parse(" ".join(arguments), line)
    except ValueError:
        raise UnknownError("what eval does") from None
    return shell.execute(body, stdin, out)


def _source(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    path = shell.absolute(arguments[0])
    if path in BUILT_IN_FILES:
        return 0
    node = shell.state.files.node(path)
    if node is None:
        return 1
    body = shell_script(shell.state.files, path, needs_first_line=False)
    if body is None:
        raise UnknownError(f"what {path} says")
    return shell.call_function(body, arguments[1:] or shell.arguments, line, stdin, out)


def _getopts(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    letters, name, *given = arguments
    words = given or shell.arguments
    at = int(shell.parameter("OPTIND") or "1")
    within = int(shell.variables.get("\0getopts") or "1") if at > 1 or "\0getopts" in shell.variables else 1
    word = words[at - 1] if at <= len(words) else ""
    if not re.match("-[^-]", word):
        shell.variables |= {name: "?", "OPTIND": str(at + (word == "--"))}
        return 1
    letter = word[within]
    rest = word[within + 1 :]
    shell.variables["OPTARG"] = ""
    shell.variables[name] = letter if letter in letters.replace(":", "") else "?"
    if f"{letter}:" in letters:
        shell.variables["OPTARG"] = rest or (words[at] if at < len(words) else "")
        at += 1 if rest else 2
        within = 1
    elif rest:
        within += 1
    else:
        at, within = at + 1, 1
    shell.variables |= {"OPTIND": str(at), "\0getopts": str(within)}
    return 0


def _nothing(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    return 0


def _false(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    return 1


def _exec(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    if arguments:
        raise ScriptEnd(shell.call(line, arguments, stdin, out))
    return 0


def _which(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    status = 0
    for name in (word for word in arguments if not word.startswith("-")):
        place = name if name in shell.functions or name in BUILT_IN else place_of(shell.state.files, name)
        if place is None:
            status = 1
        else:
            out.parts.append(f"{place}\n")
    return status


def _hash(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    return _which(shell, line, arguments, stdin, CommandOutput())


def _command(shell: Shell, line: int, arguments: list[str], stdin: CommandInput, out: CommandOutput) -> int | None:
    if arguments[:1] and arguments[0] in ("-v", "-V"):
        return _which(shell, line, arguments[1:], stdin, out)
    words = [word for word in arguments if word != "-p"]
    return shell.call(line, words, stdin, out) if words else 0


BUILT_IN: dict[str, BuiltIn] = {
    "exit": _exit,
    "return": _return,
    "break": _break,
    "continue": _continue,
    "set": _set,
    "shift": _shift,
    "local": _local,
    "declare": _local,
    "typeset": _local,
    "export": _export,
    "readonly": _readonly,
    "unset": _unset,
    "getopts": _getopts,
    "read": _read,
    "cd": _cd,
    "pwd": _pwd,
    "umask": _umask,
    "eval": _eval,
    ".": _source,
    "source": _source,
    ":": _nothing,
    "true": _nothing,
    "trap": _nothing,
    "wait": _nothing,
    "alias": _alias,
    "ulimit": _nothing,
    "shopt": _nothing,
    "false": _false,
    "exec": _exec,
    "command": _command,
    "hash": _hash,
    "type": _which,
    "which": _which,
}
