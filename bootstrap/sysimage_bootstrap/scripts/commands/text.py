"""Commands that make texts of texts."""

from __future__ import annotations

import posixpath
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby

from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command
from sysimage_bootstrap.scripts.random_text import runs
from sysimage_bootstrap.scripts.sed import sed_text

_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def inputs(call: Call, paths: list[str]) -> tuple[list[tuple[str, str]], int]:
    """Name and text of each file that is read, or of what is piped in, if none is named; and 1 if one is absent."""
    found, status = [], 0
    for path in paths or ["-"]:
        if path == "-" or path == "/dev/stdin":
            found.append(("", call.stdin.text()))
            continue
        device = call.state.random.read(path)
        if device is not None:
            found.append((path, device))
            continue
        node = call.files.node(call.path(path))
        if node is None:
            status = 1
            continue
        content = call.files.read(call.path(path))
        if content is None:
            raise UnknownError(f"what {path} holds")
        found.append((path, content.decode(errors="surrogateescape")))
    return found, status


def lines_of(text: str) -> list[str]:
    """The lines without their ends. Nothing but a newline ends one: ``\\r`` and ``\\f`` are characters of it."""
    return text.removesuffix("\n").split("\n") if text else []


def _escaped(text: str) -> str:
    def octal(match: re.Match[str]) -> str:
        return chr(int(match[1], 8)) if match[1] else _ESCAPES.get(match[2], match[0])

    return re.sub(r"\\(?:0?([0-7]{1,3})|(.))", octal, text, flags=re.DOTALL)


@command("echo")
def echo(call: Call) -> int:
    words = list(call.arguments)
    ends = True
    while words and words[0] in ("-n", "-e", "-ne", "-en"):
        ends &= "n" not in words.pop(0)
    text = " ".join(words)
    call.print((_escaped(text) if "\\" in text else text) + ("\n" if ends else ""))
    return 0


