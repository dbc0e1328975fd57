"""A finished layer, and how one is written: tar, diff ID, compression and digest from one read of each file."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sysimage.blobs import Descriptor
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.layers.compression import Compression, Compressor
from sysimage.layers.item_checks import Check
from sysimage.layers.source import LayerSource
from sysimage.layers.tar import write_tar
from sysimage.streams.sink import Sink, Write, background_sink
from sysimage.workers import Report

_BLOB_PIECE = 256 << 10
"""Bytes of a compressed layer that are written at a time: the smallest size for which a write past the page cache is
worth it."""


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


@dataclass(frozen=True, slots=True)
class LayerChecks:
    """What is proven of a layer while it is written."""

    items: Check | None = None
    """Of its items, from the same read."""
    tar_size: int | None = None
    """The size of the archive, where it was promised: another one is an `IntegrityError`."""


_NO_CHECKS = LayerChecks()


def layer_sink(compression: Compression, write: Write) -> AbstractContextManager[Sink]:
    """Takes layers that are compressed so and writes them in the background, in the pieces that are best for that."""
    if compression.kind == "none":
        return background_sink(write)
    return background_sink(write, _BLOB_PIECE, hash_in_background=True)


def write_layer(
    source: LayerSource,
    compression: Compression,
    sink: Sink,
    checks: LayerChecks = _NO_CHECKS,
    *,
    moved: Report = lambda _: None,
    threads: int = 1,
) -> LayerBlob:
    """Write the layer's blob into ``sink`` and say what was written; all of it is when this returns.

    ``moved`` is called with the number of bytes of every piece read; ``threads`` is for the compressor. Errors are
    those of the checks and of `sysimage.layers.tar.write_tar`.
    """
    compressor = compression.compressor(threads)
    if compressor is None:
        tar_size, diff_id = _write_plain(source, sink, checks.items, moved)
        digest, size = diff_id, tar_size
    else:
        tar_size, diff_id, size, digest = _write_compressed(source, compressor, sink, checks.items, moved)
    if checks.tar_size not in (None, tar_size):
        raise IntegrityError(
            f"cannot write layer {source.label!r}: its files changed while they were read",
            hint="a store is read-only; build again when nothing writes to it",
        )
    descriptor = Descriptor(compression.media_type, Digest(digest), size)
    return LayerBlob(descriptor, Digest(diff_id), tar_size, source.label)


def _write_plain(source: LayerSource, sink: Sink, check: Check | None, moved: Report) -> tuple[int, str]:
    """The archive as it is; its length and digest."""
    update = sink.update

    def emit(piece: memoryview) -> None:
        update(piece)
        moved(len(piece))

    size = write_tar(source, emit, sink.piece_size, check=check, buffers=sink.memory, lead=sink.lead)
    return size, sink.hexdigest()


def _write_compressed(
    source: LayerSource, compressor: Compressor, sink: Sink, check: Check | None, moved: Report
) -> tuple[int, str, int, str]:
    """The archive compressed; its length and digest, and the blob's."""
    hasher = hashlib.sha256()
    blob = sink.pieces()

    def emit(piece: memoryview) -> None:
        hasher.update(piece)
        blob.put(compressor.compress(piece))
        moved(len(piece))

    tar_size = write_tar(source, emit, compressor.piece_size, check=check, buffers=compressor.buffers)
    blob.put(compressor.flush())
    size = blob.finish()
    return tar_size, hasher.hexdigest(), size, sink.hexdigest()
