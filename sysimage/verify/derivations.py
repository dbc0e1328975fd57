"""What derivations in an image make, which its store database is to know."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

from sysimage.rules.paths import Parts
from sysimage.store.paths import StorePath
from sysimage.verify.image_source import ImageSource
from sysimage.verify.layer import LayerReading
from sysimage.verify.limits import Limits
from sysimage.verify.small_files import files_behind
from sysimage.verify.tree import FileTree

Outputs = Mapping[str, str]
"""Name of an output → its path."""


def derivation_outputs(
    items: Sequence[Parts], tree: FileTree, readings: Sequence[LayerReading], source: ImageSource, limits: Limits
) -> dict[Parts, Outputs]:
    """The outputs of those of ``items`` that are derivations."""
    wanted = [parts for parts in items if parts[-1].endswith(b".drv")]
    texts = files_behind(wanted, tree, readings, source, limits)
    return {parts: outputs for parts, text in texts.items() if (outputs := outputs_in(text)) is not None}


_OUTPUT = re.compile(rb'\("((?:[^"\\]|\\.)*)","((?:[^"\\]|\\.)*)","(?:[^"\\]|\\.)*","(?:[^"\\]|\\.)*"\)', re.DOTALL)


_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def _letter(match: re.Match[bytes]) -> bytes:
    return _LETTERS.get(match[1], match[1])


def outputs_in(text: bytes) -> Outputs | None:
    """Of a derivation's text; None for any other text, and where two outputs have one name. An output whose path is not
    known yet is left out."""
    head, bracket, rest = text.partition(b"[")
    if not bracket or not head.startswith((b"Derive(", b"DrvWithVersion(")):
        return None
    found: dict[str, str] = {}
    while match := _OUTPUT.match(rest):
        name, path = (_ESCAPED.sub(_letter, field).decode("utf-8", "surrogateescape") for field in match.groups())
        rest = rest[match.end() :]
        if name in found:
            return None
        with suppress(ValueError):
            found[name] = str(StorePath.parse(path))
        if rest.startswith(b"]"):
            return found
        if not rest.startswith(b","):
            return None
        rest = rest[1:]
    return found if text.startswith(b"]", len(head) + 1) else None
