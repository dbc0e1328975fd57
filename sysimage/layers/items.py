"""Writes a store item into an archive as a NAR sees it: canonical modes, one owner, no times; and its other names, if
there are any."""

from __future__ import annotations

import os

from sysimage.layers.headers import BLOCK, Headers
from sysimage.layers.shown_files import ItemShown, link_header, own_header
from sysimage.store.items import StoreItem
from sysimage.store.walk import ContentVisitor, Entry, Purpose, Visitor, walk
from sysimage.streams.pieces import PieceObserver, Pieces

FOR_LAYER = Purpose("put {} into a layer", b".wh.", "readers would take its name for a whiteout")
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
    """Where an item's files are on this machine."""
    return os.fsencode(item.place)


def write_item(item: StoreItem, headers: Headers, pieces: Pieces, shown: ItemShown | None = None) -> None:
    """Write the item into the archive, and what it shows elsewhere."""
    walk_item(item, _TarWriter(headers, pieces, shown))


def item_size(item: StoreItem, headers: Headers, shown: ItemShown | None = None) -> int:
    """Bytes that `write_item` would write; no file is opened."""
    size = _TarSize(headers, shown)
    walk_item(item, size)
    return size.total


class ItemWriter(ContentVisitor):
    """Puts the members of an item into an archive. Of two names of a file the one outside of the store comes first."""

    __slots__ = ("_headers", "_pieces", "_put", "_shown")
    purpose = FOR_LAYER

    def __init__(self, headers: Headers, pieces: Pieces, shown: ItemShown | None) -> None:
        self._headers = headers
        self._pieces = pieces
        self._put = pieces.put
        self._shown = shown

    def put_file(
        self, entry: Entry, name: bytes, fd: int, size: int, executable: bool, witness: PieceObserver | None = None
    ) -> None:
        """A file under all its names; a ``witness`` gets the content once."""
        pieces, padding = self._pieces, PADDING[size % BLOCK]
        other = None if self._shown is None else self._shown.file(name)
        if other is None:
            pieces.put_file(self._headers.item_file(name, size, executable), fd, size, padding, entry.path, witness)
            return
        other_name, own = other
        if own is None:
            pieces.put_file(
                self._headers.item_file(other_name, size, executable), fd, size, padding, entry.path, witness
            )
            pieces.put(self._headers.item_link(name, other_name, executable))
            return
        pieces.put_file(own_header(other_name, own, size), fd, size, padding, entry.path)
        os.lseek(fd, 0, os.SEEK_SET)
        pieces.put_file(self._headers.item_file(name, size, executable), fd, size, padding, entry.path, witness)

    def put_link(self, name: bytes, target: bytes) -> None:
        """A symlink, and what stands for it elsewhere."""
        self._put(self._headers.symlink(name, target))
        if self._shown is not None and (other := self._shown.link(name, target)):
            self._put(link_header(*other))

    def put_directory(self, name: bytes) -> None:
        """A directory, and the one elsewhere."""
        self._put(self._headers.item_directory(name))
        if self._shown is not None and (other := self._shown.directory(name)):
            self._put(other)


class _TarWriter(ItemWriter):
    __slots__ = ()

    def content(self, entry: Entry, name: bytes, fd: int, size: int, executable: bool) -> None:
        self.put_file(entry, name, fd, size, executable)

    def target(self, entry: Entry, name: bytes, target: bytes) -> None:
        self.put_link(name, target)

    def enter(self, entry: Entry, name: bytes) -> None:
        self.put_directory(name)


class _TarSize(Visitor):
    __slots__ = ("_length", "_shown", "total")
    purpose = FOR_LAYER

    def __init__(self, headers: Headers, shown: ItemShown | None) -> None:
        self._length = headers.length
        self._shown = shown
        self.total = 0

    def file(self, entry: Entry, name: bytes) -> None:
        size = entry.stat(follow_symlinks=False).st_size
        content = size + -size % BLOCK
        other = None if self._shown is None else self._shown.file(name)
        if other is None:
            self.total += self._length(name, b"", size) + content
            return
        other_name, own = other
        if own is None:
            self.total += self._length(other_name, b"", size) + content + self._length(name, other_name, 0)
        else:
            self.total += len(own_header(other_name, own, size)) + self._length(name, b"", size) + 2 * content

    def link(self, entry: Entry, name: bytes) -> None:
        target = os.readlink(entry.path)  # noqa: PTH115 (bytes)
        self.total += self._length(name, target, 0)
        if self._shown is not None and (other := self._shown.link(name, target)):
            self.total += len(link_header(*other))

    def enter(self, entry: Entry, name: bytes) -> None:
        self.total += self._length(name + b"/", b"", 0)
        if self._shown is not None and (other := self._shown.directory(name)):
            self.total += len(other)
