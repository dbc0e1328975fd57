"""``grep``: which lines of files match."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from sysimage.rootfs.tree import Kind
from sysimage_bootstrap.scripts.command_calls import Call, Options, command
from sysimage_bootstrap.scripts.commands.text import inputs, lines_of
from sysimage_bootstrap.scripts.shell_patterns import expression


@command("grep", "egrep", "fgrep")
def grep(call: Call) -> int:
    options = call.options("emABCf", frozenset({"regexp"}))
    options.only(*"EFGqsvxioclnhHwerRsm", "quiet", "regexp", "no-messages", "extended-regexp", "invert-match", "silent")
    operands = list(options.operands)
    patterns = [*options.given.get("e", []), *options.given.get("regexp", [])] or [operands.pop(0)]
    search = _grep_expression(call, options, patterns)
    matches: Callable[[str], object] = search.fullmatch if options.has("x") else search.search
    named = len(operands) > 1 or options.has("H")
    if options.has("r", "R"):
        named |= any(call.files.is_directory(call.path(one)) for one in operands)
        operands = [path for one in operands for path in _files_below(call, one)]
    quiet, most = options.has("q", "quiet", "silent"), options.value("m")
    texts, status = inputs(call, operands)
    found = False
    for name, text in texts:
        numbered = enumerate(lines_of(text), 1)
        hits = [one for one in numbered if bool(matches(one[1])) != options.has("v", "invert-match")]
        hits = hits if most is None else hits[: int(most)]
        found |= bool(hits)
        prefix = f"{name or '(standard input)'}:" if named and not options.has("h") else ""
        if quiet:
            continue
        if options.has("c"):
            call.print(f"{prefix}{len(hits)}\n")
        elif options.has("l"):
            call.print(f"{name}\n" if hits else "")
        else:
            for number, line in hits:
                for shown in _shown(search, line) if options.has("o") else [line]:
                    call.print(f"{prefix}{f'{number}:' if options.has('n') else ''}{shown}\n")
    return 0 if found and (quiet or not status) else 2 if status else 1


def _shown(search: re.Pattern[str], line: str) -> Iterator[str]:
    """The parts of a line that match, without empty ones."""
    return (match[0] for match in search.finditer(line) if match[0])


def _grep_expression(call: Call, options: Options, patterns: Iterable[str]) -> re.Pattern[str]:
    """What any of the lines of ``patterns`` matches."""
    extended = call.name == "egrep" or options.has("E", "extended-regexp")
    fixed = call.name == "fgrep" or options.has("F")
    lines = [line for pattern in patterns for line in pattern.split("\n")]
    whole = "|".join(f"(?:{re.escape(one) if fixed else expression(one, extended=extended)})" for one in lines)
    if options.has("w"):
        whole = rf"(?<!\w)(?:{whole})(?!\w)"
    return re.compile(whole, re.IGNORECASE if options.has("i") else 0)


def _files_below(call: Call, top: str) -> list[str]:
    """The files in a directory and below, with the name of the directory as it was given; a file is itself."""
    if not call.files.is_directory(call.path(top)):
        return [top]
    base = call.path(top).rstrip("/")
    nodes = ((path, call.files.node(path, follow=False)) for path in call.files.below(base))
    return [
        f"{top.rstrip('/')}{path.removeprefix(base)}"
        for path, node in nodes
        if node is not None and node.kind is Kind.FILE
    ]
