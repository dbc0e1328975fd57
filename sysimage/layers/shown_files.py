"""Where the files of store items are outside of the store too, in the layer of the item.

    usr/bin/                                  a directory like any other's
    usr/bin/awk                               the file
    gnu/store/…-mawk-1.3/bin/awk              the same file: a hard link to it

The name outside of the store is the one with the content, because scanners skip links; and both names come one
after the other, so that a reader can hash the item while it goes by. Packages have their files below /usr, a tree of
the user's has them where the spec says.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from sysimage.layers.headers import Headers
from sysimage.rootfs.tree import Entry, Kind
from sysimage.store.items import NOT_IN_USR, USR, OwnFile, ShownFiles, StoreItem

_NOT_IN_USR = tuple(sorted(b"%b/" % top.encode() for top in NOT_IN_USR))
_ROOTS = Headers(0, 0)


class LayerShown:
    """What the items of one layer show outside of the store so far, each path once."""

    __slots__ = ("_directories", "_given", "_taken")

    def __init__(self, entries: Iterable[Entry], parents: Iterable[Entry]) -> None:
        """``entries`` come before what items have at the same path; both say what directories look like."""
        entries = tuple(entries)
        self._taken = {os.fsencode(entry.path[1:]) for entry in entries if entry.kind is not Kind.DIRECTORY}
        self._given = {
            os.fsencode(entry.path[1:]): entry for entry in (*parents, *entries) if entry.kind is Kind.DIRECTORY
        }
        self._directories: set[bytes] = set()

    def directory(self, name: bytes) -> bytes:
        """The header of a directory; empty if the layer has it already."""
        if name in self._directories:
            return b""
        self._directories.add(name)
        given = self._given.get(name)
        if given is None:
            return _ROOTS.directory(name, 0o755)
        return Headers(given.uid, given.gid).directory(name, given.mode, given.attributes)

    def has_directory(self, entry: Entry) -> bool:
        """Whether an entry is a directory that the layer has already; if not, remember it."""
        if entry.kind is not Kind.DIRECTORY:
            return False
        name = os.fsencode(entry.path[1:])
        known = name in self._directories
        self._directories.add(name)
        return known

    def take(self, name: bytes) -> bool:
        """Whether a path is free in the layer; it is taken from now on."""
        if name in self._taken:
            return False
        self._taken.add(name)
        return True

    def of(self, item: StoreItem) -> ItemShown | None:
        """The part of an item; None for one that is in the store alone."""
        return None if item.shown is None else ItemShown(item, item.shown, self)


class ItemShown:
    """Where the members of one item have their other names."""

    __slots__ = ("_layer", "_left_out", "_links", "_own", "_skip", "_top", "_tops")

    def __init__(self, item: StoreItem, shown: ShownFiles, layer: LayerShown) -> None:
        self._skip = len(str(item.path))  # the first slash does not count, the one after the item does
        self._layer = layer
        self._top = os.fsencode(shown.top[1:]) + b"/"
        self._tops = [os.fsencode(path[1:]) for path in shown.directories]
        self._left_out = tuple(os.fsencode(path) + b"/" for path in shown.left_out)
        if shown.top == USR:
            self._left_out += _NOT_IN_USR
        self._links = {os.fsencode(path): os.fsencode(target) for path, target in shown.links.items()}
        self._own = {os.fsencode(path): own for path, own in shown.own.items()}

    def _shown(self, name: bytes) -> bytes | None:
        below = name[self._skip :]
        return None if not below or (below + b"/").startswith(self._left_out) else below

    def directory(self, name: bytes) -> bytes:
        """The header of the other directory, for the item itself with those above; empty without one, or if the layer
        has it already."""
        if len(name) < self._skip:
            return b"".join(map(self._layer.directory, self._tops))
        below = self._shown(name)
        return b"" if below is None else self._layer.directory(self._top + below)

    def file(self, name: bytes) -> tuple[bytes, OwnFile | None] | None:
        """The other name of a file; and, if they are two files for all that, what distinguishes the one outside."""
        below = self._shown(name)
        if below is None or not self._layer.take(self._top + below):
            return None
        return self._top + below, self._own.get(below)

    def link(self, name: bytes, target: bytes) -> tuple[bytes, bytes] | None:
        """The other name of a symlink, and what it says there."""
        below = self._shown(name)
        if below is None or not self._layer.take(self._top + below):
            return None
        return self._top + below, self._links.get(below, target)


def own_header(name: bytes, own: OwnFile, size: int) -> bytes:
    """The header of a file of its own."""
    return Headers(own.uid, own.gid).file(name, own.mode, size)


def link_header(name: bytes, target: bytes) -> bytes:
    """The header of a symlink outside of the store."""
    return _ROOTS.symlink(name, target)


def is_in_usr(path: str) -> bool:
    """Whether an image path is /usr or below it."""
    return path == USR or path.startswith(f"{USR}/")
