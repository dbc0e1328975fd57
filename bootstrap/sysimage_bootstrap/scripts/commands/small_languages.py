"""Commands with a language of their own, as far as scripts use it: expr, awk, xargs; and digests."""

from __future__ import annotations

import hashlib
import operator
import re
from collections.abc import Callable
from functools import partial

from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command
from sysimage_bootstrap.scripts.commands.exim import SETS_DIRECTIVES, with_directives
from sysimage_bootstrap.scripts.commands.text import each_line, inputs
from sysimage_bootstrap.scripts.effects import has_effects
from sysimage_bootstrap.scripts.expansion import arithmetic
from sysimage_bootstrap.scripts.random_text import runs
from sysimage_bootstrap.scripts.shell_parser import parse
from sysimage_bootstrap.scripts.shell_patterns import expression


@command("seq")
def seq(call: Call) -> int:
    numbers = [int(word) for word in call.arguments]
    first, step, last = {1: (1, 1, numbers[0]), 2: (numbers[0], 1, numbers[-1])}.get(len(numbers), tuple(numbers))
    call.print("".join(f"{number}\n" for number in range(first, last + (1 if step > 0 else -1), step)))
    return 0


_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


@command("expr")
def expr(call: Call) -> int:
    match call.arguments:
        case [text, ":", pattern] | ["match", text, pattern]:
            found = re.match(expression(pattern, extended=False), text)
            has_group = r"\(" in pattern
            call.print(f"{(found[1] if found else '') if has_group else (found.end() if found else 0)}\n")
            return int(not (found and (found[1] if has_group else found.end())))
        case [left, sign, right] if sign in _COMPARISONS and left.isdecimal() and right.isdecimal():
            return _say(call, _COMPARISONS[sign](int(left), int(right)))
        case [left, ("=" | "!=") as sign, right]:
            return _say(call, (left == right) == (sign == "="))
        case [left, ("+" | "-" | "*" | "/" | "%") as sign, right]:
            try:
                return _say(call, arithmetic(call.shell, f"{int(left)} {sign} {int(right)}"))
            except ValueError:
                return 2
    raise UnknownError("what expr prints")


def _say(call: Call, value: int) -> int:
    """Print a number; nought is a failure."""
    call.print(f"{int(value)}\n")
    return int(value == 0)


@command("md5sum", "sha1sum", "sha256sum", "sha512sum")
def digests(call: Call) -> int:
    options = call.options()
    options.only("b", "t")
    texts, status = inputs(call, options.operands)
    for name, text in texts:
        made = hashlib.new(
            call.name.removesuffix("sum"), text.encode(errors="surrogateescape"), usedforsecurity=False
        ).hexdigest()
        if runs(text):
            made = call.state.random.hexadecimal(len(made))
        call.print(f"{made}  {name or '-'}\n")
    return status


_PRINTS_FIELD = re.compile(r"\s*(?:/((?:[^/\\]|\\.)*)/)?\s*\{\s*print\s+\$(\d+|NF)\s*;?\s*\}\s*")


@command("awk", "mawk", "gawk")
def awk(call: Call) -> int:
    options = call.options("Fv")
    options.only("F")
    if " ".join("".join(options.operands[:1]).split()) == SETS_DIRECTIVES:
        return each_line(call, options.operands[1:], partial(with_directives, call))
    match = _PRINTS_FIELD.fullmatch(options.operands[0]) if options.operands else None
    if match is None:
        raise UnknownError("what awk prints")
    separator = options.value("F")

    def change(line: str) -> str | None:
        if match[1] and not re.search(expression(match[1], extended=True), line):
            return None
        pieces = (
            line.split()
            if separator is None or separator == " "
            else re.split(separator if len(separator) > 1 else re.escape(separator), line)
        )
        number = len(pieces) if match[2] == "NF" else int(match[2])
        return line if number == 0 else pieces[number - 1] if number <= len(pieces) else ""

    return 2 * each_line(call, options.operands[1:], change)


_NOT_FOUND, _XARGS_FAILED = 127, 123


@command("xargs", "env", "nice")
def runs_another(call: Call) -> int | None:
    words = list(call.arguments)
    if call.name == "xargs":
        options = {"-r", "--no-run-if-empty", "-0", "--null", "-n1"}
        flags = []
        while words and words[0].startswith("-"):
            flags.append(words.pop(0))
        if not set(flags) <= options:
            raise UnknownError("how xargs passes arguments on")
        text = call.stdin.text()
        more = text.split("\0") if {"-0", "--null"} & set(flags) else text.split()
        more = [word for word in more if word]
        if not more and {"-r", "--no-run-if-empty"} & set(flags):
            return 0
        status = call.shell.call(0, [*(words or ["echo"]), *more], call.stdin, call.out)
        return status if status in (None, 0, _NOT_FOUND) else _XARGS_FAILED
    if call.name == "nice" and words[:1] == ["-n"]:
        words = words[2:]
    assignments = []
    while words and re.match(r"[A-Za-z_]\w*=|-", words[0]):
        assignments.append(words.pop(0))
    if call.name == "env" and {word for word in assignments if word.startswith("-")} - {"-i", "-"}:
        raise UnknownError("what env changes")
    return call.shell.call(0, words, call.stdin, call.out) if words else 0


@command("bash", "dash", "sh")
def runs_a_script(call: Call) -> int | None:
    """A shell with a script of the image, or with ``-c`` and a text."""
    if call.arguments[:1] == ["-c"] and len(call.arguments) > 1:
        return run_text(call, call.arguments[1])
    words = [word for word in call.arguments if word != "-e"]
    if not words or words[0].startswith("-"):
        raise UnknownError(f"what {call.name} does")
    if call.files.node(call.path(words[0])) is not None:
        words[0] = call.path(words[0])  # a file here comes before a program of this name
    return call.shell.call(0, words, call.stdin, call.out)


@command("su", "runuser")
def as_another_user(call: Call) -> int | None:
    """What another user looks at. The files that it would change would have owners other than root."""
    if "-c" not in call.arguments:
        raise UnknownError(f"what {call.name} does")
    options = call.options("sugG", frozenset({"shell", "user", "group"}))
    text = call.arguments[call.arguments.index("-c") + 1]
    words = [word for word in options.operands if word not in (text, "-")]
    user = options.value("u", "user") or (words[0] if words else "root")
    if has_effects(parse(text), call.shell.functions):
        raise UnknownError(f"what {user} does")
    kept, call.shell.user = call.shell.user, user
    try:
        return run_text(call, text)
    finally:
        call.shell.user = kept


def run_text(call: Call, text: str) -> int | None:
    """Follow commands that are in a text."""
    return call.shell.in_subshell(parse(text), call.out, call.stdin)


@command("perl")
def perl(call: Call) -> int:
    if call.arguments == ["-e", ""]:
        return 0  # is there a perl?
    raise UnknownError("what a program in Perl does")


@command("python", "pypy")
def python(call: Call) -> int:
    if any(word.endswith("py_compile.py") or word in ("py_compile", "compileall") for word in call.arguments):
        return 0  # items hold bytecode already
    raise UnknownError("what a program in Python does")
