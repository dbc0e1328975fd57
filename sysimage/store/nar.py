"""NAR, the archive form of a store item: what a NAR's eyes see, its hash and its size.

The format is the one of Nix and Guix (E. Dolstra, "The Purely Functional Software Deployment Model", 5.2): strings as
64-bit little-endian length, bytes, zeros to a multiple of eight; a file has contents and perhaps the executable flag
of its owner, a link its target, a directory its entries sorted by bytes. Owners, times, other modes and hard links do
not exist in it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from operator import attrgetter
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, MachineError
from sysimage.store.pieces import Emit, Pieces


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
PADDED_CLOSE = tuple(bytes(-length % 8) + CLOSE for length in range(8))
"""What comes behind the contents of a file, by its size modulo 8."""

_by_name = attrgetter("name")
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def write_nar(path: Path, write: Emit, *, piece_size: int | None = None) -> int:
    """Serialise the tree at ``path`` (a file, a symlink or a directory), calling ``write`` with pieces of the stream.

    A piece's memory is only valid during the call. Returns the NAR's size in bytes. A file that is neither regular,
    link nor directory, or that changes while it is read, is an `IntegrityError`; one that cannot be read is a
    `MachineError`.
    """
    pieces = Pieces(write) if piece_size is None else Pieces(write, piece_size)
    try:
        pieces.put(MAGIC)
        _write_tree(os.fsencode(path), pieces)
    except OSError as error:
        name = os.fsdecode(error.filename) if error.filename else str(path)
        raise MachineError(f"cannot read {name}: {error.strerror}") from error
    return pieces.finish()


def nar_hash_and_size(path: Path) -> tuple[Digest, int]:
    """The SHA-256 of the NAR of the tree at ``path``, and its size in bytes; errors as in `write_nar`."""
    hasher = hashlib.sha256()
    size = write_nar(path, hasher.update)
    return Digest(hasher.hexdigest()), size


def _write_tree(top: bytes, pieces: Pieces) -> None:
    mode = os.lstat(top).st_mode
    if stat.S_ISREG(mode):
        _write_file(top, b"", b"", pieces)
    elif stat.S_ISLNK(mode):
        pieces.put(SYMLINK + string(os.readlink(top)) + CLOSE)  # noqa: PTH115 (bytes)
    elif stat.S_ISDIR(mode):
        pieces.put(DIRECTORY)
        _write_directory(top, pieces)
        pieces.put(CLOSE)
    else:
        raise _no_such_thing(top)


def _write_directory(top: bytes, pieces: Pieces) -> None:
    # A stack instead of recursion: directories may be nested deeper than Python likes to call. None closes one.
    stack: list[os.DirEntry[bytes] | None] = _entries(top)
    put = pieces.put
    while stack:
        entry = stack.pop()
        if entry is None:
            put(CLOSE + CLOSE)
            continue
        head = entry_head(entry.name)
        if entry.is_symlink():
            put(head + SYMLINK + string(os.readlink(entry.path)) + CLOSE + CLOSE)  # noqa: PTH115
        elif entry.is_file(follow_symlinks=False):
            _write_file(entry.path, head, CLOSE, pieces)
        elif entry.is_dir(follow_symlinks=False):
            put(head + DIRECTORY)
            stack.append(None)
            stack.extend(_entries(entry.path))
        else:
            raise _no_such_thing(entry.path)


def entry_head(name: bytes) -> bytes:
    """How an entry of a directory begins."""
    return b"%b%b%b%b%b" % (_ENTRY, len(name).to_bytes(8, "little"), name, bytes(-len(name) % 8), _NODE)


def _entries(directory: bytes) -> list[os.DirEntry[bytes] | None]:
    """What a directory holds, last name first, as a stack wants it."""
    with os.scandir(directory) as entries:
        return [*sorted(entries, key=_by_name, reverse=True)]


def _write_file(path: bytes, before: bytes, after: bytes, pieces: Pieces) -> None:
    fd = os.open(path, _OPEN_FLAGS)
    try:
        status = os.fstat(fd)
        mode, size = status.st_mode, status.st_size
        if not stat.S_ISREG(mode):
            raise _no_such_thing(path)
        pieces.put_file(before + file_head(size, mode & 0o100 != 0), fd, size, PADDED_CLOSE[size % 8] + after, path)
    finally:
        os.close(fd)


def file_head(size: int, executable: bool) -> bytes:
    """What comes before the contents of a file."""
    return b"%b%b" % (EXECUTABLE if executable else FILE, size.to_bytes(8, "little"))


def _no_such_thing(path: bytes) -> IntegrityError:
    return IntegrityError(
        f"cannot archive {os.fsdecode(path)}: it is neither a file, a directory nor a symlink",
        hint="devices, pipes and sockets cannot be in a store",
    )
