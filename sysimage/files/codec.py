"""Values of dataclasses as JSON and back, by the names of their fields: a new field is carried without a line of code.

Dataclasses nest in tuples, frozen sets and mappings by text. `Digest`, `StorePath`-like classes with ``parse``, paths,
bytes and enumerations are texts. A union of several of these has the name of the class beside the text.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")
_Convert = Callable[[Any], Any]
_PLAIN = (str, int, bool, float)


class Codec(Generic[Value]):
    """Writes and reads values of one dataclass; a TypeError for a field of a type that it cannot carry."""

    def __init__(self, kind: type[Value]) -> None:
        self._to_json, self._of_json = _conversions(kind)

    def dumps(self, value: Value) -> str:
        """One line of JSON."""
        return json.dumps(self._to_json(value), sort_keys=True, separators=(",", ":"))

    def loads(self, text: str) -> Value:
        """Read what `dumps` wrote; a ValueError for anything else, such as other fields."""
        try:
            value: Value = self._of_json(json.loads(text))
        except (TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"not a value of this kind: {error!r}") from error
        return value


@functools.cache
def _of_class(kind: type[Any]) -> tuple[_Convert, _Convert]:
    hints = typing.get_type_hints(kind)
    fields = [(field.name, *_conversions(hints[field.name])) for field in dataclasses.fields(kind)]
    names = {name for name, _, _ in fields}

    def to_json(value: Any) -> dict[str, Any]:
        if type(value) is not kind:
            raise TypeError(f"not a {kind.__name__}: {value!r}")
        return {name: convert(getattr(value, name)) for name, convert, _ in fields}

    def of_json(value: Any) -> Any:
        if value.keys() != names:
            raise ValueError(f"not the fields of {kind.__name__}: {sorted(value)}")
        return kind(**{name: convert(value[name]) for name, _, convert in fields})

    return to_json, of_json


def _conversions(hint: Any) -> tuple[_Convert, _Convert]:
    """How a value of a type becomes JSON, and how it comes back."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _PLAIN or hint == Mapping[str, Any]:
        return _same, _same
    if origin in (types.UnionType, typing.Union):
        return _of_union([one for one in arguments if one is not type(None)])
    if origin is tuple and arguments[-1] is not ...:
        each = [_conversions(one) for one in arguments]
        return (
            lambda value: [convert(one) for (convert, _), one in zip(each, value, strict=True)],
            lambda value: tuple(convert(one) for (_, convert), one in zip(each, value, strict=True)),
        )
    if origin in (tuple, frozenset):
        return _of_many(origin, *_conversions(arguments[0]))
    if origin is Mapping and arguments[0] is str:
        convert, back = _conversions(arguments[1])
        return (
            # Mappings become lists: their order has a meaning, and JSON would sort their keys.
            lambda value: [[key, convert(one)] for key, one in value.items()],
            lambda value: {key: back(one) for key, one in value},
        )
    if dataclasses.is_dataclass(hint) and not hasattr(hint, "parse"):
        return _of_class(hint)  # type: ignore[arg-type]
    return _of_text(hint)


def _same(value: Any) -> Any:
    return value


def _of_many(kind: type[Any], convert: _Convert, back: _Convert) -> tuple[_Convert, _Convert]:
    listed: _Convert = list if kind is tuple else sorted
    if convert is _same:
        return listed, kind
    return lambda value: [convert(one) for one in listed(value)], lambda value: kind(map(back, value))


def _of_union(kinds: list[Any]) -> tuple[_Convert, _Convert]:
    if len(kinds) == 1:
        convert, back = _conversions(kinds[0])
        return (
            lambda value: None if value is None else convert(value),
            lambda value: None if value is None else back(value),
        )
    by_name = {kind.__name__: (kind, *_conversions(kind)) for kind in kinds}

    def to_json(value: Any) -> Any:
        if value is None:
            return None
        name, convert = next((name, convert) for name, (kind, convert, _) in by_name.items() if isinstance(value, kind))
        return [name, convert(value)]

    def of_json(value: Any) -> Any:
        if value is None:
            return None
        name, converted = value
        return by_name[name][2](converted)

    return to_json, of_json


def _of_text(kind: Any) -> tuple[_Convert, _Convert]:
    if kind is bytes:
        return lambda value: value.decode("latin-1"), lambda value: value.encode("latin-1")
    if kind is Path:  # the next process may be started in another directory
        return lambda value: str(value.absolute()), Path
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return lambda value: value.value, kind
    if hasattr(kind, "parse") and hasattr(kind, "as_json"):
        return lambda value: value.as_json(), kind.parse
    if hasattr(kind, "parse"):  # such as digests and store paths, of which the same come many times
        return str, functools.lru_cache(maxsize=4096)(kind.parse)
    raise TypeError(f"cannot carry a {kind}")
