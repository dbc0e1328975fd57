"""What composition has to know of the spec's fields beside their types; it is at the fields themselves."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from sysimage.spec.spec_object import SpecObject

ANY = "*"
"""Stands for any name and for any place in an array."""
Pattern = tuple[str, ...]
"""The keys that lead to a field; `ANY` among them."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Marks an array that is one value, such as a command: a later one takes the place of an earlier one."""


@dataclass(frozen=True, slots=True)
class SpecPath:
    """Marks a path that is relative to the file it is written in."""

    within: bool = False
    """Whether it must lead to something inside that file's directory."""
    or_name: bool = False
    """Whether a word without a slash is not a path but a name."""


WHOLE = Whole()
SPEC_PATH = SpecPath()
INSIDE = SpecPath(within=True)
FILE_OR_NAME = SpecPath(within=True, or_name=True)


@functools.cache
def marked(model: type[SpecObject], mark: object) -> tuple[Pattern, ...]:
    """Where in a value of the model fields with this mark are."""
    return tuple(dict.fromkeys(_in_model(model, mark)))


def matches(pattern: Pattern, keys: Iterable[str | int]) -> bool:
    """Whether keys lead to a field of the pattern."""
    found = tuple(keys)
    pairs = zip(pattern, found, strict=False)
    return len(pattern) == len(found) and all(one in (ANY, str(other)) for one, other in pairs)


def _in_model(model: type[SpecObject], mark: object) -> Iterator[Pattern]:
    for name, field in model.model_fields.items():
        key = field.alias or name
        if mark in field.metadata:
            yield (key,)
        yield from ((key, *below) for below in _in_type(field.annotation, mark))


def _in_type(annotation: Any, mark: object) -> Iterator[Pattern]:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        if mark in parts[1:]:
            yield ()
        yield from _in_type(parts[0], mark)
    elif origin in (Union, types.UnionType):
        for part in parts:
            yield from _in_type(part, mark)
    elif origin is dict:
        yield from ((ANY, *below) for below in _in_type(parts[1], mark))
    elif origin is tuple:
        yield from ((ANY, *below) for below in _in_type(parts[0], mark))
    elif isinstance(annotation, type) and issubclass(annotation, SpecObject):
        yield from _in_model(annotation, mark)
