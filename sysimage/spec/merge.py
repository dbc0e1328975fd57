"""How two specs become one: objects by key, arrays by union, single values by the later one.

`docs/composition.md` states the same rules as a table.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from sysimage.errors import Issue
from sysimage.spec.field_metadata import WHOLE, Pattern, marked, matches
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec
from sysimage.spec.source_locations import Located, Place, kind, plain

_ALTERNATIVES: tuple[tuple[Pattern, str, str], ...] = (
    ((), "packages", "from-store"),
    (("files", "*"), "text", "source"),
    (("from-store",), "system", "paths"),
    (("from-store",), "system", "contents"),
)
"""Where an object can have one of two keys only: one in an earlier file contradicts the other in a later one."""


def merged(earlier: Located, later: Located, issues: list[Issue]) -> Located:
    """One spec of two; what cannot be merged is in the issues, with both places, and stays as the later one has it.

    ``null`` in the later one takes away what the earlier one says.
    """
    return _merged(earlier, later, (), issues)


def issue_at(place: Place, where: str, message: str, suggestion: str | None = None) -> Issue:
    """A fault of what is at a place."""
    return Issue(where, message, place.line, suggestion, place.column, place.source)


def _merged(earlier: Located, later: Located, keys: tuple[str, ...], issues: list[Issue]) -> Located:
    before, after = earlier.content, later.content
    if isinstance(before, dict) and isinstance(after, dict):
        whole = later.place if later.place.variant is None else earlier.place
        return Located(_merged_keys(before, after, keys, issues), whole)
    if isinstance(before, list) and isinstance(after, list):
        if any(matches(pattern, keys) for pattern in marked(SystemSpec, WHOLE)):
            return later
        return Located([*before, *_new(before, after)], later.place)
    if before is not None and (isinstance(before, dict | list) or isinstance(after, dict | list)):
        clash = f"is {kind(later)}, and {kind(earlier)} at {earlier.place}"
        issues.append(issue_at(later.place, pointer(*keys), f"cannot be merged: it {clash}"))
    return later


def _merged_keys(
    before: dict[str, Located], after: dict[str, Located], keys: tuple[str, ...], issues: list[Issue]
) -> dict[str, Located]:
    found = dict(before)
    for pattern, one, other in _ALTERNATIVES:
        if matches(pattern, keys):
            for mine, yours in ((one, other), (other, one)):
                if contradiction := _contradiction(before, after, mine, yours, keys):
                    issues.append(contradiction)
                    found.pop(yours, None)
    for key, value in after.items():
        if key not in before:
            found[key] = value
        elif value.content is None:
            del found[key]
        else:
            found[key] = _merged(before[key], value, (*keys, key), issues)
    return found


def _contradiction(
    before: dict[str, Located], after: dict[str, Located], mine: str, yours: str, keys: tuple[str, ...]
) -> Issue | None:
    if mine not in after or yours not in before or yours in after:
        return None
    if after[mine].content is None or before[yours].content is None:
        return None
    message = f'contradicts "{yours}" at {before[yours].place}; "{yours}": null beside it takes that away'
    return issue_at(after[mine].place, pointer(*keys, mine), message)


def _new(before: Collection[Located], after: Collection[Located]) -> list[Located]:
    """The elements that are not there yet; an element that one file has twice stays a fault of that file."""
    known = {_text(one) for one in before}
    return [one for one in after if _text(one) not in known]


def _text(value: Located) -> str:
    """Of equal values the same; Python itself takes true for 1."""
    return json.dumps(plain(value), sort_keys=True)
