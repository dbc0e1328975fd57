"""The lines of tmpfiles.d(5)."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_MODIFIERS = "!-+=~^$?"


@dataclass(frozen=True, slots=True)
class TmpfilesLine:
    """One line; a field that it leaves out is ``-``."""

    kind: str
    """What is done, such as ``d``."""
    modifiers: str
    path: str
    mode: str
    owner: str
    group: str
    argument: str


def tmpfiles_lines(text: str) -> Iterator[TmpfilesLine]:
    """The lines of a file without its comments."""
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = line.split(None, 6)
        if words[1:] and words[1][:1] in "\"'":
            with contextlib.suppress(ValueError):  # a quote without its end stands for itself
                words = shlex.split(line)
                words = [*words[:6], " ".join(words[6:])]
        first, path, mode, owner, group, _, argument = [*words, *["-"] * 7][:7]
        kind = first.rstrip(_MODIFIERS)
        yield TmpfilesLine(kind, first[len(kind) :], path, mode, owner, group, argument.strip())
