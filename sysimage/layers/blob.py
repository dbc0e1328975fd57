"""A finished layer, and how one is written: tar, diff ID, compression and digest from one read of each file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from sysimage.blobs import Descriptor
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.layers.behind import BUFFERS, behind
from sysimage.layers.checked import Check
from sysimage.layers.compression import Compression
from sysimage.layers.source import LayerSource
from sysimage.layers.tar import write_tar
from sysimage.store.pieces import PIECE_SIZE

_SLOW_PIECE = 512 << 10
"""Bytes in a piece where several are in use at a time: they have to stay in the processor's cache."""


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
    write: Callable[[bytes | memoryview], object],
    *,
    moved: Callable[[int], None] | None = None,
    threads: int = 1,
    expected_tar_size: int | None = None,
    check: Check | None = None,
    slow: bool = False,
) -> LayerBlob:
    """Write the layer's blob through ``write`` and say what was written.

    ``write`` must take all bytes it is given, whose memory is only valid during the call. ``moved`` hears of the bytes
    of every piece read; ``threads`` is for the compressor. Where the size of the archive was promised to somebody,
    another one is an `IntegrityError`. ``check`` proves what is said of the items from the same read. A ``slow``
    ``write``, into a pipe or to a disk, is called in another thread while the next piece is read, where nothing is
    compressed. Other errors as in `sysimage.layers.tar.write_tar`.
    """
    diff_id = hashlib.sha256()
    compressor = compression.compressor(threads)
    if compressor is None:
        with behind(write) if slow else nullcontext(write) as write_on:

            def emit(piece: memoryview) -> None:
                write_on(piece)
                diff_id.update(piece)
                if moved is not None:
                    moved(len(piece))

            size = write_tar(
                source, emit, _SLOW_PIECE if slow else PIECE_SIZE, check=check, buffers=BUFFERS if slow else 1
            )
        tar_size, digest = size, diff_id
    else:
        digest = hashlib.sha256()
        size = 0

        def store(data: bytes) -> None:
            nonlocal size
            if data:
                digest.update(data)
                write(data)
                size += len(data)

        def emit(piece: memoryview) -> None:
            diff_id.update(piece)
            store(compressor.compress(piece))
            if moved is not None:
                moved(len(piece))

        tar_size = write_tar(source, emit, compressor.piece_size, check=check)
        store(compressor.flush())
    if expected_tar_size is not None and tar_size != expected_tar_size:
        raise IntegrityError(
            f"cannot write layer {source.label!r}: its files changed while they were read",
            hint="a store is read-only; build again when nothing writes to it",
        )
    descriptor = Descriptor(compression.media_type, Digest(digest.hexdigest()), size)
    return LayerBlob(descriptor, Digest(diff_id.hexdigest()), tar_size, source.label)
