"""Decompression of layers: the content, bounded, or a refusal."""

import bz2
import lzma
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest
import pyzstd
from hypothesis import given
from hypothesis import strategies as st

from sysimage.verify.compression import CompressionFormat, decompressed, decompressed_archive, sniff
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.limits import DEFAULT_LIMITS


def gzipped(data: bytes) -> bytes:
    compressor = zlib.compressobj(6, zlib.DEFLATED, 31)
    return compressor.compress(data) + compressor.flush()


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


WRITERS = [
    (CompressionFormat.GZIP, gzipped),
    (CompressionFormat.ZSTD, pyzstd.compress),
    (CompressionFormat.NONE, bytes),
]
COMPRESSED = WRITERS[:2]


def read(data: bytes, compression: CompressionFormat, piece: int = 1 << 20) -> bytes:
    return b"".join(decompressed(in_pieces(data, piece), compression, DEFAULT_LIMITS))


@given(st.sampled_from(WRITERS), st.lists(st.binary(max_size=300), min_size=1, max_size=3), st.integers(1, 64))
def test_content_comes_back_however_it_is_cut_and_in_how_many_members(
    writer: tuple[CompressionFormat, Callable[[bytes], bytes]], parts: list[bytes], piece: int
) -> None:
    compression, compress = writer
    blob = b"".join(compress(part) for part in parts)
    assert read(blob, compression, piece) == b"".join(parts)
    if parts[0]:
        assert compression is CompressionFormat.NONE or sniff(blob) is compression


@pytest.mark.parametrize(("compression", "compress"), COMPRESSED)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda z: z[:-1],
        lambda z: z[: len(z) // 2],
        lambda z: z + b"junk",
        lambda z: z + bytes(9),
        lambda z: z + zlib.compress(b"x"),
    ],
)
def test_what_ends_early_or_goes_on_is_refused(
    compression: CompressionFormat, compress: Callable[[bytes], bytes], spoil: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(MalformedError):
        read(spoil(compress(bytes(range(256)) * 40)), compression)


@pytest.mark.parametrize("at", [-1, -5])
def test_a_wrong_length_or_checksum_at_the_end_of_gzip_is_refused(at: int) -> None:
    blob = bytearray(gzipped(b"content"))
    blob[at] ^= 1
    with pytest.raises(MalformedError, match="broken gzip"):
        read(bytes(blob), CompressionFormat.GZIP)


def test_a_zstd_window_beyond_the_cap_is_refused_before_it_is_made() -> None:
    compressor = pyzstd.ZstdCompressor(level_or_option={pyzstd.CParameter.windowLog: 31})
    blob = compressor.compress(b"x" * 1000, pyzstd.ZstdCompressor.FLUSH_BLOCK) + compressor.flush()
    with pytest.raises(MalformedError, match="too much memory"):
        read(blob, CompressionFormat.ZSTD)


@pytest.mark.parametrize(("log", "is_taken"), [(27, True), (28, False)])
def test_a_zstd_window_may_be_as_large_as_the_program_takes_without_a_flag(log: int, *, is_taken: bool) -> None:
    # A frame of one raw block; the header only says the window.
    frame = bytes.fromhex("28b52ffd00") + bytes([(log - 10) << 3]) + ((3 << 3) | 1).to_bytes(3, "little") + b"abc"
    if is_taken:
        assert read(frame, CompressionFormat.ZSTD) == b"abc"
    else:
        with pytest.raises(MalformedError, match="too much memory"):
            read(frame, CompressionFormat.ZSTD)


@pytest.mark.parametrize(("compression", "compress"), COMPRESSED)
def test_a_bomb_is_read_in_small_pieces(compression: CompressionFormat, compress: Callable[[bytes], bytes]) -> None:
    blob = compress(bytes(32 << 20))
    tracemalloc.start()
    sizes = [len(piece) for piece in decompressed(iter([blob]), compression, DEFAULT_LIMITS)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(sizes) == 32 << 20
    assert max(sizes) == 1 << 20
    assert peak < 20 << 20


@pytest.mark.parametrize(("magic", "name"), [(b"BZh9", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"\x04\x22\x4d\x18", "lz4")])
def test_other_compressions_of_layers_are_named(magic: bytes, name: str) -> None:
    with pytest.raises(MalformedError, match=f"^is compressed with {name}; layers are tar, gzip or zstd$"):
        sniff(magic + bytes(20))


WHOLE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzipped,
    "zstd": pyzstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "padded xz": lambda data: lzma.compress(data) + bytes(8),
}


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("piece", [100, 1 << 20])
def test_an_archive_that_is_compressed_as_a_whole_comes_back(kind: str, piece: int) -> None:
    parts = [b"x", b"", bytes(2_100_000), bytes(range(256)) * 9]
    blobs = [WHOLE[kind](part) for part in parts]

    def read_whole(blob: bytes) -> list[bytes]:
        content = decompressed_archive(in_pieces(blob, piece), DEFAULT_LIMITS)
        assert content is not None
        return list(content)

    pieces = read_whole(b"".join(blobs))
    assert b"".join(pieces) == b"".join(parts)
    assert max(map(len, pieces)) <= 1 << 20
    name = kind.removeprefix("padded ")
    for cut in (b"".join(blobs)[:-9], blobs[-1][: len(blobs[-1]) // 2]):
        with pytest.raises(MalformedError, match=f"^is {name} that ends early$"):
            read_whole(cut)
    if name in ("bzip2", "xz"):
        with pytest.raises(MalformedError, match=f"^is broken {name}: "):
            read_whole(b"".join(blobs) + b"no stream" * 9)


@pytest.mark.parametrize("data", [b"", b"x", bytes(1024), b"\x1f\x8b", b"BZ"])
def test_an_archive_that_is_not_compressed_is_left_alone(data: bytes) -> None:
    assert decompressed_archive(iter([data] if data else []), DEFAULT_LIMITS) is None


@pytest.mark.parametrize(("code", "mebibytes"), [(31, 192), (32, 256)])
def test_an_xz_archive_may_ask_for_less_than_256_mebibytes_of_memory(code: int, mebibytes: int) -> None:
    """Four times as much as xz -9 asks for. The size of its dictionary is in the header of a block."""
    blob = lzma.compress(b"content")
    block = 12
    header = bytearray(blob[block : block + 4 * (blob[block] + 1) - 4])
    header[header.index(b"\x21\x01") + 2] = code
    spoilt = blob[:block] + header + zlib.crc32(header).to_bytes(4, "little") + blob[block + len(header) + 4 :]
    content = decompressed_archive(iter([spoilt]), DEFAULT_LIMITS)
    assert content is not None
    if mebibytes < 256:
        assert b"".join(content) == b"content"
    else:
        with pytest.raises(MalformedError, match=r"^is broken xz: Memory usage limit exceeded"):
            list(content)
