"""NAR, the archive form of a store item: what a NAR's eyes see, its hash and its size.

The format is the one of Nix and Guix (E. Dolstra, "The Purely Functional Software Deployment Model", 5.2): strings as
64-bit little-endian length, bytes, zeros to a multiple of eight; a file has contents and perhaps the executable flag
of its owner, a link its target, a directory its entries sorted by bytes. Owners, times, other modes and hard links do
not exist in it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import MachineError
from sysimage.store.walk import ContentVisitor, Entry, walk
from sysimage.streams.pieces import Emit, Pieces


def string(data: bytes) -> bytes:
    """A string as the format writes it."""
    return len(data).to_bytes(8, "little") + data + bytes(-len(data) % 8)


MAGIC = string(b"nix-archive-1")
FILE = string(b"(") + string(b"type") + string(b"regular") + string(b"contents")
EXECUTABLE = (
    string(b"(") + string(b"type") + string(b"regular") + string(b"executable") + string(b"") + string(b"contents")
)
SYMLINK = string(b"(") + string(b"type") + string(b"symlink") + string(b"target")
DIRECTORY = string(b"(") + string(b"type") + string(b"directory")
_ENTRY = string(b"entry") + string(b"(") + string(b"name")
_NODE = string(b"node")
CLOSE = string(b")")
_FILE_END = tuple(bytes(-length % 8) + CLOSE for length in range(8))
_ENTRY_FILE_END = tuple(end + CLOSE for end in _FILE_END)


def write_nar(path: Path, write: Emit, *, piece_size: int | None = None) -> int:
    """Serialise the tree at ``path`` (a file, a symlink or a directory), calling ``write`` with pieces of the stream.

    A piece's memory is only valid during the call. Returns the NAR's size in bytes. A file that is neither regular,
    link nor directory, or that changes while it is read, is an `IntegrityError`; one that cannot be read is a
    `MachineError`.
    """
    pieces = Pieces(write) if piece_size is None else Pieces(write, piece_size)
    try:
        pieces.put(MAGIC)
        walk(os.fsencode(path), NarWriter(pieces))
    except OSError as error:
        name = os.fsdecode(error.filename) if error.filename else str(path)
        raise MachineError(f"cannot read {name}: {error.strerror}") from error
    return pieces.finish()


def nar_hash_and_size(path: Path) -> tuple[Digest, int]:
    """The SHA-256 of the NAR of the tree at ``path``, and its size in bytes; errors as in `write_nar`."""
    hasher = hashlib.sha256()
    size = write_nar(path, hasher.update)
    return Digest(hasher.hexdigest()), size


class NarWriter(ContentVisitor):
    """Writes what it is shown as a NAR, after its `MAGIC`."""

    __slots__ = ("_pieces", "_put")

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._put = pieces.put

    def content(self, entry: Entry, name: bytes, fd: int, size: int, executable: bool) -> None:
        before = entry_head(entry.name) + file_head(size, executable)
        self._pieces.put_file(before, fd, size, file_end(size, entry.name), entry.path)

    def target(self, entry: Entry, name: bytes, target: bytes) -> None:
        self._put(link(entry.name, target))

    def enter(self, entry: Entry, name: bytes) -> None:
        self._put(entry_head(entry.name) + DIRECTORY)

    def leave(self, depth: int) -> None:
        self._put(directory_end(depth))


def entry_head(name: bytes) -> bytes:
    """How an entry of a directory begins; the item itself, which has no name, is not an entry."""
    if not name:
        return b""
    return b"%b%b%b%b%b" % (_ENTRY, len(name).to_bytes(8, "little"), name, bytes(-len(name) % 8), _NODE)


def file_head(size: int, executable: bool) -> bytes:
    """What comes before the contents of a file."""
    return b"%b%b" % (EXECUTABLE if executable else FILE, size.to_bytes(8, "little"))


def file_end(size: int, name: bytes) -> bytes:
    """What comes after the contents of a file, and ends its entry if it has a name."""
    return (_ENTRY_FILE_END if name else _FILE_END)[size % 8]


def link(name: bytes, target: bytes) -> bytes:
    """A symbolic link, with its entry if it has a name."""
    return b"%b%b%b%b" % (entry_head(name), SYMLINK, string(target), CLOSE + CLOSE if name else CLOSE)


def directory_end(depth: int) -> bytes:
    """What comes after the entries of a directory, and ends its own entry if it is below the item."""
    return CLOSE + CLOSE if depth else CLOSE
