"""Decompression of a package's members: one stream each, bounded in size and memory, ending where the member ends."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Protocol

MEMORY_LIMIT = 512 << 20
"""Bytes a decoder may use; xz at its highest preset needs 65 MiB."""
_ZSTD_WINDOW_LOG = 27
"""128 MiB, what zstd itself takes without being asked to."""
_PIECE = 1 << 18


class DecompressionError(ValueError):
    """The compressed stream is damaged, too large, or of another kind than its name."""


class _Decoder(Protocol):
    """What lzma and zstd decoders have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """zlib's decoder in the shape of the others."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        return not self._decoder.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)


def decompressed(file: BinaryIO, size: int, compression: str, limit: int) -> Iterator[bytes]:
    """The pieces of the stream in the next ``size`` bytes of ``file``.

    ``compression`` is ``gz``, ``xz``, ``zst`` or empty. More than ``limit`` bytes, a damaged, truncated or second
    stream, and anything after it are a `DecompressionError`.
    """
    produced = 0
    for piece in _pieces(file, size) if not compression else _decoded(file, size, compression):
        produced += len(piece)
        if produced > limit:
            raise DecompressionError(f"it holds more than {limit} bytes")
        yield piece


def _decoded(file: BinaryIO, size: int, compression: str) -> Iterator[bytes]:
    import pyzstd  # imported late: not needed by builds that unpack nothing

    decoder = _decoder(compression)
    compressed = _pieces(file, size)
    try:
        while not decoder.eof:
            data = b""
            if decoder.needs_input:
                data = next(compressed, b"")
                if not data:
                    raise DecompressionError(f"its {compression} stream is cut short")
            piece = decoder.decompress(data, _PIECE)
            if piece:
                yield piece
    except (lzma.LZMAError, zlib.error, pyzstd.ZstdError) as error:
        raise DecompressionError(f"its {compression} stream is damaged: {error}") from None
    if decoder.unused_data or next(compressed, b""):
        raise DecompressionError(f"something follows its {compression} stream")


def _decoder(compression: str) -> _Decoder:
    if compression == "xz":
        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=MEMORY_LIMIT)
    if compression == "zst":
        import pyzstd

        option: Mapping[int, int] = {pyzstd.DParameter.windowLogMax: _ZSTD_WINDOW_LOG}
        decoder: _Decoder = pyzstd.ZstdDecompressor(option=option)
        return decoder
    if compression == "gz":
        return _Gzip()
    raise DecompressionError(f"{compression!r} is not a compression that packages have")


def _pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size:
        piece = file.read(min(size, _PIECE))
        if not piece:
            raise DecompressionError("the file is cut short")
        size -= len(piece)
        yield piece
