"""A spec as JSON text, with a comment on every line that says where its value was written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sysimage.spec.json_text import pointer

_WIDEST = 100
"""Characters of a line before its comment; a value that has room on one line is written on it."""


def annotated_text(value: Any, origins: Mapping[str, str]) -> str:
    """The text of a .jsonc file; ``origins`` maps JSON pointers to places."""
    lines = [_Line("{", ""), *_lines(value, "", 1, origins), _Line("}", "")]
    width = max((len(line.text) for line in lines if len(line.text) <= _WIDEST), default=0)
    return "".join(line.padded(width) + "\n" for line in lines)


class _Line:
    def __init__(self, text: str, origin: str) -> None:
        self.text, self.origin = text, origin

    def padded(self, width: int) -> str:
        return f"{self.text:{width}}  // {self.origin}" if self.origin else self.text


def _lines(value: Any, where: str, depth: int, origins: Mapping[str, str]) -> Iterator[_Line]:
    """The lines of the parts of an object or an array."""
    parts = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for index, (key, part) in enumerate(parts):
        here = where + pointer(key)
        comma = "" if index == len(parts) - 1 else ","
        name = f"{json.dumps(key, ensure_ascii=False)}: " if isinstance(value, dict) else ""
        start = "  " * depth + name
        if not isinstance(part, dict | list) or not part or _is_of_one_place(part, here, origins, start):
            yield _Line(start + json.dumps(part, ensure_ascii=False) + comma, origins.get(here, ""))
            continue
        opening, closing = ("{", "}") if isinstance(part, dict) else ("[", "]")
        yield _Line(start + opening, "")
        yield from _lines(part, here, depth + 1, origins)
        yield _Line("  " * depth + closing + comma, "")


def _is_of_one_place(part: Any, where: str, origins: Mapping[str, str], start: str) -> bool:
    """Whether one line and one place say everything: all elements of an array come from one file."""
    text = start + json.dumps(part, ensure_ascii=False)
    if isinstance(part, dict) or any(isinstance(one, dict | list) for one in part) or len(text) > _WIDEST:
        return False
    return len({_file(origins.get(where + pointer(key), "")) for key in range(len(part))}) == 1


def _file(origin: str) -> str:
    """A place without its line and column."""
    text, _, variant = origin.partition(" (")
    return text.rsplit(":", 2)[0] + variant
