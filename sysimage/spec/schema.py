"""The JSON Schema of system.json, made from the model, for editors and for programs that write specs."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import textwrap
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from sysimage.spec.composition_keys import CompositionKeys
from sysimage.spec.model import SystemSpec
from sysimage.spec.spec_object import SpecObject

SCHEMA_ID = "urn:sysimage:system.json:1"


def field_docstrings(model: type[SpecObject]) -> dict[str, str]:
    """The docstrings of a model's fields, by field. Pydantic reads the sources for them whenever a model is loaded,
    which was a third of the time that loading the spec took, and only a schema needs them."""
    found = {}
    for owner in reversed(model.__mro__[: model.__mro__.index(SpecObject)]):
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        for field, text in itertools.pairwise(node.body if isinstance(node, ast.ClassDef) else []):
            match field, text:
                case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(docstring))):
                    found[name] = inspect.cleandoc(docstring)
    return found


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, less what would clutter an editor's suggestions, and closed where the model is closed; with
    the docstrings of fields as their descriptions."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._models: list[type[SpecObject]] = []
        """Those that are being described, the innermost last."""

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        made = super().generate(schema, mode)
        return {
            "$schema": self.schema_dialect,
            "$id": SCHEMA_ID,
            "title": "system.json",
            **{key: _plain(value) for key, value in made.items() if key not in ("title", "$schema")},
        }

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        self._models.append(schema["cls"])
        try:
            return super().model_schema(schema)
        finally:
            self._models.pop()

    def model_fields_schema(self, schema: core_schema.ModelFieldsSchema) -> JsonSchemaValue:
        made = super().model_fields_schema(schema)
        model = self._models[-1]
        for name, text in field_docstrings(model).items():
            made["properties"][model.model_fields[name].alias].setdefault("description", text)
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """The model takes null for absent; an editor need not offer it."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if "default" not in made:
            return made
        if made["default"] is None or (made["default"] == [] and made.get("minItems")):
            made.pop("default")  # absent is not a value
        elif isinstance(made["default"], dict):
            made["default"] = {}  # every default of a part is what the part is without any key
        elif made.get("type") == "string" and isinstance(made["default"], int):
            made["default"] = f"{made['default']:04o}"  # a mode, the one number that is written as text
        return made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Keys as ``propertyNames``: pattern properties alone would let every other key through."""
        made: JsonSchemaValue = {"type": "object"}
        if "values_schema" in schema:
            made["additionalProperties"] = self.generate_inner(schema["values_schema"])
        if "keys_schema" in schema:
            made["propertyNames"] = self.generate_inner(schema["keys_schema"])
        return made


def _plain(value: Any) -> Any:
    """Descriptions without the doubled back quotes of docstrings."""
    if isinstance(value, dict):
        return {key: _plain(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_plain(below) for below in value]
    return value.replace("``", "`") if isinstance(value, str) else value


def spec_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of system.json. A fresh dictionary, the same every time."""
    made = SystemSpec.model_json_schema(by_alias=True, schema_generator=_Generator)
    keys = CompositionKeys.model_json_schema(by_alias=True, schema_generator=_Generator)
    part = {
        "type": "object",
        "description": "A part of a spec, as a variant is: every key of a system, and none that is required.",
        "properties": {key: {"$ref": f"#/properties/{key}"} for key in made["properties"]},
        "additionalProperties": False,
    }
    keys["properties"]["variants"]["additionalProperties"] = {"$ref": "#/$defs/SystemPart"}
    whole = {key: made.pop(key) for key in ("required", "oneOf", "if", "then")}
    return made | {
        "$defs": dict(sorted({**made["$defs"], **keys["$defs"], "SystemPart": part}.items())),
        "properties": {**made["properties"], **keys["properties"]},
        # A spec that includes another one has from there what it lacks.
        "if": {"not": {"required": ["include"]}},
        "then": whole,
    }


@functools.cache
def shared_schema() -> dict[str, Any]:
    """`spec_schema`, made once, since that takes a third of a second: to be read, never changed."""
    return spec_schema()


def known_keys(schema: dict[str, Any], parts: tuple[str | int, ...]) -> set[str]:
    """The keys that the object at a place may have, as far as the schema names them."""
    places = [schema]
    for part in parts:
        places = [below for place in opened(schema, places) for below in _below(place, part)]
    return {key for place in opened(schema, places) for key in place.get("properties", {})}


def opened(schema: dict[str, Any], places: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Schemas with their references followed and their unions opened."""
    found = []
    for place in places:
        if "$ref" in place:
            referred: Any = schema
            for key in place["$ref"].removeprefix("#/").split("/"):
                referred = referred[key]
            found += opened(schema, [referred])
        choices = place.get("anyOf", []) + place.get("oneOf", [])
        choices = [choice for choice in choices if choice.keys() != {"required"}]  # which says nothing of the keys
        found += [place, *opened(schema, choices)]
    return found


def _below(place: dict[str, Any], part: str | int) -> list[dict[str, Any]]:
    if isinstance(part, int):
        below = place.get("items")
    else:
        below = place.get("properties", {}).get(part, place.get("additionalProperties"))
    return [below] if isinstance(below, dict) else []


def allows_only_text(schema: dict[str, Any], parts: tuple[str | int, ...]) -> bool:
    """Whether nothing but a string can be at a place."""
    places = [schema]
    for part in parts:
        places = [below for place in opened(schema, places) for below in _below(place, part)]
    types = {place["type"] for place in opened(schema, places) if "type" in place}
    return types == {"string"}
