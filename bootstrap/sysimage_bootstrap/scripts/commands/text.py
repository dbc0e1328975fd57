"""Commands that make texts of texts."""

from __future__ import annotations

import posixpath
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from sysimage_bootstrap.scripts.random_text import runs
from sysimage_bootstrap.scripts.running import Call, Options, UnknownError, command
from sysimage_bootstrap.scripts.sed import sed_text
from sysimage_bootstrap.scripts.shell_patterns import expression

_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def inputs(call: Call, paths: list[str]) -> list[tuple[str, str]]:
    """Name and text of each file that is read; of what is piped in, if none is named. OSError if one is absent."""
    found = []
    for path in paths or ["-"]:
        if path == "-" or path == "/dev/stdin":
            found.append(("", call.stdin.text()))
            continue
        device = call.state.random.read(path)
        if device is not None:
            found.append((path, device))
            continue
        node = call.files.node(call.path(path))
        if node is None or node.target is not None:
            raise FileNotFoundError(path)
        content = call.files.read(call.path(path))
        if content is None:
            raise UnknownError(f"what {path} holds")
        found.append((path, content.decode(errors="surrogateescape")))
    return found


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
    try:
        for _, text in inputs(call, call.options().operands):
            call.print(text)
    except FileNotFoundError:
        return 1
    return 0


@command("grep", "egrep", "fgrep")
def grep(call: Call) -> int:
    options = call.options("emABCf", frozenset({"regexp"}))
    options.only(*"EFGqsvxioclnhHwerRsm", "quiet", "regexp", "no-messages", "extended-regexp", "invert-match", "silent")
    operands = list(options.operands)
    patterns = [*options.given.get("e", []), *options.given.get("regexp", [])] or [operands.pop(0)]
    search = _grep_expression(call, options, patterns)
    if options.has("r", "R"):
        operands = [path for top in operands for path in call.files.below(call.path(top)) if _is_file(call, path)]
    matches: Callable[[str], object] = search.fullmatch if options.has("x") else search.search
    found = failed = False
    for path in operands or ["-"]:
        try:
            ((name, text),) = inputs(call, [path])
        except FileNotFoundError:
            failed = True
            continue
        hits = [
            (number, line)
            for number, line in enumerate(text.splitlines(), 1)
            if bool(matches(line)) != options.has("v", "invert-match")
        ]
        found |= bool(hits)
        if not options.has("q", "quiet", "silent"):
            _print_hits(call, options, search, name, hits, named=len(operands) > 1)
    return 0 if found else 2 if failed and len(operands) == 1 else 1


def _grep_expression(call: Call, options: Options, patterns: Iterable[str]) -> re.Pattern[str]:
    """What any of the lines of ``patterns`` matches."""
    extended = call.name == "egrep" or options.has("E", "extended-regexp")
    fixed = call.name == "fgrep" or options.has("F")
    lines = [line for pattern in patterns for line in pattern.split("\n")]
    whole = "|".join(f"(?:{re.escape(one) if fixed else expression(one, extended=extended)})" for one in lines)
    if options.has("w"):
        whole = rf"(?<!\w)(?:{whole})(?!\w)"
    return re.compile(whole, re.IGNORECASE if options.has("i") else 0)


def _print_hits(
    call: Call, options: Options, search: re.Pattern[str], name: str, hits: Sequence[tuple[int, str]], *, named: bool
) -> None:
    prefix = f"{name}:" if named and not options.has("h") else ""
    if options.has("c"):
        call.print(f"{prefix}{len(hits)}\n")
    elif options.has("l"):
        call.print(f"{name}\n" if hits else "")
    else:
        for number, line in hits:
            shown = "\n".join(match[0] for match in search.finditer(line)) if options.has("o") else line
            call.print(f"{prefix}{f'{number}:' if options.has('n') else ''}{shown}\n")


def _is_file(call: Call, path: str) -> bool:
    node = call.files.node(path, follow=False)
    return node is not None and node.content is not None


