"""What a command chooses of a spec that stands for many images: variants, values of keys, arguments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sysimage.errors import SpecError
from sysimage.spec.json_text import pointer, pointer_keys, read_json


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key of the spec and the value that it gets, as ``--set`` says it."""

    keys: tuple[str, ...]
    value: Any
    """The value in JSON."""
    adds: bool
    """Whether the value is added to an array, instead of replacing it."""
    text: str
    """The text of the flag."""

    @property
    def where(self) -> str:
        return pointer(*self.keys)

    @classmethod
    def parse(cls, text: str) -> KeyValue:
        """``KEY=VALUE`` or ``KEY+=VALUE``. A ValueError says what is wrong.

        KEY is the spec's keys with dots between, or a JSON pointer. VALUE is JSON, or plain text: where the key holds
        nothing but text, quotes are not needed, except for the text ``"null"``.
        """
        key, equals, said = text.partition("=")
        if not equals or not key.rstrip("+"):
            raise ValueError(f"must be KEY=VALUE, such as max-layers=20 or /labels/team=web, not {text!r}")
        adds = key.endswith("+")
        key = key.removesuffix("+")
        keys = _keys(key)
        if said == "null" and not adds:
            return cls(keys, None, adds, text)
        return cls(keys, _value((*keys, 0) if adds else keys, said), adds, text)


def _keys(key: str) -> tuple[str, ...]:
    if key.startswith("/"):
        return pointer_keys(key)
    return tuple(key.split("."))


def _value(keys: tuple[str | int, ...], said: str) -> Any:
    from sysimage.spec.schema import allows_only_text, shared_schema  # the model, which a value alone needs

    if allows_only_text(shared_schema(), keys) and not said.startswith('"'):
        return said
    read = read_json(said)
    if not read.complete or read.issues:
        if said[:1] in ("{", "[", '"'):
            raise ValueError(f"{said!r} is not JSON: {read.issues[0].message}")
        return said
    return read.value


@dataclass(frozen=True, slots=True)
class SpecChoices:
    """What is chosen of a spec: ``SpecChoices()`` takes it as it is."""

    variants: tuple[str, ...] = ()
    """Of those that the spec declares, in the order in which they are laid over it."""
    assignments: tuple[KeyValue, ...] = ()
    """Values of keys, laid over all that."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """The values of the spec's arguments; each must be declared."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Values for arguments without another value; names that are not declared are ignored."""

    @classmethod
    def of(
        cls,
        *,
        variants: Iterable[str] = (),
        set: Mapping[str, Any] | None = None,  # noqa: A002 - the flag's name
        arguments: Mapping[str, str] | None = None,
    ) -> SpecChoices:
        """Choices as a program has them: ``set`` maps KEY as in ``--set`` to a Python value."""
        assignments = []
        for key, value in (set or {}).items():
            try:
                said = f"{key}={json.dumps(value, ensure_ascii=False)}"
            except (TypeError, ValueError) as error:
                raise SpecError(f"cannot set {key!r}: {error}") from None
            if not key:
                raise SpecError("cannot set a value: its key is empty")
            assignments.append(KeyValue(_keys(key), json.loads(json.dumps(value)), False, said))
        return cls(tuple(variants), tuple(assignments), dict(arguments or {}))


AS_IT_IS = SpecChoices()
"""What chooses nothing."""
