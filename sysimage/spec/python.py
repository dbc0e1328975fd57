"""Python packages of the user's in an image."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, model_validator

from sysimage.spec.field_metadata import INSIDE
from sysimage.spec.spec_object import SpecObject
from sysimage.spec.value_types import Line, LinkTarget, PackageName


class Python(SpecObject):
    """The wheels that a lock file names, each a store item with its files below ``/usr/local``, and code of one's own
    beside them."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["lock"]}, {"required": ["source"]}]})

    lock: Annotated[LinkTarget | None, INSIDE] = None
    """A ``pylock.toml`` (PEP 751), or a ``requirements.txt`` with a hash for every file: a path relative to the spec's
    directory, and inside it."""
    interpreter: PackageName | None = None
    """The package of the Python that runs them, such as ``python3``; the same as naming it under ``packages``."""
    source: Annotated[LinkTarget | None, INSIDE] = None
    """A directory with modules and packages of one's own, relative to the spec and inside it: they can be imported like
    those of wheels, and take precedence over them."""
    wheels: Annotated[LinkTarget | None, INSIDE] = None
    """A directory with the wheels, relative to the spec and inside it; by default they come from the index that pip is
    configured for."""
    extras: tuple[Line, ...] = ()
    """Extras of a ``pylock.toml`` that are wanted."""
    groups: tuple[Line, ...] | None = None
    """Dependency groups of a ``pylock.toml`` that are wanted, instead of its default ones."""

    @model_validator(mode="after")
    def _has_something(self) -> Python:
        if self.lock is None and self.source is None:
            raise ValueError('must have "lock", "source" or both')
        return self
