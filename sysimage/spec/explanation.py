"""What a key of system.json means, in words, read from the JSON Schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sysimage.errors import SpecError
from sysimage.spec.json_text import pointer_keys
from sysimage.spec.schema import opened, shared_schema
from sysimage.spec.validation_errors import OTHER_KEYS, closest

Schema = dict[str, Any]
NAME_STEP = "NAME"
"""Placeholder in a key's path for a name that the spec chooses, such as that of a service."""
ITEM_STEP = "[]"


@dataclass(frozen=True, slots=True)
class Key:
    """One key below another one."""

    name: str
    type: str
    """In words."""
    default: str | None
    """As JSON; None without one."""
    required: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of one key."""

    path: tuple[str, ...]
    """Its steps; `NAME_STEP` and ``[]`` are steps that a spec chooses."""
    key: Key
    below: tuple[Key, ...]
    """The keys of the object, or of the objects, that the value holds."""

    @property
    def shown_path(self) -> str:
        """Such as ``services.NAME.ready``."""
        return shown(self.path)


def shown(path: tuple[str, ...]) -> str:
    """A path as people write it."""
    return ".".join(path).replace(".[]", "[]")


def explain(words: str) -> Explanation:
    """The explanation of a key: ``services.ready``, ``services.web.ready`` or ``/services/web/ready``.

    Names that a spec chooses may be left out. Raises `SpecError`, with what was probably meant, for an unknown key.
    """
    schema = shared_schema()
    steps = pointer_keys(words) if words.startswith("/") else words.replace("[]", "").removeprefix(".").split(".")
    path: tuple[str, ...] = ()
    places: list[Schema] = [schema]
    required, meaning = False, ""
    for step in steps:
        if not step:
            raise _unknown(words, path, step, places, schema)
        added, found = _step(schema, places, step)
        if found is None:
            raise _unknown(words, path, step, places, schema)
        holders = _holders(schema, places, added[:-1])
        required = any(added[-1] in holder.get("required", ()) for holder in holders)
        if not path and added == ("name",):
            required = True
        meaning = _meaning(schema, found) or meaning
        path, places = (*path, *added), [found]
    return Explanation(path, _key(path[-1], places[0], schema, required, meaning), tuple(_keys(schema, places)))


def top_level() -> dict[str, Key]:
    """Every key of a spec."""
    schema = shared_schema()
    required = {"name"}
    return {name: _key(name, below, schema, name in required, "") for name, below in schema["properties"].items()}


def _step(schema: Schema, places: list[Schema], step: str) -> tuple[tuple[str, ...], Schema | None]:
    """The steps that a word stands for, with the names that were left out, and where they lead."""
    here = opened(schema, places)
    for place in here:
        if step in place.get("properties", {}):
            return (step,), place["properties"][step]
    inside = list(_inside(here))
    for added, below in inside:
        for place in opened(schema, [below]):
            if step in place.get("properties", {}):
                return (added, step), place["properties"][step]
    for added, below in inside:
        deeper = list(_inside(opened(schema, [below])))
        known = {key for place in opened(schema, [below]) for key in place.get("properties", {})}
        if (added == ITEM_STEP and step.isdigit()) or (added == NAME_STEP and not closest(step, known)):
            return (added,), below
        for second, last in deeper:
            for place in opened(schema, [last]):
                if step in place.get("properties", {}):
                    return (added, second, step), place["properties"][step]
    return (step,), None


def _inside(here: list[Schema]) -> Iterator[tuple[str, Schema]]:
    """What objects with free names, and arrays, hold."""
    for place in here:
        if isinstance(place.get("additionalProperties"), dict):
            yield NAME_STEP, place["additionalProperties"]
        if isinstance(place.get("items"), dict):
            yield ITEM_STEP, place["items"]


def _holders(schema: Schema, places: list[Schema], steps: tuple[str, ...]) -> list[Schema]:
    for _ in steps:
        places = [below for _, below in _inside(opened(schema, places))]
    return opened(schema, places)


def _keys(schema: Schema, places: list[Schema]) -> Iterator[Key]:
    here = opened(schema, places)
    if not any(place.get("properties") for place in here):
        here = _holders(schema, places, (NAME_STEP,))
    if any(place is schema["$defs"]["SystemPart"] for place in here):
        return  # every key of a spec: those are explained without a key
    forms = [place for place in here if place.get("properties")]
    told = set()
    for place in forms:
        for name, below in place["properties"].items():
            if name in told:
                continue
            told.add(name)
            required = name in place.get("required", ()) and len(forms) == 1
            yield _key(name, below, schema, required, "")


def _key(name: str, place: Schema, schema: Schema, required: bool, meaning: str) -> Key:
    default = json.dumps(place["default"], ensure_ascii=False) if "default" in place else None
    return Key(name, type_in_words(schema, place), default, required, _meaning(schema, place) or meaning)


def _meaning(schema: Schema, place: Schema) -> str:
    """The description of a place, or else that of the schema it refers to."""
    own = _description(place)
    return own or next((found for one in opened(schema, [place]) if (found := _description(one))), "")


def _description(place: Schema) -> str:
    return " ".join(str(place.get("description", "")).split())


def type_in_words(schema: Schema, place: Schema, *, plural: bool = False) -> str:
    """What a value must be: ``a whole number from 1 to 125``, ``an array of texts``."""
    if "$ref" in place:
        (referred,) = [one for one in opened(schema, [{"$ref": place["$ref"]}]) if "$ref" not in one][:1] or [{}]
        return type_in_words(schema, referred, plural=plural)
    choices = [one for one in place.get("anyOf", []) + place.get("oneOf", []) if one.keys() != {"required"}]
    if choices and "properties" not in place:
        words = list(dict.fromkeys(type_in_words(schema, one, plural=plural) for one in choices))
        return "values" if plural and len(words) > 2 else " or ".join(words)
    if "enum" in place:
        values = [json.dumps(value) for value in place["enum"]]
        shown_values = values if len(values) <= 8 else [*values[:5], f"{len(values) - 5} more"]
        return f"one of {', '.join(shown_values)}"
    kind = "object" if "properties" in place else place.get("type")
    if kind in ("array", "object"):
        return _collection_in_words(schema, place, kind, plural=plural)
    if kind in ("integer", "number"):
        one = "whole number" if kind == "integer" else "number"
        return (f"{one}s" if plural else f"a {one}") + _bounds(place)
    return "true or false" if kind == "boolean" else _text_in_words(place, plural=plural)


def _collection_in_words(schema: Schema, place: Schema, kind: str, *, plural: bool) -> str:
    """What an array or an object must be."""
    if kind == "array":
        things = type_in_words(schema, place["items"], plural=True) if "items" in place else "values"
        return f"{'arrays' if plural else 'an array'} of {things}"
    if isinstance(place.get("additionalProperties"), dict):
        things = type_in_words(schema, place["additionalProperties"], plural=True)
        return f"{'objects' if plural else 'an object'} of {things} by name"
    needed = "" if plural or not place.get("required") else f" with {' and '.join(place['required'])}"
    return "objects" if plural else f"an object{needed}"


def _text_in_words(place: Schema, *, plural: bool) -> str:
    must = re.sub(r"^must be ", "", place.get("patternErrorMessage", ""))
    if plural:
        return f"texts, each {must}" if must else "texts"
    return must if must.startswith("text") else f"text: {must}" if must else "text"


def _bounds(place: Schema) -> str:
    low, high = place.get("minimum"), place.get("maximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:.10g}"
    if "exclusiveMinimum" in place:
        most = "" if high is None else f", at most {high:.10g}"
        return f" above {place['exclusiveMinimum']:g}{most}"
    return "" if low is None else f", at least {low:g}"


def every_path() -> tuple[tuple[str, ...], ...]:
    """Every key that the schema names, at every place; not those of variants, which are the same once more."""
    schema = shared_schema()
    return tuple(_paths(schema, [schema], ()))


def _paths(schema: Schema, places: list[Schema], before: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    here = opened(schema, places)
    told = set()
    for place in here:
        for name, below in place.get("properties", {}).items():
            if name not in told and name != "variants":
                told.add(name)
                yield (*before, name)
                yield from _paths(schema, [below], (*before, name))
    for added, below in _inside(here):
        yield from _paths(schema, [below], (*before, added))


def _unknown(words: str, path: tuple[str, ...], step: str, places: list[Schema], schema: Schema) -> SpecError:
    known = {key.name for key in _keys(schema, places)} if path else set(schema["properties"])
    meant = OTHER_KEYS.get(step.replace("_", "-").lower())
    near = meant if meant in known else closest(step.replace("_", "-"), known)
    lead = [one for one in path if one not in (NAME_STEP, ITEM_STEP)]
    guesses = [".".join([*lead, near])] if near else []
    if not guesses:
        last = meant or step.replace("_", "-")
        guesses = list(
            dict.fromkeys(
                ".".join(one for one in found if one not in (NAME_STEP, ITEM_STEP))
                for found in every_path()
                if found[-1] == last
            )
        )[:3]
    hint = f"did you mean {' or '.join(guesses)}?" if guesses else "`sysimage explain` lists the keys"
    return SpecError(f"cannot explain {words or repr('')}: there is no such key", hint=hint)
