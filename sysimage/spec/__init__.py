"""What the user says: system.json, its model, its faults and its JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sysimage.spec.model import SystemSpec
    from sysimage.spec.parse import parse_spec, read_spec

__all__ = ["SystemSpec", "parse_spec", "read_spec"]


def __getattr__(name: str) -> Any:
    """The model and its reader, loaded when they are used: what only asks what a name means does without them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sysimage.spec import model, parse

    return getattr(model if name == "SystemSpec" else parse, name)
