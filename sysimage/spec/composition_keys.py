"""The keys by which one system.json stands for many images. A spec that was read has none of them: it is a system."""

# ruff: noqa: RUF012 - pydantic copies defaults
from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, model_validator

from sysimage.spec.field_metadata import WHOLE
from sysimage.spec.spec_object import SpecObject
from sysimage.spec.value_types import EnvironmentName, Line, LinkTarget, TextPattern, Word

VariantName = Annotated[
    str,
    TextPattern(
        r"[a-z0-9][a-z0-9-]{0,62}",
        "a variant's name: lower-case letters, digits and '-', at most 63, not beginning with '-'",
    ),
]


def _text_or_object(schema: dict[str, Any]) -> None:
    described = {**schema, "description": schema.pop("description")}
    schema.clear()
    schema["anyOf"] = [{"type": "string"}, described]


class Argument(SpecObject):
    """A value that a build is given: its default as text, or with more to say about it."""

    model_config = ConfigDict(json_schema_extra=_text_or_object)

    default: Word | None = None
    """What it is where nothing else is given; without a default it must be given."""
    description: Line = ""
    """What it is for; shown where it is missing."""

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, value: object) -> object:
        return {"default": value} if isinstance(value, str) else value


class CompositionKeys(SpecObject):
    """What a system.json says besides the system itself."""

    include: Annotated[tuple[LinkTarget, ...], WHOLE] = ()
    """Other such files that this one is laid over, in this order: paths relative to this file. Objects are merged by
    key, arrays by union, and of single values the last one counts; `null` takes away."""
    arguments: dict[EnvironmentName, Argument] = {}
    """Values that a build is given by `--argument NAME=VALUE` or the variable SYSIMAGE_ARGUMENT_NAME. `${NAME}` in any
    text of the spec stands for the value, `$${NAME}` for itself."""
    variants: dict[VariantName, dict[str, Any]] = {}
    """Changes to the spec by name: what `--variant NAME` lays over it, by the rules of `include`."""


KEYS = tuple(CompositionKeys.model_fields)
