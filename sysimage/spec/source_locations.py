"""A value of JSON that knows of each of its parts where it was written: a file, a line and a column, or a flag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sysimage.spec.json_text import JsonText, pointer

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written."""

    source: str
    """The name of a text, or a flag, such as ``--set max-layers=5``."""
    line: int | None = None
    """1-based; None outside of texts."""
    column: int | None = None
    variant: str | None = None
    """The variant of the text that holds it."""

    def __str__(self) -> str:
        at = self.source if self.line is None else f"{self.source}:{self.line}:{self.column}"
        return at if self.variant is None else f"{at} (variant {self.variant})"


@dataclass(frozen=True, slots=True)
class Located:
    """A value with its place. The parts of an object and of an array are located themselves."""

    content: dict[str, Located] | list[Located] | Scalar
    place: Place


def located(text: JsonText, source: str) -> Located:
    """The value of a text, with the places that the text knows."""
    return _located(text.value, "", text, Place(source, 1, 1))


def _located(value: Any, where: str, text: JsonText, above: Place) -> Located:
    line = text.lines.get(where)
    place = above if line is None else Place(above.source, line, text.columns[where])
    if isinstance(value, dict):
        return Located({key: _located(one, where + pointer(key), text, place) for key, one in value.items()}, place)
    if isinstance(value, list):
        parts = [_located(one, where + pointer(index), text, place) for index, one in enumerate(value)]
        return Located(parts, place)
    return Located(value, place)


def everywhere(value: object, place: Place) -> Located:
    """A Python value, all of it at one location."""
    if isinstance(value, Mapping):
        return Located({str(key): everywhere(one, place) for key, one in value.items()}, place)
    if isinstance(value, list | tuple):
        return Located([everywhere(one, place) for one in value], place)
    if value is None or isinstance(value, str | int | float):
        return Located(value, place)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def plain(value: Located) -> Any:
    """The value without places."""
    content = value.content
    if isinstance(content, dict):
        return {key: plain(one) for key, one in content.items()}
    if isinstance(content, list):
        return [plain(one) for one in content]
    return content


def places(value: Located, where: str = "") -> Iterator[tuple[str, Place]]:
    """The place of every part, by JSON pointer."""
    yield where, value.place
    content = value.content
    if isinstance(content, dict):
        for key, one in content.items():
            yield from places(one, where + pointer(key))
    elif isinstance(content, list):
        for index, one in enumerate(content):
            yield from places(one, where + pointer(index))


def kind(value: Located) -> str:
    """What a value is, in the words of messages."""
    content = value.content
    return "an object" if isinstance(content, dict) else "an array" if isinstance(content, list) else "a single value"
