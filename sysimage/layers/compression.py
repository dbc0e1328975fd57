"""How a layer's bytes are compressed, such that the same layer gives the same blob.

gzip: ISA-L for levels 1 and 2, zlib above. ISA-L's output depends on the pieces it is fed, so it gets the fixed pieces
of `sysimage.streams.pieces`; its level 3 depends on the processor too and is not used. The ten bytes of header are our
own, because every library writes others.

zstd: a frame for every 8 MiB (32 MiB at high levels), so that several threads can work on one layer without the memory
that the library's own take, and a frame's bytes depend on its content alone. In a short one the library may look back
over 4 MiB, more than it would by itself. That makes blobs smaller for nothing, and at the default level it is spent on
time: 3 to 5 % more than the program ``zstd`` has at that level, made a quarter faster. All 8 MiB would make blobs 0.2 %
smaller, for twice the memory. Frames have no checksum: a blob has its digest, and every reader checks that.
"""

from __future__ import annotations

import functools
import zlib
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sysimage.blobs import media_types
from sysimage.errors import SpecError
from sysimage.streams.pieces import PIECE_SIZE

if TYPE_CHECKING:
    from concurrent.futures import Future

_KINDS = {"none": (0, 0, 0), "gzip": (1, 1, 9), "zstd": (3, 1, 19)}
"""Default, lowest and highest level."""
_MEDIA_TYPES = {
    "none": media_types.LAYER,
    "gzip": media_types.LAYER_GZIP,
    "zstd": media_types.LAYER_ZSTD,
}
_GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])  # deflate, no name, no time, no hint, unknown system
_MOST_ISAL_LEVEL = 2
_FRAME, _LONG_FRAME = 8 << 20, 32 << 20
"""The layer's bytes in a zstd frame, for levels that look back over `_WINDOW_LOG`, or without a limit. Fixed: blobs
depend on them."""
_WINDOW_LOG = 22
_LONG_SIGHTED = 10
"""From this level on, the library looks back as far by itself, or further."""
_ZSTD_PIECE = 256 << 10
"""Bytes that zstd is given at a time. Only the use of memory depends on them: larger ones are not faster."""
_DEFAULT_ZSTD_LEVEL = _KINDS["zstd"][0]
_DEFAULT_HASH_LOG, _DEFAULT_MATCH = 16, 6
"""At the default level one table, of the places of 6 bytes, instead of the library's two, of 5 and 8: 256 KiB, which
stay in a processor's cache whatever else goes on there. With twice as many places blobs are 3 % smaller and take 4 to
11 % longer, the more the more others use the memory."""


class Compressor(Protocol):
    """One stream being compressed."""

    piece_size: int
    """The size of every input piece except the last: the output of gzip's first levels depends on it."""
    buffers: int
    """The ``buffers`` of `Pieces`: how many pieces must stay unchanged, including the next one."""

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
        """Parse the value of a flag or a spec; a `SpecError` lists the possible ones."""
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

    piece_size = _ZSTD_PIECE
    buffers = 1

    def __init__(self, level: int) -> None:
        self._level = level
        self._context = _idle_context(level)
        self._frame = _Frame(level)
        self._begun = False

    def compress(self, data: memoryview, /) -> bytes:
        out = []
        for part, is_last in self._frame.parts(data):
            self._begun = True
            out.append(self._context.compress(part, self._context.CONTINUE))
            if is_last:
                out.append(self._end())
        return bytes(out[0]) if len(out) == 1 else b"".join(out)

    def flush(self) -> bytes:
        # Empty input still gives one frame; an empty rest after a complete frame gives none.
        last = self._end() if self._frame.filled or not self._begun else b""
        _idle[self._level].append(self._context)
        return last

    def _end(self) -> bytes:
        # Without data: the bytes must not depend on what is known of the length, and when.
        return bytes(self._context.flush(self._context.FLUSH_FRAME))


class _ParallelZstd:
    """The same bytes: several streams, each in a thread of its own, get the frames in turn, piece by piece."""

    piece_size = _ZSTD_PIECE

    def __init__(self, level: int, threads: int) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._level = level
        self._threads = [ThreadPoolExecutor(1) for _ in range(threads)]
        self._streams = [_Zstd(level)]  # those that have been needed
        self._turn = 0
        self._frame = _Frame(level)
        self._results: deque[Future[bytes]] = deque()
        # Limit of the pieces under way: a frame for each thread except the one that is furthest ahead. Three quarters
        # are enough, since that thread continues meanwhile.
        self._most = (threads - 1) * _frame_size(level) * 3 // 4 // self.piece_size
        self.buffers = self._most + 1

    def compress(self, data: memoryview, /) -> bytes:
        out = []
        for part, is_last in self._frame.parts(data):
            if self._turn == len(self._streams):
                self._streams.append(_Zstd(self._level))
            self._do(self._turn, self._streams[self._turn].compress, part)
            if is_last:
                self._turn = (self._turn + 1) % len(self._threads)
            while len(self._results) > self._most or (self._results and self._results[0].done()):
                out.append(self._results.popleft().result())
        return b"".join(out)

    def flush(self) -> bytes:
        for number, stream in enumerate(self._streams):
            self._do(number, stream.flush)  # only of the last frame is anything left
        out = b"".join(result.result() for result in self._results)
        for thread in self._threads:
            thread.shutdown()
        return out

    def _do(self, number: int, work: Callable[..., bytes], *data: memoryview) -> None:
        self._results.append(self._threads[number].submit(work, *data))


class _Frame:
    """The frame that is being filled."""

    def __init__(self, level: int) -> None:
        self._size = _frame_size(level)
        self.filled = 0
        """Bytes of the layer in it."""

    def parts(self, data: memoryview) -> Iterator[tuple[memoryview, bool]]:
        """What of ``data`` goes into it and into those that follow, and whether a frame is full with that."""
        while data:
            part = data[: self._size - self.filled]
            data = data[len(part) :]
            self.filled = (self.filled + len(part)) % self._size
            yield part, self.filled == 0


_idle: defaultdict[int, list[Any]] = defaultdict(list)
"""The library's stream states that can be used again, by level: each has some 5 MiB, which the kernel would otherwise
allocate and clear for every layer."""


def _idle_context(level: int) -> Any:
    try:
        return _idle[level].pop()
    except IndexError:  # not asked for beforehand: another thread may take the last one meanwhile
        return _zstd_context(level)


def _zstd_context(level: int) -> Any:
    import pyzstd

    parameter = pyzstd.CParameter
    options: dict[int, int] = {parameter.compressionLevel: level}
    if not _is_long_sighted(level):
        options[parameter.windowLog] = _WINDOW_LOG
    if level == _DEFAULT_ZSTD_LEVEL:
        options[parameter.strategy] = pyzstd.Strategy.fast
        options[parameter.hashLog] = _DEFAULT_HASH_LOG
        options[parameter.minMatch] = _DEFAULT_MATCH
    return pyzstd.ZstdCompressor(options)


def _frame_size(level: int) -> int:
    return _LONG_FRAME if _is_long_sighted(level) else _FRAME


def _is_long_sighted(level: int) -> bool:
    return level >= _LONG_SIGHTED


class _Gzip:
    piece_size = PIECE_SIZE
    buffers = 1

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
