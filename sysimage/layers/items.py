"""Writes a store item into an archive as a NAR sees it: canonical modes, one owner, no times, no hard links."""

from __future__ import annotations

import os

from sysimage.layers.headers import BLOCK, Headers
from sysimage.store.items import StoreItem
from sysimage.store.walk import ContentVisitor, Entry, Purpose, Visitor, walk
from sysimage.streams.pieces import Pieces

LAYER = Purpose("put {} into a layer", b".wh.", "readers would take its name for a whiteout")
"""For every visitor in this room: names that would take something away from the layers below are refused."""
PADDING = tuple(bytes(-size % BLOCK) for size in range(BLOCK))
"""What fills the last block of a file, by the file's size modulo a block."""


def padded(size: int) -> int:
    """Bytes that a file of ``size`` takes in an archive after its header."""
    return size + -size % BLOCK


def walk_item(item: StoreItem, visitor: Visitor) -> None:
    """Show the visitor an item and what it holds, under the names of members of an archive."""
    walk(item_location(item), visitor, str(item.path)[1:].encode())


def item_location(item: StoreItem) -> bytes:
    """Where an item's files lie on this machine."""
    if item.location is None:
        raise ValueError(f"{item.path} has no location")
    return os.fsencode(item.location)


def write_item(item: StoreItem, headers: Headers, pieces: Pieces) -> None:
    """Write the item into the archive."""
    walk_item(item, _TarWriter(headers, pieces))


def item_size(item: StoreItem, headers: Headers) -> int:
    """Bytes that `write_item` would write; no file is opened."""
    size = _TarSize(headers)
    walk_item(item, size)
    return size.total


class _TarWriter(ContentVisitor):
    __slots__ = ("_headers", "_pieces", "_put")
    purpose = LAYER

    def __init__(self, headers: Headers, pieces: Pieces) -> None:
        self._headers = headers
        self._pieces = pieces
        self._put = pieces.put

    def content(self, entry: Entry, name: bytes, fd: int, size: int, executable: bool) -> None:
        header = self._headers.item_file(name, size, executable)
        self._pieces.put_file(header, fd, size, PADDING[size % BLOCK], entry.path)

    def target(self, entry: Entry, name: bytes, target: bytes) -> None:
        self._put(self._headers.symlink(name, target))

    def enter(self, entry: Entry, name: bytes) -> None:
        self._put(self._headers.item_directory(name))


class _TarSize(Visitor):
    __slots__ = ("_length", "total")
    purpose = LAYER

    def __init__(self, headers: Headers) -> None:
        self._length = headers.length
        self.total = 0

    def file(self, entry: Entry, name: bytes) -> None:
        size = entry.stat(follow_symlinks=False).st_size
        self.total += self._length(name, b"", size) + size + -size % BLOCK

    def link(self, entry: Entry, name: bytes) -> None:
        self.total += self._length(name, os.readlink(entry.path), 0)  # noqa: PTH115 (bytes)

    def enter(self, entry: Entry, name: bytes) -> None:
        self.total += self._length(name + b"/", b"", 0)
