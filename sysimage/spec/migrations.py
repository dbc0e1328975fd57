"""Keys of system.json that had other names in an older version, and the change of a spec's text to the current ones.

The rest of the text is not changed, its order, blanks and line breaks included.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sysimage.errors import Issue, SpecError
from sysimage.spec.json_text import JsonText, pointer, read_json


@dataclass(frozen=True, slots=True)
class ChangedKey:
    """A key that got another name, or another form of its value, or both."""

    since: str
    """The version of sysimage that no longer reads the old one."""
    old: tuple[str, ...]
    """The keys that lead to it; ``*`` stands for any name, such as a user's, and for any place in an array."""
    new: str
    """Its name now."""
    in_array: bool = False
    """Whether the value that it had is now the only element of an array."""

    def __str__(self) -> str:
        return f"{pointer(*self.old)} is {self.new!r} since {self.since}"


CHANGED: tuple[ChangedKey, ...] = ()
"""Every change since the first version, oldest first. No key has changed yet."""


def migrated(text: str, changes: Iterable[ChangedKey] = CHANGED) -> tuple[str, tuple[ChangedKey, ...]]:
    """The text with today's keys, and the changes that it needed, oldest first.

    A `SpecError` where the text is not JSON, or has an old key beside the new one.
    """
    made = []
    for change in changes:
        read = _readable(text)
        places = list(_places(read.value, change.old))
        both = [place for place in places if change.new != place[-1] and change.new in _at(read.value, place[:-1])]
        if both:
            issues = [read.placed(Issue(pointer(*place), f"is beside {change.new!r}, its new name")) for place in both]
            raise SpecError("cannot migrate the spec: it has old keys and new ones", issues=issues)
        # From the end, so that places before are where they were.
        for place in sorted(places, key=lambda place: _offset(text, read, place), reverse=True):
            text = _changed(text, _offset(text, read, place), change)
        if places:
            made.append(change)
    return text, tuple(made)


def old_keys(value: object, changes: Iterable[ChangedKey] = CHANGED) -> Mapping[str, ChangedKey]:
    """The old keys that a spec has: JSON pointer → what became of it."""
    return {pointer(*place): change for change in changes for place in _places(value, change.old)}


def _readable(text: str) -> JsonText:
    read = read_json(text)
    if read.issues:
        raise SpecError("cannot migrate the spec: it is not JSON", issues=read.issues)
    return read


def _places(value: object, keys: tuple[str, ...]) -> Iterator[tuple[str | int, ...]]:
    """Where in the value the keys lead to."""
    if not keys:
        yield ()
        return
    below: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        below = value.items() if keys[0] == "*" else [(key, value[key]) for key in keys[:1] if key in value]
    elif isinstance(value, list) and keys[0] == "*":
        below = enumerate(value)
    for key, part in below:
        for rest in _places(part, keys[1:]):
            yield (key, *rest)


def _at(value: Any, place: tuple[str | int, ...]) -> Any:
    for key in place:
        value = value[key]
    return value


def _offset(text: str, read: JsonText, place: tuple[str | int, ...]) -> int:
    """Where the key begins, in characters."""
    where = pointer(*place)
    before = text.split("\n", read.lines[where] - 1)[:-1]
    return sum(len(line) + 1 for line in before) + read.columns[where] - 1


_COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")


def _changed(text: str, at: int, change: ChangedKey) -> str:
    """The text with the member that begins at ``at`` as it is written now."""
    decoder = json.JSONDecoder()
    _, end = decoder.raw_decode(text, at)
    colon = _COLON.match(text, end)
    if colon is None:
        raise SpecError("cannot migrate the spec: a key has no value")
    _, last = decoder.raw_decode(text, colon.end())
    value = text[colon.end() : last]
    return f"{text[:at]}{json.dumps(change.new)}{colon[0]}{f'[{value}]' if change.in_array else value}{text[last:]}"