@command("sed")
def sed(call: Call) -> int:
    options = call.options("ef", frozenset({"expression", "file"}))
    options.only(*"neErisu", "expression", "quiet", "in-place", "regexp-extended", "follow-symlinks")
    if any(suffix for suffix in options.given.get("in-place", [])):
        raise UnknownError("what sed keeps a copy of")
    operands = list(options.operands)
    script = "\n".join([*options.given.get("e", []), *options.given.get("expression", [])]) or operands.pop(0)
    extended, quiet = options.has("E", "r", "regexp-extended"), options.has("n", "quiet")
    try:
        if options.has("i", "in-place"):
            for path in operands:
                ((_, text),) = inputs(call, [path])
                made = sed_text(script, text, extended=extended, quiet=quiet).encode(errors="surrogateescape")
                _rewrite(call, call.path(path), made)
            return 0
        call.print(
            sed_text(script, "".join(text for _, text in inputs(call, operands)), extended=extended, quiet=quiet)
        )
    except FileNotFoundError:
        return 2
    return 0


def _rewrite(call: Call, path: str, content: bytes) -> None:
    node = call.files.node(path)
    if node is not None and call.files.read(path) != content:
        call.files.put(path, replace(node, content=content), follow=True)


def each_line(call: Call, operands: list[str], change: Callable[[str], str | None]) -> int:
    """Print what becomes of each line of what is read; None leaves one out."""
    try:
        for _, text in inputs(call, operands):
            for line in text.splitlines():
                changed = change(line)
                if changed is not None:
                    call.print(f"{changed}\n")
    except FileNotFoundError:
        return 1
    return 0


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
    if options.has("d"):
        keep = options.has("c")
        call.print("".join(one for one in text if (one in sets[0]) == keep or runs(one)))
        return 0
    if options.has("c"):
        call.print("".join(one if one in sets[0] or runs(one) else sets[1][-1] for one in text))
        return 0
    if len(sets) == 2:
        first, second = sets[0], sets[1] + sets[1][-1:] * len(sets[0])
        text = text.translate({ord(one): other for one, other in zip(first, second, strict=False)})
    if options.has("s"):
        squeezed = sets[-1]
        text = "".join(one for at, one in enumerate(text) if not (at and one == text[at - 1] and one in squeezed))
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
    arguments = [f"-n{word[1:]}" if re.fullmatch(r"-\d+", word) else word for word in call.arguments]
    call.arguments = arguments
    options = call.options("nc", frozenset({"lines", "bytes"}))
    options.only("n", "c", "q", "lines", "bytes")
    size = options.value("c", "bytes")
    if size is not None:
        if call.name != "head" or not size.isdecimal():
            raise UnknownError("which bytes are meant")
        return _print_texts(call, options.operands, lambda text: text[: int(size)])
    count = options.value("n", "lines") or "10"
    try:
        for _, text in inputs(call, options.operands):
            lines = text.splitlines(keepends=True)
            number = int(count.lstrip("+-"))
            if call.name == "head":
                chosen = lines[: -number or None] if count.startswith("-") else lines[:number]
            else:
                chosen = lines[number - 1 :] if count.startswith("+") else lines[-number:] if number else []
            call.print("".join(chosen))
    except FileNotFoundError:
        return 1
    return 0


def _print_texts(call: Call, operands: list[str], change: Callable[[str], str]) -> int:
    try:
        for _, text in inputs(call, operands):
            call.print(change(text))
    except FileNotFoundError:
        return 1
    return 0


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
    lines = [line for _, text in inputs(call, options.operands) for line in text.splitlines()]
    lines = sorted(set(lines)) if options.has("u") else sorted(lines)
    if options.has("n"):
        lines.sort(key=lambda line: int((re.match(r"\s*(-?\d+)", line) or ["", "0"])[1]))
    call.print("".join(f"{line}\n" for line in (reversed(lines) if options.has("r") else lines)))
    return 0


@command("uniq")
def uniq(call: Call) -> int:
    options = call.options()
    options.only("c", "d", "u")
    for _, text in inputs(call, options.operands):
        for line, same in groupby(text.splitlines()):
            count = len(list(same))
            if (options.has("d") and count == 1) or (options.has("u") and count > 1):
                continue
            call.print(f"{count:7} {line}\n" if options.has("c") else f"{line}\n")
    return 0


@command("wc")
def wc(call: Call) -> int:
    options = call.options()
    options.only("l", "w", "c")
    for name, text in inputs(call, options.operands):
        count = text.count("\n") if options.has("l") else len(text.split()) if options.has("w") else len(text)
        call.print(f"{count} {name}".rstrip() + "\n")
    return 0


@command("basename")
def basename(call: Call) -> int:
    words = [word for word in call.arguments if word != "--"]
    name = posixpath.basename(words[0].rstrip("/")) if words[0].strip("/") else words[0]
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
