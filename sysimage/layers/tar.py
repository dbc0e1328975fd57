"""Writes a layer as a tar archive: deterministic, each file opened once, each byte read once."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from sysimage.errors import IntegrityError, Issue, MachineError
from sysimage.layers.headers import BLOCK, END, Headers
from sysimage.layers.item_checks import Check, write_checked_item
from sysimage.layers.items import FOR_LAYER, PADDING, item_size, padded, write_item
from sysimage.layers.source import LayerSource
from sysimage.rootfs.tree import Entry, Kind
from sysimage.store.items import StoreItem
from sysimage.streams.pieces import PIECE_SIZE, Buffer, Emit, PieceObserver, Pieces


class BrokenPromiseError(IntegrityError):
    """Items are not what their store says; the issues name each of them."""

    @classmethod
    def of(cls, issues: Sequence[Issue]) -> BrokenPromiseError:
        return cls(
            "cannot use what the store holds: it is not what the store says of it",
            hint="items were changed or damaged; repair them in their store",
            issues=issues,
        )


def write_tar(
    source: LayerSource,
    emit: Emit,
    piece_size: int = PIECE_SIZE,
    *,
    check: Check | None = None,
    buffers: int | Sequence[Buffer] = 1,
    lead: int = 0,
) -> int:
    """Write the layer's archive, calling ``emit`` with pieces of ``piece_size`` bytes; returns its size in bytes.

    A piece's memory stays as it is until the call returns, or with more ``buffers`` (a number, or the memory itself)
    until that of so many pieces later does; ``lead`` is as of `Pieces`. With ``check`` what the store says of the items
    is proven from the same read, and `BrokenPromiseError` names those of which it is not true, after all were read.
    What is neither file, directory nor symlink, a name that would be a whiteout, and a file that changes meanwhile are
    an `IntegrityError`; what cannot be read is a `MachineError`.
    """
    issues: list[Issue] = []
    pieces = Pieces(emit, piece_size, buffers, lead)
    headers = Headers(source.uid, source.gid)
    with _naming_the_file():
        shown = source.shown()
        for part in source.parts():
            if isinstance(part, StoreItem):
                if check is None:
                    write_item(part, headers, pieces, shown.of(part))
                else:
                    issues += write_checked_item(part, headers, pieces, check, shown.of(part))
            elif not shown.has_directory(part):
                issues += _write_entry(part, pieces)
    if issues:
        raise BrokenPromiseError.of(issues)
    pieces.put(END)
    return pieces.finish()


def tar_size(source: LayerSource) -> int:
    """Size in bytes of what `write_tar` would write, from metadata alone: no file is opened."""
    size = len(END)
    headers = Headers(source.uid, source.gid)
    with _naming_the_file():
        shown = source.shown()
        for part in source.parts():
            if isinstance(part, StoreItem):
                size += item_size(part, headers, shown.of(part))
            elif not shown.has_directory(part):
                size += len(_entry_header(part)) + padded(part.size())
    return size


class _naming_the_file:  # noqa: N801 (reads as a phrase where it is used)
    """Turns an OSError into a `SysimageError` that names the file."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and error.filename is not None:
            name = error.filename if isinstance(error.filename, str) else os.fsdecode(error.filename)
            raise MachineError(f"cannot read {name}: {error.strerror}") from error


def _write_entry(entry: Entry, pieces: Pieces) -> list[Issue]:
    """Write the entry; return the fault of a host file that does not have its promised digest."""
    content = entry.content
    if isinstance(content, Path):
        fd = os.open(content, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise FOR_LAYER.refuse_special(os.fsencode(content))
            size = status.st_size
            header = Headers(entry.uid, entry.gid).file(_member(entry), entry.mode, size, entry.capabilities)
            hasher = hashlib.sha256()
            witness = PieceObserver(hasher.update)
            pieces.put_file(header, fd, size, PADDING[size % BLOCK], os.fsencode(content), witness)
            witness.flush()
        finally:
            os.close(fd)
        if entry.known_digest is not None and hasher.hexdigest() != entry.known_digest.hex:
            said = f"its digest is sha256:{hasher.hexdigest()}, where {entry.known_digest} was promised"
            return [Issue(str(content), said)]
    else:
        pieces.put(_entry_header(entry))
        if content:
            pieces.put(content)
            pieces.put(PADDING[len(content) % BLOCK])
    return []


def _entry_header(entry: Entry) -> bytes:
    """The entry's header. The root directory has one, too: without it, engines do not agree on its attributes."""
    headers = Headers(entry.uid, entry.gid)
    match entry.kind:
        case Kind.DIRECTORY if entry.path == "/":
            return headers.directory(b".", entry.mode, entry.attributes)
        case Kind.DIRECTORY:
            return headers.directory(_member(entry), entry.mode, entry.attributes)
        case Kind.SYMLINK:
            return headers.symlink(_member(entry), os.fsencode(entry.target or ""))
        case Kind.FILE:
            return headers.file(_member(entry), entry.mode, entry.size(), entry.capabilities)


def _member(entry: Entry) -> bytes:
    return os.fsencode(entry.path[1:])
