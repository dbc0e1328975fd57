"""How a layer's bytes are compressed, such that the same layer gives the same blob.

gzip: ISA-L for levels 1 and 2, zlib above. ISA-L's output depends on the pieces it is fed, so it gets the fixed pieces
of `sysimage.store.pieces`; its level 3 depends on the processor too and is not used. The ten bytes of header are our
own, because every library writes others.

zstd: a frame for every 8 MiB (32 MiB at high levels), so that several threads can work on one layer without the memory
that the library's own take, and a frame's bytes depend on its content alone. The library may look back over all of a
short one, as far as every decoder has to be able to. That is 2 to 4 % of the size for nothing, and at the default level
it is spent on time: about the size that the program ``zstd`` has at that level, made a fifth faster. Frames have no
checksum: a blob has its digest, and every reader checks that.
"""

from __future__ import annotations

import functools
import zlib
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any, Protocol

from sysimage.blobs import media_types
from sysimage.errors import SpecError
from sysimage.store.pieces import PIECE_SIZE

_KINDS = {"none": (0, 0, 0), "gzip": (1, 1, 9), "zstd": (3, 1, 19)}
"""Default, lowest and highest level."""
_MEDIA_TYPES = {
    "none": media_types.LAYER,
    "gzip": media_types.LAYER_GZIP,
    "zstd": media_types.LAYER_ZSTD,
}
_GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])  # deflate, no name, no time, no hint, unknown system
_MOST_ISAL_LEVEL = 2
_FRAME_LOG, _LONG_FRAME_LOG = 23, 25
"""Logarithm of the layer's bytes in a zstd frame, for levels that look back over as much, or more. Fixed: blobs depend
on them. RFC 8878 asks decoders for windows of 8 MiB."""
_LONG_SIGHTED = 10
"""From this level on, windows are longer than a short frame."""
_DEFAULT_ZSTD_LEVEL = _KINDS["zstd"][0]
_DEFAULT_HASH_LOG, _DEFAULT_MATCH = 17, 6
"""At the default level one table, of the places of 6 bytes, instead of the library's two, of 5 and 8."""


class Compressor(Protocol):
    """One stream being compressed."""

    piece_size: int
    """Bytes of the pieces that it is best fed with. The bytes of gzip's first levels depend on them."""

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
            return _Zstd(self.level) if threads <= 1 else _ParallelZstd(self.level, threads)
        return _Gzip(self.level)


class _Zstd:
    """Frame after frame, each collected by the library, which has to keep it anyway to look back."""

    piece_size = PIECE_SIZE

    def __init__(self, level: int) -> None:
        self._level = level
        self._context = _idle_context(level)
        self._frame_size = 1 << _frame_log(level)
        self._filled = 0  # bytes of the layer in the frame so far
        self._begun = False

    def compress(self, data: memoryview, /) -> bytes:
        out = []
        while data:
            self._begun = True
            part = data[: self._frame_size - self._filled]
            data = data[len(part) :]
            out.append(self._context.compress(part, self._context.CONTINUE))
            self._filled += len(part)
            if self._filled == self._frame_size:
                out.append(self._end())
        return bytes(out[0]) if len(out) == 1 else b"".join(out)

    def flush(self) -> bytes:
        # Nothing at all still has to be a frame; nothing behind a whole frame is none.
        last = self._end() if self._filled or not self._begun else b""
        _idle[self._level].append(self._context)
        return last

    def _end(self) -> bytes:
        # Without data: the bytes must not depend on what is known of the length, and when.
        self._filled = 0
        return bytes(self._context.flush(self._context.FLUSH_FRAME))


class _ParallelZstd:
    """The same bytes, several frames at a time."""

    piece_size = PIECE_SIZE

    def __init__(self, level: int, threads: int) -> None:
        from concurrent.futures import Future, ThreadPoolExecutor

        self._level, self._threads = level, threads
        self._frame_size = 1 << _frame_log(level)
        self._frame = bytearray()
        self._begun = False
        self._pool = ThreadPoolExecutor(threads)
        self._waiting: deque[Future[bytes]] = deque()

    def compress(self, data: memoryview, /) -> bytes:
        out = []
        while data:
            part = data[: self._frame_size - len(self._frame)]
            data = data[len(part) :]
            self._frame += part
            if len(self._frame) == self._frame_size:
                out.append(self._hand_over())
        return b"".join(out)

    def flush(self) -> bytes:
        out = [self._hand_over()] if self._frame or not self._begun else []
        out += [frame.result() for frame in self._waiting]
        self._pool.shutdown()
        return b"".join(out)

    def _hand_over(self) -> bytes:
        """Begin with a frame; returns what the oldest gave when enough are under way."""
        done = self._waiting.popleft().result() if len(self._waiting) == self._threads else b""
        self._waiting.append(self._pool.submit(_zstd_frame, self._level, self._frame))
        self._frame = bytearray()
        self._begun = True
        return done


def _zstd_frame(level: int, content: bytearray) -> bytes:
    stream = _Zstd(level)
    return stream.compress(memoryview(content)) + stream.flush()


_idle: defaultdict[int, list[Any]] = defaultdict(list)
"""The library's states of streams that ended well, by level, for the next ones: each has some 9 MiB, which would come
fresh from the kernel for every layer and be cleared page by page."""


def _idle_context(level: int) -> Any:
    try:
        return _idle[level].pop()
    except IndexError:  # not asked for beforehand: another thread may take the last one meanwhile
        return _zstd_context(level)


def _zstd_context(level: int) -> Any:
    import pyzstd

    parameter = pyzstd.CParameter
    options: dict[int, int] = {parameter.compressionLevel: level}
    if level < _LONG_SIGHTED:
        options[parameter.windowLog] = _FRAME_LOG
    if level == _DEFAULT_ZSTD_LEVEL:
        options[parameter.strategy] = pyzstd.Strategy.fast
        options[parameter.hashLog] = _DEFAULT_HASH_LOG
        options[parameter.minMatch] = _DEFAULT_MATCH
    return pyzstd.ZstdCompressor(options)


def _frame_log(level: int) -> int:
    return _FRAME_LOG if level < _LONG_SIGHTED else _LONG_FRAME_LOG


class _Gzip:
    piece_size = PIECE_SIZE

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
