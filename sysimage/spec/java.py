"""Jars of the user's in an image."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sysimage.spec.field_metadata import INSIDE
from sysimage.spec.spec_object import SpecObject
from sysimage.spec.value_types import ImagePath, LinkTarget


class Java(SpecObject):
    """The jars of an application and of its libraries, each a store item with its file below one directory."""

    jars: Annotated[tuple[Annotated[LinkTarget, INSIDE], ...], Field(min_length=1)]
    """Directories with jars, and jars: paths relative to the spec's directory, and inside it. The jars of a directory
    keep their places in it, such as ``lib/guava-33.jar``; a single jar is at the top."""
    at: ImagePath
    """The directory in the image that the jars are in."""
