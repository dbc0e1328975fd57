"""Line by line: ``nix-store --dump-db`` (what ``--load-db`` reads), and references graphs as builders are given them.

Guix and Nix agree: for each item its path, its deriver or an empty line, the number of references, and those. A
registration has the NAR hash and the NAR's size between path and deriver.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sysimage.store.paths import StorePath
from sysimage.store.query.catalogue import PathInfo, parse_hash, sorted_paths

_HASH = re.compile(r"(sha256:)?([0-9a-f]{64}|[0-9a-z]{52})")
_MOST_REFERENCES = 1_000_000


def parse_registration(text: str) -> Iterator[PathInfo]:
    """The facts about every path in the text, in either form; a ValueError names the line that is wrong."""
    lines = _Lines(text)
    while (path := lines.next_or_none()) is not None:
        try:
            yield _entry(path, lines)
        except ValueError as error:
            raise ValueError(f"line {lines.number}: {error}") from None


class _Lines:
    """The lines, counted."""

    def __init__(self, text: str) -> None:
        self._lines = iter(text.splitlines())
        self.number = 0

    def next_or_none(self) -> str | None:
        self.number += 1
        return next(self._lines, None)

    def next(self) -> str:
        line = self.next_or_none()
        if line is None:
            raise ValueError("the text ends inside an entry")
        return line

    def count(self) -> int:
        text = self.next()
        if not text.isascii() or not text.isdecimal() or int(text) > _MOST_REFERENCES:
            raise ValueError(f"not a number of references: {text!r}")
        return int(text)


def _entry(path: str, lines: _Lines) -> PathInfo:
    parsed = StorePath.parse(path)
    line = lines.next()
    nar_hash = nar_size = None
    if _HASH.fullmatch(line):
        nar_hash = parse_hash(line)
        size = lines.next()
        if not size.isascii() or not size.isdecimal():
            raise ValueError(f"not a NAR size: {size!r}")
        nar_size = int(size)
        line = lines.next()
    deriver = StorePath.parse(line) if line else None
    references = [lines.next() for _ in range(lines.count())]
    return PathInfo(parsed, sorted_paths(references), nar_hash, nar_size, deriver)
