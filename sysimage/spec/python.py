"""Python packages of the user's in an image."""

from __future__ import annotations

from typing import Annotated

from sysimage.spec.marks import INSIDE
from sysimage.spec.spec_object import SpecObject
from sysimage.spec.value_types import Line, LinkTarget


class Python(SpecObject):
    """The wheels that a lock file names, each a store item with its files below ``/usr/local``."""

    lock: Annotated[LinkTarget, INSIDE]
    """A ``pylock.toml`` (PEP 751), or a ``requirements.txt`` with a hash for every file: a path relative to the spec's
    directory, and inside it."""
    wheels: Annotated[LinkTarget | None, INSIDE] = None
    """A directory with the wheels, relative to the spec and inside it; by default they come from the index that pip is
    configured for."""
    extras: tuple[Line, ...] = ()
    """Extras of a ``pylock.toml`` that are wanted."""
    groups: tuple[Line, ...] | None = None
    """Dependency groups of a ``pylock.toml`` that are wanted, instead of its default ones."""
