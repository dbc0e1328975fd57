"""``test``, ``[``, and the simple forms of ``[[``."""

from __future__ import annotations

from collections.abc import Callable
from operator import eq, ge, gt, le, lt, ne

from sysimage.rootfs.tree import Kind
from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command
from sysimage_bootstrap.scripts.tools import is_there

_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": eq,
    "-ne": ne,
    "-lt": lt,
    "-le": le,
    "-gt": gt,
    "-ge": ge,
}
_FILES = "bcdefgGhkLNOprsStuwxS"
_BINARY = ("=", "==", "!=", "<", ">", "-nt", "-ot", "-ef", *_NUMBERS)


@command("test", "[")
def test(call: Call) -> int | None:
    words = list(call.arguments)
    if call.name == "[":
        if words[-1:] != ["]"]:
            return 2
        words.pop()
    return int(not _holds(call, words))


@command("[[")
def bash_test(call: Call) -> int:
    """One comparison or test of bash. A word without quotes that is empty is not among the arguments here."""
    words = call.arguments[:-1] if call.arguments[-1:] == ["]]"] else []
    match words:
        case ["-n" | "-z" as operator]:
            return int(operator == "-n")
        case [("=" | "==" | "!=") as operator, right] if not _is_pattern(right):
            return int(operator != "!=")
        case [left, operator, right] if operator in _BINARY and not _is_pattern(right):
            return int(not _compare(call, left, operator, right))
        case [operator, operand] if _is_unary(operator):
            return int(not _unary(call, operator, operand))
    raise UnknownError(f"what [[ {' '.join(words)} tests")


def _is_pattern(text: str) -> bool:
    return any(character in text for character in "*?[")


def _holds(call: Call, words: list[str]) -> bool:
    """POSIX says what few words mean; more are read as an expression."""
    match words:
        case []:
            return False
        case [text]:
            return bool(text)
        case [left, operator, right] if operator in _BINARY:
            return _compare(call, left, operator, right)
        case ["(", *inner, ")"] if len(words) <= 4:
            return _holds(call, inner)
        case [operator, operand] if _is_unary(operator):
            return _unary(call, operator, operand)
    waiting = list(words)
    result = _either(call, waiting)
    if waiting:
        raise UnknownError(f"what [ {' '.join(words)} ] tests")
    return result


def _either(call: Call, waiting: list[str]) -> bool:
    result = _both(call, waiting)
    while waiting[:1] == ["-o"]:
        waiting.pop(0)
        other = _both(call, waiting)
        result = result or other
    return result


def _both(call: Call, waiting: list[str]) -> bool:
    result = _one(call, waiting)
    while waiting[:1] == ["-a"]:
        waiting.pop(0)
        other = _one(call, waiting)
        result = result and other
    return result


def _one(call: Call, waiting: list[str]) -> bool:
    if not waiting:
        raise UnknownError("what an incomplete condition tests")
    word = waiting.pop(0)
    if word == "!":
        return not _one(call, waiting)
    if word == "(":
        result = _either(call, waiting)
        if waiting[:1] != [")"]:
            raise UnknownError("what a condition without its bracket tests")
        waiting.pop(0)
        return result
    if len(waiting) > 1 and waiting[0] in _BINARY:
        operator, right = waiting.pop(0), waiting.pop(0)
        return _compare(call, word, operator, right)
    if _is_unary(word) and waiting:
        return _unary(call, word, waiting.pop(0))
    return bool(word)


def _is_unary(operator: str) -> bool:
    return len(operator) == 2 and operator[0] == "-" and operator[1] in f"nzt{_FILES}"


def _unary(call: Call, operator: str, operand: str) -> bool:
    if operator in ("-n", "-z"):
        return bool(operand) == (operator == "-n")
    return operator != "-t" and _file(call, operator[1:], operand)


def _file(call: Call, operator: str, path: str) -> bool:
    if not path:
        return False
    path = call.path(path)
    node = call.files.node(path, follow=operator not in "hL")
    if operator in "hL":
        return node is not None and node.kind is Kind.SYMLINK
    if node is None:
        return operator in "efrxs" and is_there(call.files, path)
    match operator:
        case "e" | "r" | "w":
            return True
        case "f":
            return node.kind is Kind.FILE
        case "d":
            return node.kind is Kind.DIRECTORY
        case "x":
            return bool(node.mode & 0o111)
        case "s":
            if node.kind is Kind.DIRECTORY:
                return True
            content = call.files.read(path)
            if content is None:
                raise UnknownError(f"whether {path} is empty")
            return bool(content)
        case "u" | "g" | "k":
            return bool(node.mode & {"u": 0o4000, "g": 0o2000, "k": 0o1000}[operator])
        case "O" | "G":
            return (node.owner if operator == "O" else node.group) == call.shell.user
    return False


def _compare(call: Call, left: str, operator: str, right: str) -> bool:
    match operator:
        case "=" | "==":
            return left == right
        case "!=":
            return left != right
        case "<":
            return left < right
        case ">":
            return left > right
        case "-ef":
            return call.files.real(call.path(left)) == call.files.real(call.path(right))
        case "-nt" | "-ot":
            raise UnknownError("which file is the newer one")
    try:
        one, other = int(left), int(right)
    except ValueError:
        raise UnknownError(f"which number is meant by {left!r} {operator} {right!r}") from None
    return _NUMBERS[operator](one, other)
