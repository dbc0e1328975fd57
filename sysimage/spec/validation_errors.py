"""Translates pydantic's errors into plain English, with their place in the file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from sysimage import suggestions
from sysimage.errors import Issue
from sysimage.spec.json_text import pointer
from sysimage.spec.schema import known_keys, shared_schema

Place = tuple[str | int, ...]
"""The keys and indices that lead to a value."""

_MESSAGES: Mapping[str, str] = {
    "string_type": "must be a string, not {found}",
    "int_type": "must be a whole number, not {found}",
    "int_from_float": "must be a whole number, not {found}",
    "int_parsing_size": "is too large a number",
    "float_type": "must be a number, not {found}",
    "bool_type": "must be true or false, not {found}",
    "tuple_type": "must be an array, not {found}",
    "dict_type": "must be an object, not {found}",
    "model_type": "must be an object, not {found}",
    "model_attributes_type": "must be an object, not {found}",
    "enum": "must be {expected}, not {found}",
    "literal_error": "must be {expected}, not {found}",
    "too_short": "must have at least {min_length} of them",
    "string_too_long": "must have at most {max_length} characters",
    "greater_than": "must be more than {gt}, not {found}",
    "greater_than_equal": "must be at least {ge}, not {found}",
    "less_than_equal": "must be at most {le}, not {found}",
    "ready_kind": 'must have one of "tcp", "file" and "command"',
}
"""By pydantic's type of error: the sentence, with the error's own context and ``found`` to be filled in."""


OTHER_KEYS: Mapping[str, str] = {
    **dict.fromkeys(("ports", "expose", "exposed"), "exposed-ports"),
    **dict.fromkeys(("env", "environ", "variables"), "environment"),
    **dict.fromkeys(("entrypoint", "cmd"), "entry-point"),
    **dict.fromkeys(("exec-start", "execstart", "exec", "run"), "command"),
    **dict.fromkeys(("restart", "autorestart"), "respawn"),
    **dict.fromkeys(("depends-on", "depends", "after", "requires-services", "needs"), "requires"),
    **dict.fromkeys(("workdir", "cwd", "chdir", "directory"), "working-directory"),
    **dict.fromkeys(("contents", "content"), "text"),
    **dict.fromkeys(("permissions", "perms"), "mode"),
    **dict.fromkeys(("hostname",), "host-name"),
    **dict.fromkeys(("timezone", "tz"), "time-zone"),
    **dict.fromkeys(("arch",), "architecture"),
    **dict.fromkeys(("healthcheck",), "health-check"),
    **dict.fromkeys(("base", "from"), "from-image"),
    **dict.fromkeys(("user",), "owner"),
}
"""What Docker, systemd and other tools call a key → its name here, where that is a key of the place."""


def translate(error: ValidationError, value: object) -> list[tuple[Place, Issue]]:
    """Every error of the value as the place that is at fault and the issue without its line."""
    schema = shared_schema()
    details = error.errors()
    faulty = [detail["loc"] for detail in details]
    return [
        _translate(detail, value, schema)
        for detail in details
        # What is faulty was not counted among them.
        if detail["type"] != "too_short" or not any(_is_below(other, detail["loc"]) for other in faulty)
    ]


def _is_below(location: tuple[int | str, ...], above: tuple[int | str, ...]) -> bool:
    return len(location) > len(above) and location[: len(above)] == above


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, if one is close."""
    return suggestions.closest(word, known, cutoff=0.7)


def _translate(detail: Any, value: object, schema: dict[str, Any]) -> tuple[Place, Issue]:
    kind, found, context = detail["type"], detail["input"], detail.get("ctx", {})
    place, is_key = _place(detail["loc"], value, missing=kind == "missing")
    where = pointer(*place)
    if kind == "missing":
        key = str(place[-1])
        return place[:-1], Issue(pointer(*place[:-1]), f'needs the key "{key}"')
    if kind == "extra_forbidden":
        key, known = str(place[-1]), known_keys(schema, place[:-1])
        if key in known:  # in another branch of a union: the keys that are there have chosen one
            return place, Issue(where, "contradicts the other keys that are here")
        meant = OTHER_KEYS.get(key.replace("_", "-").lower())
        return place, Issue(
            where,
            "is not a key that is known here",
            suggestion=meant if meant in known else closest(key.replace("_", "-"), known),
        )
    if kind == "value_error":
        message = str(context["error"])
    elif kind in _MESSAGES:
        message = _MESSAGES[kind].format(found=_shown(found), **context)
    else:
        message = str(detail["msg"])
    words = [word.strip("'") for word in str(context.get("expected", "")).replace(" or ", ", ").split(", ") if word]
    if kind == "dict_type" and place == ("services",):
        message += '; units of packages that are to be services belong under "enable"'
    suggestion = closest(found, words) if isinstance(found, str) and words else None
    return place, Issue(where, f"the key {message}" if is_key else message, suggestion=suggestion)


def _place(location: tuple[str | int, ...], value: object, *, missing: bool) -> tuple[Place, bool]:
    """A location without pydantic's own steps, and whether it is the key itself that is at fault.

    Pydantic's own components are those that are not in the value, except for a missing key: keys may have any form.
    """
    place: list[str | int] = []
    inside = location[:-1] if missing else location
    for step in inside:
        try:
            value = value[step]  # type: ignore[index]
        except (LookupError, TypeError):
            continue
        place.append(step)
    is_key = location[-1:] == ("[key]",) and len(place) < len(location)
    return (*place, *location[len(inside) :]), is_key


def _shown(value: object) -> str:
    """A value as the file has it, short."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "an array"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
