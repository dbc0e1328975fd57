"""Decompression of layers: the content, bounded, or a refusal."""

import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest
import pyzstd
from hypothesis import given
from hypothesis import strategies as st

from sysimage.verify.compression import Compression, decompressed, sniff
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.limits import DEFAULT_LIMITS


def gzipped(data: bytes) -> bytes:
    compressor = zlib.compressobj(6, zlib.DEFLATED, 31)
    return compressor.compress(data) + compressor.flush()


WRITERS = [(Compression.GZIP, gzipped), (Compression.ZSTD, pyzstd.compress), (Compression.NONE, bytes)]
COMPRESSED = WRITERS[:2]


def read(data: bytes, compression: Compression, piece: int = 1 << 20) -> bytes:
    chunks: Iterator[bytes] = (data[at : at + piece] for at in range(0, len(data), piece))
    return b"".join(decompressed(chunks, compression, DEFAULT_LIMITS))


@given(st.sampled_from(WRITERS), st.lists(st.binary(max_size=300), min_size=1, max_size=3), st.integers(1, 64))
def test_content_comes_back_however_it_is_cut_and_in_how_many_members(
    writer: tuple[Compression, Callable[[bytes], bytes]], parts: list[bytes], piece: int
) -> None:
    compression, compress = writer
    blob = b"".join(compress(part) for part in parts)
    assert read(blob, compression, piece) == b"".join(parts)
    if parts[0]:
        assert compression is Compression.NONE or sniff(blob) is compression


@pytest.mark.parametrize(("compression", "compress"), COMPRESSED)
@pytest.mark.parametrize(
    "spoil", [lambda z: z[:-1], lambda z: z[: len(z) // 2], lambda z: z + b"junk", lambda z: z + bytes(9)]
)
def test_what_ends_early_or_goes_on_is_refused(
    compression: Compression, compress: Callable[[bytes], bytes], spoil: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(MalformedError):
        read(spoil(compress(bytes(range(256)) * 40)), compression)


@pytest.mark.parametrize("at", [-1, -5])
def test_a_wrong_length_or_checksum_at_the_end_of_gzip_is_refused(at: int) -> None:
    blob = bytearray(gzipped(b"content"))
    blob[at] ^= 1
    with pytest.raises(MalformedError, match="broken gzip"):
        read(bytes(blob), Compression.GZIP)


def test_a_zstd_window_beyond_the_cap_is_refused_before_it_is_made() -> None:
    compressor = pyzstd.ZstdCompressor(level_or_option={pyzstd.CParameter.windowLog: 31})
    blob = compressor.compress(b"x" * 1000, pyzstd.ZstdCompressor.FLUSH_BLOCK) + compressor.flush()
    with pytest.raises(MalformedError, match="too much memory"):
        read(blob, Compression.ZSTD)


@pytest.mark.parametrize(("log", "is_taken"), [(27, True), (28, False)])
def test_a_zstd_window_may_be_as_large_as_the_program_takes_without_a_flag(log: int, *, is_taken: bool) -> None:
    # A frame of one raw block; the header only says the window.
    frame = bytes.fromhex("28b52ffd00") + bytes([(log - 10) << 3]) + ((3 << 3) | 1).to_bytes(3, "little") + b"abc"
    if is_taken:
        assert read(frame, Compression.ZSTD) == b"abc"
    else:
        with pytest.raises(MalformedError, match="too much memory"):
            read(frame, Compression.ZSTD)


@pytest.mark.parametrize(("compression", "compress"), COMPRESSED)
def test_a_bomb_is_read_in_small_pieces(compression: Compression, compress: Callable[[bytes], bytes]) -> None:
    blob = compress(bytes(60 << 20))
    tracemalloc.start()
    size = sum(len(piece) for piece in decompressed(iter([blob]), compression, DEFAULT_LIMITS))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 60 << 20
    assert peak < 20 << 20


@pytest.mark.parametrize("magic", [b"BZh9", b"\xfd7zXZ\0", b"\x04\x22\x4d\x18"])
def test_other_compressions_are_named(magic: bytes) -> None:
    with pytest.raises(MalformedError, match="compressed with"):
        sniff(magic + bytes(20))
