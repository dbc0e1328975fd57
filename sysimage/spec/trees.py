"""Trees of the user's own files in an image."""

from __future__ import annotations

from typing import Annotated

from sysimage.spec.field_metadata import INSIDE
from sysimage.spec.spec_object import SpecObject
from sysimage.spec.value_types import AccountName, LinkTarget, Mode, TreePattern

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".zip")
"""How the names of archives end that are taken as trees."""


class Tree(SpecObject):
    """A directory or an archive beside the spec, whose files are in the image as a store item with a layer of its own.

    Without an owner, a group and a mode, the files at its path are those of the store item under another name: root's,
    readable by all. With one of them they are copies, in the same layer.
    """

    source: Annotated[LinkTarget, INSIDE]
    """The directory, or an archive (``.tar``, ``.tar.gz``, ``.tar.bz2``, ``.tar.xz``, ``.tar.zst``, ``.zip``): a path
    relative to the spec's directory, and inside it."""
    exclude: tuple[TreePattern, ...] = ()
    """What is left out: patterns as in a .gitignore."""
    owner: AccountName = "root"
    """User of copies."""
    group: AccountName = "root"
    """Group of copies."""
    mode: Mode | None = None
    """Permission bits of copied files, ``0644`` by default; programs and directories get a bit to execute or enter for
    each bit to read."""

    @property
    def is_copied(self) -> bool:
        """Whether the files at the tree's path are files of their own."""
        return self.owner != "root" or self.group != "root" or self.mode is not None