@command("printf")
def printf(call: Call) -> int:
    words = [word for word in call.arguments if word != "--"]
    if not words:
        return 2
    form, values = _escaped(words[0]), iter(words[1:])
    places = [match[2] for match in _CONVERSION.finditer(form) if match[2] != "%"]
    rounds = max(1, -(-(len(words) - 1) // len(places))) if places else 1
    for _ in range(rounds):
        call.print(_CONVERSION.sub(lambda match: "%" if match[2] == "%" else _converted(match, next(values, "")), form))
    return 0


_CONVERSION = re.compile(r"%([-+ 0#]*\d*(?:\.\d+)?)([sdibcq%])")


def _converted(match: re.Match[str], value: str) -> str:
    letter = match[2]
    if letter == "b":
        return _escaped(value)
    if letter in "di":
        return f"%{match[1]}d" % int(value or "0")
    return f"%{match[1]}s" % (value[:1] if letter == "c" else value)


@command("cat")
def cat(call: Call) -> int:
    return _print_texts(call, call.options().operands, lambda text: text)


@command("sed")
def sed(call: Call) -> int:
    options = call.options("ef", frozenset({"expression", "file"}))
    options.only(*"neErisu", "expression", "quiet", "in-place", "regexp-extended", "follow-symlinks")
    if any(suffix for suffix in options.given.get("in-place", [])):
        raise UnknownError("what sed keeps a copy of")
    operands = list(options.operands)
    script = "\n".join([*options.given.get("e", []), *options.given.get("expression", [])]) or operands.pop(0)
    extended, quiet = options.has("E", "r", "regexp-extended"), options.has("n", "quiet")
    texts, status = inputs(call, operands)
    if options.has("i", "in-place"):
        for path, text in texts:
            made = sed_text(script, text, extended=extended, quiet=quiet).encode(errors="surrogateescape")
            _rewrite(call, call.path(path), made)
    else:
        call.print(sed_text(script, "".join(text for _, text in texts), extended=extended, quiet=quiet))
    return 2 * status


def _rewrite(call: Call, path: str, content: bytes) -> None:
    node = call.files.node(path)
    if node is not None and call.files.read(path) != content:
        call.files.put(path, replace(node, content=content), follow=True)


def each_line(call: Call, operands: list[str], change: Callable[[str], str | None]) -> int:
    """Print what ``change`` makes of each line; it returns None to omit one. The status is 1 if a file is absent."""
    texts, status = inputs(call, operands)
    for _, text in texts:
        for line in lines_of(text):
            changed = change(line)
            if changed is not None:
                call.print(f"{changed}\n")
    return status


@command("cut")
def cut(call: Call) -> int:
    options = call.options("dfcb", frozenset({"delimiter", "fields", "characters"}))
    options.only(*"dfcbs", "delimiter", "fields", "characters", "only-delimited")
    delimiter = options.value("d", "delimiter") or "\t"
    fields = options.value("f", "fields")
    ranges = _ranges(fields or options.value("c", "b", "characters") or "1-")

    def change(line: str) -> str | None:
        pieces = line.split(delimiter) if fields else list(line)
        if fields and len(pieces) == 1:
            return None if options.has("s", "only-delimited") else line
        chosen = [piece for at, piece in enumerate(pieces, 1) if any(low <= at <= high for low, high in ranges)]
        return (delimiter if fields else "").join(chosen)

    return each_line(call, options.operands, change)


def _ranges(text: str) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        low, dash, high = part.partition("-")
        found.append((int(low or 1), int(high or 10**9) if dash else int(low)))
    return found


@command("tr")
def tr(call: Call) -> int:
    options = call.options()
    options.only(*"dsc")
    sets = [_set(operand) for operand in options.operands]
    text = call.stdin.text()
    inverted = options.has("c")
    if options.has("d"):
        text = "".join(one for one in text if (one in sets[0]) == inverted or runs(one))
    elif inverted and len(sets) == 2:
        text = "".join(one if one in sets[0] or runs(one) else sets[1][-1] for one in text)
    elif len(sets) == 2:
        first, second = sets[0], sets[1] + sets[1][-1:] * len(sets[0])
        text = text.translate({ord(one): other for one, other in zip(first, second, strict=False)})
    if options.has("s"):
        others = inverted and len(sets) == 1
        text = re.sub(r"(.)\1+", lambda same: same[1] if (same[1] in sets[-1]) != others else same[0], text, flags=re.S)
    call.print(text)
    return 0


def _set(text: str) -> str:
    text = re.sub(r"\[:(\w+):\]", lambda match: _NAMED.get(match[1], match[0]), text)
    text = _escaped(text)
    return re.sub(
        r"(.)-(.)", lambda match: "".join(map(chr, range(ord(match[1]), ord(match[2]) + 1))), text, flags=re.DOTALL
    )


_NAMED = {
    "upper": "A-Z",
    "lower": "a-z",
    "digit": "0-9",
    "space": " \t\n\r\f\v",
    "alpha": "A-Za-z",
    "alnum": "A-Za-z0-9",
}


@command("head", "tail")
def head(call: Call) -> int:
    if call.arguments and re.fullmatch(r"-\d+", call.arguments[0]):
        call.arguments[0] = f"-n{call.arguments[0][1:]}"
    options = call.options("nc", frozenset({"lines", "bytes"}))
    options.only("n", "c", "q", "lines", "bytes")
    size = options.value("c", "bytes")
    if size is not None and (call.name != "head" or not size.isdecimal()):
        raise UnknownError("which bytes are meant")
    count = options.value("n", "lines") or "10"
    texts, status = inputs(call, options.operands)
    for at, (name, text) in enumerate(texts):
        if len(options.operands) > 1 and not options.has("q"):
            call.print(("\n" if at else "") + f"==> {name} <==\n")
        call.print(_lines_at_end(call.name, count, text) if size is None else text[: int(size)])
    return status


def _lines_at_end(name: str, count: str, text: str) -> str:
    """The first or the last lines of a text, as many as are wanted, or all but these."""
    lines = [f"{line}\n" for line in lines_of(text)]
    if lines and not text.endswith("\n"):
        lines[-1] = lines[-1].removesuffix("\n")
    number = int(count.lstrip("+-"))
    if name == "head":
        chosen = lines[: -number or None] if count.startswith("-") else lines[:number]
    else:
        chosen = lines[number - 1 :] if count.startswith("+") else lines[-number:] if number else []
    return "".join(chosen)


def _print_texts(call: Call, operands: list[str], change: Callable[[str], str]) -> int:
    """Print what becomes of each text that is read; the exit status is 1 if a file is absent."""
    texts, status = inputs(call, operands)
    for _, text in texts:
        call.print(change(text))
    return status


@command("fold")
def fold(call: Call) -> int:
    options = call.options("w", frozenset({"width"}))
    options.only("w", "b", "s", "width")
    width = int(options.value("w", "width") or "80")
    if options.has("s"):
        raise UnknownError("how words are folded")

    def folded(text: str) -> str:
        lines = text.split("\n")
        return "\n".join(
            "\n".join(line[at : at + width] for at in range(0, max(len(line), 1), width)) for line in lines
        )

    return _print_texts(call, options.operands, folded)


@command("base64")
def base64_(call: Call) -> int:
    options = call.options("w", frozenset({"wrap"}))
    options.only("w", "wrap")
    width = int(options.value("w", "wrap") or "76")

    def encoded(text: str) -> str:
        if runs(text):
            made = call.state.random.base64(len(text))
        else:
            made = b64encode(text.encode(errors="surrogateescape")).decode()
        if not width:
            return made
        return "".join(f"{made[at : at + width]}\n" for at in range(0, len(made), width))

    return _print_texts(call, options.operands, encoded)


@command("dd")
def dd(call: Call) -> int:
    words = dict(word.split("=", 1) for word in call.arguments if "=" in word)
    if words.keys() - {"if", "bs", "count", "status", "iflag"} or not words.get("bs", "512").isdecimal():
        raise UnknownError("what dd copies")
    size = int(words.get("bs", "512")) * int(words["count"]) if "count" in words else None
    return _print_texts(call, [words.get("if", "-")], lambda text: text[:size])


@command("sort")
def sort(call: Call) -> int:
    options = call.options("kt")
    options.only(*"urnV")
    if options.has("V"):
        raise UnknownError("how versions are sorted")
    texts, status = inputs(call, options.operands)
    if status:
        return 2
    lines = [line for _, text in texts for line in lines_of(text)]
    lines = sorted(set(lines)) if options.has("u") else sorted(lines)
    if options.has("n"):
        lines.sort(key=lambda line: int((re.match(r"\s*(-?\d+)", line) or ["", "0"])[1]))
    call.print("".join(f"{line}\n" for line in (reversed(lines) if options.has("r") else lines)))
    return 0


@command("uniq")
def uniq(call: Call) -> int:
    options = call.options()
    options.only("c", "d", "u")
    texts, status = inputs(call, options.operands)
    for _, text in texts:
        for line, same in groupby(lines_of(text)):
            count = len(list(same))
            if (options.has("d") and count == 1) or (options.has("u") and count > 1):
                continue
            call.print(f"{count:7} {line}\n" if options.has("c") else f"{line}\n")
    return status


@command("wc")
def wc(call: Call) -> int:
    options = call.options()
    options.only("l", "w", "c")
    if len(options.given) != 1 or len(options.operands) > 1:
        raise UnknownError("how wc lays out its numbers")
    texts, status = inputs(call, options.operands)
    for name, text in texts:
        count = text.count("\n") if options.has("l") else len(text.split()) if options.has("w") else len(text)
        call.print(f"{count} {name}".rstrip() + "\n")
    return status


@command("basename")
def basename(call: Call) -> int:
    words = [word for word in call.arguments if word != "--"]
    name = posixpath.basename(words[0].rstrip("/")) or words[0][:1]
    if len(words) > 1 and name != words[1]:
        name = name.removesuffix(words[1])
    call.print(f"{name}\n")
    return 0


@command("dirname")
def dirname(call: Call) -> int:
    for word in call.arguments:
        if word != "--":
            call.print(f"{posixpath.dirname(word.rstrip('/')) or ('/' if word.startswith('/') else '.')}\n")
    return 0
