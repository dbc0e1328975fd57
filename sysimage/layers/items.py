"""Writes a store item into an archive with a NAR's eyes: canonical modes, one owner, no times, no hard links."""

from __future__ import annotations

import os
import stat
from bisect import bisect_left
from operator import attrgetter

from sysimage.errors import IntegrityError
from sysimage.layers.headers import BLOCK, Headers
from sysimage.store.items import StoreItem
from sysimage.store.pieces import Pieces

OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
PADDING = tuple(bytes(-size % BLOCK) for size in range(BLOCK))
"""What fills the last block of a file, by the file's size modulo a block."""
WHITEOUT = b".wh."
"""How names begin that would take something away from the layers below."""
_by_name = attrgetter("name")


def padded(size: int) -> int:
    """Bytes that a file of ``size`` takes in an archive behind its header."""
    return size + -size % BLOCK


def place(item: StoreItem) -> tuple[bytes, bytes]:
    """Where an item is on this machine, and its member name."""
    if item.location is None:
        raise ValueError(f"{item.path} has no location")
    return os.fsencode(item.location), str(item.path)[1:].encode()


def write_item(item: StoreItem, headers: Headers, pieces: Pieces) -> None:
    top, name = place(item)
    mode = os.lstat(top).st_mode
    if stat.S_ISDIR(mode):
        pieces.put(headers.item_directory(name))
        _write_directory(top, name, headers, pieces)
    elif stat.S_ISLNK(mode):
        pieces.put(headers.symlink(name, os.readlink(top)))  # noqa: PTH115 (bytes)
    else:
        _write_file(top, name, headers, pieces)


def _write_directory(top: bytes, top_name: bytes, headers: Headers, pieces: Pieces) -> None:
    # The types that the directory itself knows are enough until a file is open: no status is asked for by name.
    put = pieces.put
    unfinished = [(top_name + b"/", iter(entries_of(top)))]
    while unfinished:
        above, entries = unfinished[-1]
        for entry in entries:
            name = above + entry.name
            if entry.is_file(follow_symlinks=False):
                _write_file(entry.path, name, headers, pieces)
            elif entry.is_symlink():
                put(headers.symlink(name, os.readlink(entry.path)))  # noqa: PTH115 (bytes)
            elif entry.is_dir(follow_symlinks=False):
                put(headers.item_directory(name))
                unfinished.append((name + b"/", iter(entries_of(entry.path))))
                break
            else:
                raise no_such_thing(entry.path)
        else:
            unfinished.pop()


def entries_of(directory: bytes) -> list[os.DirEntry[bytes]]:
    """What a directory holds, sorted by the bytes of names."""
    with os.scandir(directory) as found:
        entries = sorted(found, key=_by_name)
    for entry in entries[bisect_left(entries, WHITEOUT, key=_by_name) :][:1]:
        if entry.name.startswith(WHITEOUT):
            raise IntegrityError(
                f"cannot put {os.fsdecode(entry.path)} into a layer: readers would take its name for a whiteout"
            )
    return entries


def _write_file(path: bytes, name: bytes, headers: Headers, pieces: Pieces) -> None:
    fd = os.open(path, OPEN_FLAGS)
    try:
        status = os.fstat(fd)
        mode, size = status.st_mode, status.st_size
        if not stat.S_ISREG(mode):
            raise no_such_thing(path)
        pieces.put_file(headers.item_file(name, size, mode & 0o100 != 0), fd, size, PADDING[size % BLOCK], path)
    finally:
        os.close(fd)


def item_size(item: StoreItem, headers: Headers) -> int:
    top, name = place(item)
    status = os.lstat(top)
    if stat.S_ISLNK(status.st_mode):
        return headers.length(name, os.readlink(top), 0)  # noqa: PTH115 (bytes)
    if not stat.S_ISDIR(status.st_mode):
        return headers.length(name, b"", status.st_size) + padded(status.st_size)
    name += b"/"
    length = headers.length
    total = length(name, b"", 0)
    stack = [(name, top)]
    while stack:
        above, directory = stack.pop()
        with os.scandir(directory) as found:
            for entry in found:
                name = above + entry.name
                if entry.is_file(follow_symlinks=False):
                    size = entry.stat(follow_symlinks=False).st_size
                    total += length(name, b"", size) + size + -size % BLOCK
                elif entry.is_symlink():
                    total += length(name, os.readlink(entry.path), 0)  # noqa: PTH115 (bytes)
                elif entry.is_dir(follow_symlinks=False):
                    name += b"/"
                    total += length(name, b"", 0)
                    stack.append((name, entry.path))
                else:
                    raise no_such_thing(entry.path)
    return total


def no_such_thing(path: bytes) -> IntegrityError:
    return IntegrityError(
        f"cannot put {os.fsdecode(path)} into a layer: it is neither a file, a directory nor a symlink",
        hint="devices, pipes and sockets cannot be in a store",
    )
