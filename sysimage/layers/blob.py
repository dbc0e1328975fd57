"""A finished layer, and how one is written: tar, diff ID, compression and digest from one read of each file."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sysimage.blobs import Descriptor
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.layers.behind import behind, buffers
from sysimage.layers.beside import Beside
from sysimage.layers.compression import Compression, Compressor
from sysimage.layers.item_checks import Check
from sysimage.layers.source import LayerSource
from sysimage.layers.tar import write_tar
from sysimage.store.pieces import PIECE_SIZE, Memory, Pieces
from sysimage.workers import Report

Write = Callable[[memoryview], object]
_BLOB_PIECE = 256 << 10
"""Bytes of a compressed layer that are written at a time: as few as a write past the page cache is worth."""


@dataclass(frozen=True, slots=True)
class LayerBlob:
    """A layer whose stream was closed and whose bytes are where they belong, durably."""

    descriptor: Descriptor
    """Media type, digest and size of the blob as stored."""
    diff_id: Digest
    """Of the uncompressed archive."""
    tar_size: int
    """Bytes of the uncompressed archive."""
    label: str
    """What the layer holds, for people."""


def write_layer(
    source: LayerSource,
    compression: Compression,
    write: Write,
    *,
    moved: Report = lambda _: None,
    threads: int = 1,
    expected_tar_size: int | None = None,
    check: Check | None = None,
    slow: bool = False,
    lead: int = 0,
    beside: Beside | None = None,
) -> LayerBlob:
    """Write the layer's blob through ``write`` and say what was written.

    ``write`` must take all bytes it is given, whose memory is only valid during the call. ``moved`` hears of the bytes
    of every piece read; ``threads`` is for the compressor. Where the size of the archive was promised to somebody,
    another one is an `IntegrityError`. ``check`` proves what is said of the items from the same read. A ``slow``
    ``write``, into a pipe or to a disk, is called in another thread while the next piece is read, with pieces of one
    size that begin where a page does; the first of an archive that is not compressed is shorter by ``lead``, as of
    `Pieces`. With ``beside`` it is the hash of such an archive that is left to another process. Other errors as in
    `sysimage.layers.tar.write_tar`.
    """
    compressor = compression.compressor(threads)
    if compressor is None:
        tar_size, diff_id = _write_plain(source, write, moved, check, slow, lead, beside)
        digest, size = diff_id, tar_size
    else:
        tar_size, diff_id, size, digest = _write_compressed(source, compressor, write, moved, check, slow)
    if expected_tar_size is not None and tar_size != expected_tar_size:
        raise IntegrityError(
            f"cannot write layer {source.label!r}: its files changed while they were read",
            hint="a store is read-only; build again when nothing writes to it",
        )
    descriptor = Descriptor(compression.media_type, Digest(digest), size)
    return LayerBlob(descriptor, Digest(diff_id), tar_size, source.label)


def _write_compressed(
    source: LayerSource,
    compressor: Compressor,
    write: Write,
    moved: Report,
    check: Check | None,
    slow: bool,
) -> tuple[int, str, int, str]:
    """The archive compressed; its length and digest, and the blob's."""
    hasher, blob_hasher = hashlib.sha256(), hashlib.sha256()

    def store(piece: memoryview) -> None:
        blob_hasher.update(piece)
        write(piece)

    with _on_its_way(store, slow, _BLOB_PIECE) as (store_on, memory):
        blob = Pieces(store_on, _BLOB_PIECE, memory)

        def emit(piece: memoryview) -> None:
            hasher.update(piece)
            blob.put(compressor.compress(piece))
            moved(len(piece))

        tar_size = write_tar(source, emit, compressor.piece_size, check=check, buffers=compressor.buffers)
        blob.put(compressor.flush())
        size = blob.finish()
    return tar_size, hasher.hexdigest(), size, blob_hasher.hexdigest()


def _write_plain(
    source: LayerSource,
    write: Write,
    moved: Report,
    check: Check | None,
    slow: bool,
    lead: int,
    beside: Beside | None,
) -> tuple[int, str]:
    """The archive as it is; its length and digest."""
    if beside is not None:

        def give(piece: memoryview) -> None:
            beside.update(piece)
            write(piece)
            moved(len(piece))

        size = write_tar(source, give, beside.piece_size, check=check, buffers=beside.buffers)
        return size, beside.hexdigest()
    hasher = hashlib.sha256()
    with _on_its_way(write, slow, PIECE_SIZE) as (write_on, memory):

        def emit(piece: memoryview) -> None:
            write_on(piece)
            hasher.update(piece)
            moved(len(piece))

        size = write_tar(source, emit, check=check, buffers=memory, lead=lead)
    return size, hasher.hexdigest()


@contextlib.contextmanager
def _on_its_way(write: Write, slow: bool, piece_size: int) -> Iterator[tuple[Write, int | Sequence[Memory]]]:
    """``write`` as it is, or in a thread of its own, and the buffers that `Pieces` needs for it."""
    if not slow:
        yield write, 1
        return
    with buffers(piece_size) as memory, behind(write) as write_on:
        yield write_on, memory
