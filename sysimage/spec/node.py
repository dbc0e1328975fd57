"""Packages of npm's registry in an image."""

from __future__ import annotations

from typing import Annotated

from sysimage.spec.field_metadata import INSIDE
from sysimage.spec.spec_object import SpecObject
from sysimage.spec.value_types import ImagePath, Line, LinkTarget


class Node(SpecObject):
    """The npm packages that a lock file names, each a store item with its files in one ``node_modules``."""

    lock: Annotated[LinkTarget, INSIDE]
    """A ``package-lock.json`` or ``npm-shrinkwrap.json`` of version 2 or 3: a path relative to the spec's directory,
    and inside it."""
    at: ImagePath
    """The directory of the application in the image; ``node_modules`` is there."""
    tarballs: Annotated[LinkTarget | None, INSIDE] = None
    """A directory with the packages' tarballs, relative to the spec and inside it; by default they come from the
    registry that npm is configured for."""
    dev: bool = False
    """Whether the development dependencies are there, too."""
    without_scripts: tuple[Line, ...] = ()
    """Packages that work although their install script does not run."""
