"""What every part of system.json has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


def hyphenated(name: str) -> str:
    """A field's key in the file."""
    return name.strip("_").replace("_", "-")


class SpecObject(BaseModel):
    """What every part of the spec has in common: frozen, closed, hyphenated keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=hyphenated,
        populate_by_name=True,
        defer_build=True,
    )
