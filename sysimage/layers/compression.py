"""How a layer's bytes are compressed, such that the same layer gives the same blob.

gzip: ISA-L for levels 1 and 2, zlib above. ISA-L's output depends on the pieces it is fed, so it gets the fixed pieces
of `sysimage.store.pieces`; its level 3 depends on the processor too and is not used. The ten bytes of header are our
own, because every library writes others. zstd: always with its worker threads, whose output is the same for any number
of them but another one than without; the number is a matter of speed alone.
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass
from typing import Any, Protocol

from sysimage.blobs import media_types
from sysimage.errors import SpecError

_KINDS = {"none": (0, 0, 0), "gzip": (1, 1, 9), "zstd": (3, 1, 19)}
"""Default, lowest and highest level."""
_MEDIA_TYPES = {
    "none": media_types.LAYER,
    "gzip": media_types.LAYER_GZIP,
    "zstd": media_types.LAYER_ZSTD,
}
_GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])  # deflate, no name, no time, no hint, unknown system
_MOST_ISAL_LEVEL = 2


class Compressor(Protocol):
    """One stream being compressed."""

    def compress(self, data: memoryview, /) -> bytes: ...

    def flush(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Compression:
    """A kind of compression and its level; `parse` reads ``none``, ``gzip``, ``gzip:6``, ``zstd``, ``zstd:19``."""

    kind: str = "gzip"
    level: int = 1

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"no such compression: {self.kind!r}")
        _, low, high = _KINDS[self.kind]
        if not low <= self.level <= high:
            raise ValueError(f"{self.kind} has levels {low} to {high}, not {self.level}")

    @classmethod
    def parse(cls, text: str) -> Compression:
        """Read what a flag or a spec says; a `SpecError` tells what there is."""
        kind, colon, level = text.partition(":")
        try:
            if kind not in _KINDS:
                raise ValueError(f"no such compression: {kind!r}")
            if kind == "none" and colon:
                raise ValueError("none has no level")
            return cls(kind, int(level) if colon else _KINDS[kind][0])
        except ValueError as error:
            raise SpecError(
                f"cannot compress layers with {text!r}: {error}",
                hint="say none, gzip, gzip:1 to gzip:9, zstd, or zstd:1 to zstd:19",
            ) from None

    def __str__(self) -> str:
        return self.kind if self.kind == "none" else f"{self.kind}:{self.level}"

    @property
    def media_type(self) -> str:
        """Of the layers it makes."""
        return _MEDIA_TYPES[self.kind]

    @property
    def library(self) -> str:
        """The library and version that decide about the bytes, such as ``zstd 1.5.7``; empty without compression."""
        if self.kind == "none":
            return ""
        if self.kind == "zstd":
            import pyzstd

            return f"zstd {pyzstd.zstd_version}"
        if self.level <= _MOST_ISAL_LEVEL:
            return f"isal {_isal_version()}"
        return f"zlib {zlib.ZLIB_RUNTIME_VERSION}"

    def compressor(self, threads: int = 1) -> Compressor | None:
        """A fresh stream, or None where nothing is compressed. ``threads`` does not change the bytes."""
        if self.kind == "none":
            return None
        if self.kind == "zstd":
            import pyzstd

            options: dict[int, int] = {
                pyzstd.CParameter.compressionLevel: self.level,
                pyzstd.CParameter.nbWorkers: max(1, threads),
                pyzstd.CParameter.checksumFlag: 1,
            }
            compressor: Compressor = pyzstd.ZstdCompressor(options)
            return compressor
        return _Gzip(self.level)


class _Gzip:
    def __init__(self, level: int) -> None:
        self._crc = self._length = 0
        self._deflate: Any
        self._crc32: Any
        if level <= _MOST_ISAL_LEVEL:
            from isal import isal_zlib

            self._deflate = isal_zlib.compressobj(level, isal_zlib.DEFLATED, -15)
            self._crc32 = isal_zlib.crc32
        else:
            self._deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
            self._crc32 = zlib.crc32

    def compress(self, data: memoryview, /) -> bytes:
        self._crc = self._crc32(data, self._crc)
        start = _GZIP_HEADER if self._length == 0 else b""
        self._length += len(data)
        return start + bytes(self._deflate.compress(data))

    def flush(self) -> bytes:
        start = _GZIP_HEADER if self._length == 0 else b""
        trailer = self._crc.to_bytes(4, "little") + (self._length & 0xFFFFFFFF).to_bytes(4, "little")
        return start + bytes(self._deflate.flush()) + trailer


@functools.cache
def _isal_version() -> str:
    import importlib.metadata

    return importlib.metadata.version("isal")
