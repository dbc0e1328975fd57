"""Writes a layer as a tar archive: deterministic, each file opened once, each byte read once."""

from __future__ import annotations

import os
import stat
from operator import attrgetter
from pathlib import Path

from sysimage.errors import IntegrityError, MachineError
from sysimage.layers.headers import BLOCK, END, Headers
from sysimage.layers.source import LayerSource
from sysimage.rootfs.tree import Entry, Kind
from sysimage.store.items import StoreItem
from sysimage.store.pieces import PIECE_SIZE, Emit, Pieces

FORMAT = 1
"""Number of the form in which layers are written. Whatever changes a byte of any layer changes this number."""

_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_PADDING = tuple(bytes(-size % BLOCK) for size in range(BLOCK))
"""What fills the last block of a file, by the file's size modulo a block."""
_by_name = attrgetter("name")
_PLAIN_ROOT = (0o755, 0, 0)


def write_tar(source: LayerSource, emit: Emit, piece_size: int = PIECE_SIZE) -> int:
    """Write the layer's archive, calling ``emit`` with pieces of ``piece_size`` bytes; returns its size in bytes.

    A piece's memory is only valid during the call. What is neither file, directory nor symlink, a name that would be
    a whiteout, and a file that changes meanwhile are an `IntegrityError`; what cannot be read is a `MachineError`.
    """
    pieces = Pieces(emit, piece_size)
    headers = Headers(source.uid, source.gid)
    with _naming_the_file():
        for part in source.parts():
            if isinstance(part, StoreItem):
                _write_item(part, headers, pieces)
            else:
                _write_entry(part, pieces)
    pieces.put(END)
    return pieces.finish()


def tar_size(source: LayerSource) -> int:
    """Size in bytes of what `write_tar` would write, from metadata alone: no file is opened."""
    size = len(END)
    headers = Headers(source.uid, source.gid)
    with _naming_the_file():
        for part in source.parts():
            if isinstance(part, StoreItem):
                size += _item_size(part, headers)
            elif header := _entry_header(part):
                size += len(header) + _padded(part.size())
    return size


class _naming_the_file:  # noqa: N801 (reads as a phrase where it is used)
    """Turns an OSError into an error of ours that names the file."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and error.filename is not None:
            name = error.filename if isinstance(error.filename, str) else os.fsdecode(error.filename)
            raise MachineError(f"cannot read {name}: {error.strerror}") from error


def _padded(size: int) -> int:
    return size + -size % BLOCK


def _place(item: StoreItem) -> tuple[bytes, bytes]:
    """Where an item is on this machine, and its member name."""
    if item.location is None:
        raise ValueError(f"{item.path} has no location")
    return os.fsencode(item.location), str(item.path)[1:].encode()


def _write_item(item: StoreItem, headers: Headers, pieces: Pieces) -> None:
    top, name = _place(item)
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
    stack = [(top_name, entry) for entry in _entries(top)]
    while stack:
        above, entry = stack.pop()
        name = b"%b/%b" % (above, entry.name)
        if entry.is_symlink():
            put(headers.symlink(name, os.readlink(entry.path)))  # noqa: PTH115 (bytes)
        elif entry.is_file(follow_symlinks=False):
            _write_file(entry.path, name, headers, pieces)
        elif entry.is_dir(follow_symlinks=False):
            put(headers.item_directory(name))
            stack += [(name, child) for child in _entries(entry.path)]
        else:
            raise _no_such_thing(entry.path)


def _entries(directory: bytes) -> list[os.DirEntry[bytes]]:
    """What a directory holds, last name first, as a stack wants it."""
    with os.scandir(directory) as found:
        entries = sorted(found, key=_by_name, reverse=True)
    for entry in entries:
        if entry.name.startswith(b".wh."):
            raise IntegrityError(
                f"cannot put {os.fsdecode(entry.path)} into a layer: readers would take its name for a whiteout"
            )
    return entries


def _write_file(path: bytes, name: bytes, headers: Headers, pieces: Pieces) -> None:
    fd = os.open(path, _OPEN_FLAGS)
    try:
        status = os.fstat(fd)
        mode, size = status.st_mode, status.st_size
        if not stat.S_ISREG(mode):
            raise _no_such_thing(path)
        pieces.put_file(headers.item_file(name, size, mode & 0o100 != 0), fd, size, _PADDING[size % BLOCK], path)
    finally:
        os.close(fd)


def _write_entry(entry: Entry, pieces: Pieces) -> None:
    content = entry.content
    if isinstance(content, Path):
        fd = os.open(content, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise _no_such_thing(os.fsencode(content))
            size = status.st_size
            header = Headers(entry.uid, entry.gid).file(_member(entry), entry.mode, size)
            pieces.put_file(header, fd, size, _PADDING[size % BLOCK], os.fsencode(content))
        finally:
            os.close(fd)
    elif header := _entry_header(entry):
        pieces.put(header)
        if content:
            pieces.put(content)
            pieces.put(_PADDING[len(content) % BLOCK])


def _entry_header(entry: Entry) -> bytes:
    """The entry's header; nothing for a root directory that is as every runtime makes it anyway."""
    headers = Headers(entry.uid, entry.gid)
    match entry.kind:
        case Kind.DIRECTORY if entry.path == "/":
            return b"" if (entry.mode, entry.uid, entry.gid) == _PLAIN_ROOT else headers.directory(b".", entry.mode)
        case Kind.DIRECTORY:
            return headers.directory(_member(entry), entry.mode)
        case Kind.SYMLINK:
            return headers.symlink(_member(entry), os.fsencode(entry.target or ""))
        case Kind.FILE:
            return headers.file(_member(entry), entry.mode, entry.size())


def _member(entry: Entry) -> bytes:
    return os.fsencode(entry.path[1:])


def _item_size(item: StoreItem, headers: Headers) -> int:
    top, name = _place(item)
    status = os.lstat(top)
    if stat.S_ISLNK(status.st_mode):
        return len(headers.symlink(name, os.readlink(top)))  # noqa: PTH115 (bytes)
    if not stat.S_ISDIR(status.st_mode):
        return len(headers.item_file(name, status.st_size, False)) + _padded(status.st_size)
    total = len(headers.item_directory(name))
    stack = [(name, top)]
    while stack:
        above, directory = stack.pop()
        with os.scandir(directory) as found:
            for entry in found:
                total += _member_size(entry, b"%b/%b" % (above, entry.name), headers)
                if entry.is_dir(follow_symlinks=False):
                    stack.append((b"%b/%b" % (above, entry.name), entry.path))
    return total


def _member_size(entry: os.DirEntry[bytes], name: bytes, headers: Headers) -> int:
    if entry.is_symlink():
        target = os.readlink(entry.path)  # noqa: PTH115 (bytes)
        return BLOCK if headers.plainly_one_block(name, target, 0) else len(headers.symlink(name, target))
    if entry.is_dir(follow_symlinks=False):
        return BLOCK if headers.plainly_one_block(name, b"", 0) else len(headers.item_directory(name))
    size = entry.stat(follow_symlinks=False).st_size
    if headers.plainly_one_block(name, b"", size):
        return BLOCK + _padded(size)
    return len(headers.item_file(name, size, False)) + _padded(size)


def _no_such_thing(path: bytes) -> IntegrityError:
    return IntegrityError(
        f"cannot put {os.fsdecode(path)} into a layer: it is neither a file, a directory nor a symlink",
        hint="devices, pipes and sockets cannot be in a store",
    )
