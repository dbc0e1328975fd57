"""A layer's bytes, or a whole archive's, decompressed as a bounded stream of chunks."""

from __future__ import annotations

import bz2
import enum
import itertools
import lzma
from collections.abc import Callable, Iterator

import pyzstd
from isal import igzip_lib, isal_zlib

from sysimage.verify.chunk_stream import CHUNK
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.limits import Limits


class CompressionFormat(enum.Enum):
    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


_MAGICS = ((b"\x1f\x8b\x08", CompressionFormat.GZIP), (b"\x28\xb5\x2f\xfd", CompressionFormat.ZSTD))
_FOREIGN_MAGICS = ((b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"\x04\x22\x4d\x18", "lz4"))
_GZIP_WINDOW = 31
_BROKEN_GZIP: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]  # its stub calls it an instance


def sniff(head: bytes) -> CompressionFormat:
    """The compression that the first bytes of a blob show; a MalformedError for one that is not ours to read."""
    for magic, compression in _MAGICS:
        if head.startswith(magic):
            return compression
    for magic, name in _FOREIGN_MAGICS:
        if head.startswith(magic):
            raise MalformedError(f"is compressed with {name}; layers are tar, gzip or zstd")
    return CompressionFormat.NONE


def decompressed(chunks: Iterator[bytes], compression: CompressionFormat, limits: Limits) -> Iterator[bytes]:
    """The content of a blob. Several members or frames in a row are one stream; anything after them is refused."""
    match compression:
        case CompressionFormat.NONE:
            return chunks
        case CompressionFormat.GZIP:
            return _gunzipped(chunks)
        case CompressionFormat.ZSTD:
            return _unzstandardised(chunks, limits)


def decompressed_archive(chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes] | None:
    """The content of an archive that is compressed as a whole, in any form that engines load; None for one that is not.

    Those are gzip, zstd, bzip2 and xz.
    """
    first = next(chunks, b"")
    chunks = itertools.chain([first], chunks)
    for magic, compression in _MAGICS:
        if first.startswith(magic):
            return decompressed(chunks, compression, limits)
    if first.startswith(b"BZh"):
        return _decompressed_by(bz2.BZ2Decompressor, "bzip2", chunks)
    if first.startswith(b"\xfd7zXZ\0"):
        return _decompressed_by(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY), "xz", chunks)
    return None


_XZ_MEMORY = 256 << 20
"""Bytes: four times what ``xz -9`` asks a reader for."""


def _decompressed_by(
    make: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor], name: str, chunks: Iterator[bytes]
) -> Iterator[bytes]:
    """Streams in a row are one; the NUL bytes with which xz pads them are skipped."""
    stream = None
    try:
        for chunk in chunks:
            data = chunk
            while data or (stream is not None and not stream.needs_input):
                if stream is None:
                    data = data.lstrip(b"\0")
                    if not data:
                        break
                    stream = make()
                yield stream.decompress(data, CHUNK)
                data = b""
                if stream.eof:
                    data, stream = stream.unused_data, None
    except (OSError, lzma.LZMAError, EOFError) as error:
        raise MalformedError(f"is broken {name}: {error}") from None
    if stream is not None:
        raise MalformedError(f"is {name} that ends early")


def _gunzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    member = None
    try:
        for chunk in chunks:
            data = chunk
            while data:
                if member is None:
                    member = isal_zlib.decompressobj(_GZIP_WINDOW)
                yield member.decompress(data, CHUNK)
                data = member.unconsumed_tail
                while not data and not member.eof and (piece := member.decompress(b"", CHUNK)):
                    yield piece
                    data = member.unconsumed_tail
                if member.eof:
                    data, member = member.unused_data, None
    except _BROKEN_GZIP as error:
        raise MalformedError(f"is broken gzip: {error}") from None
    if member is not None:
        raise MalformedError("is gzip that ends early")


def _unzstandardised(chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    frames = pyzstd.EndlessZstdDecompressor(option={pyzstd.DParameter.windowLogMax: limits.zstd_window_log})
    try:
        for chunk in chunks:
            yield frames.decompress(chunk, CHUNK)
            while not frames.needs_input:
                yield frames.decompress(b"", CHUNK)
    except pyzstd.ZstdError as error:
        raise MalformedError(f"is broken zstd: {error}") from None
    if not frames.at_frame_edge:
        raise MalformedError("is zstd that ends early")
