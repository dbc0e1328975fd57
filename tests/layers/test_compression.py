"""Compressed layers: bytes that reproduce, and that every decompressor reads."""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.metadata
import io
import random
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import pyzstd
from isal import isal_zlib

from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.layers import Compression, LayerSource, write_layer
from sysimage.layers.blob import layer_sink
from sysimage.process import run
from sysimage.rootfs import Entry
from sysimage.streams.sink import plain_sink

FRAME, LONG_FRAME, WINDOW = 8 << 20, 32 << 20, 4 << 20
ALL = ["none", "gzip", "gzip:2", "gzip:6", "zstd", "zstd:1", "zstd:9"]


@functools.cache
def text(size: int) -> bytes:
    """Bytes with some order in them, the same every time."""
    chance = random.Random(size)
    words = [chance.randbytes(chance.randint(1, 9)) for _ in range(300)]
    page = b"".join(chance.choices(words, k=60_000))
    return b"".join(page[start : start + 4096] for start in chance.choices(range(200_000), k=-(-size // 4096)))[:size]


@pytest.fixture(scope="module")
def source() -> LayerSource:
    return LayerSource("x", (), (Entry.file("/data", text(1_300_000)), Entry.file("/small", b"small")))


def blob(source: LayerSource, compression: str, threads: int = 1) -> bytes:
    out = io.BytesIO()
    layer = write_layer(source, Compression.parse(compression), plain_sink(out.write), threads=threads)
    assert layer.descriptor.digest == Digest.of(out.getvalue())
    assert layer.descriptor.size == len(out.getvalue())
    return out.getvalue()


def decompress(data: bytes, kind: str) -> bytes:
    ways: dict[str, Callable[[bytes], bytes]] = {"none": bytes, "gzip": gzip.decompress, "zstd": pyzstd.decompress}
    return ways[kind](data)


@pytest.mark.parametrize("name", ALL)
def test_every_kind_decompresses_to_the_archive_with_the_diff_id(source: LayerSource, name: str) -> None:
    out = io.BytesIO()
    layer = write_layer(source, Compression.parse(name), plain_sink(out.write))
    archive = decompress(out.getvalue(), name.partition(":")[0])

    assert layer.diff_id == Digest.of(archive)
    assert layer.tar_size == len(archive)
    assert archive == blob(source, "none")


@pytest.mark.parametrize("name", ALL)
def test_the_number_of_threads_does_not_change_the_blob(source: LayerSource, name: str) -> None:
    assert blob(source, name, threads=1) == blob(source, name, threads=2) == blob(source, name, threads=4)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", ALL)
def test_a_slow_write_gets_the_same_blob_in_whole_pieces(source: LayerSource, name: str, threads: int) -> None:
    out = io.BytesIO()
    lengths = []

    def write(piece: memoryview) -> None:
        lengths.append(len(piece))
        out.write(piece)

    compression = Compression.parse(name)
    with layer_sink(compression, write) as slow:
        layer = write_layer(source, compression, slow, threads=threads)

    assert out.getvalue() == blob(source, name)
    assert layer.descriptor.size == sum(lengths)
    assert set(lengths[:-1]) <= {1 << 20 if name == "none" else 256 << 10}


@pytest.mark.parametrize("name", ALL)
def test_what_a_slow_write_raises_is_raised(source: LayerSource, name: str) -> None:
    def full(piece: memoryview) -> None:
        raise OSError("no space left")

    compression = Compression.parse(name)
    with pytest.raises(OSError, match="no space left"), layer_sink(compression, full) as slow:
        write_layer(source, compression, slow)


@pytest.mark.parametrize("name", ["gzip", "gzip:6"])
def test_the_gzip_header_says_nothing_about_time_system_or_library(source: LayerSource, name: str) -> None:
    assert blob(source, name)[:10] == bytes.fromhex("1f8b08000000000000ff")


def test_zlib_of_the_same_pieces_gives_the_same_gzip_stream(source: LayerSource) -> None:
    archive = blob(source, "none")
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)

    assert blob(source, "gzip:6")[10:-8] == deflate.compress(archive) + deflate.flush()


@pytest.mark.programs
def test_the_programs_read_what_we_write(source: LayerSource, tmp_path: Path) -> None:
    for name, program in (("gzip", "gzip"), ("zstd", "zstd")):
        (tmp_path / name).write_bytes(blob(source, name))

        assert run([program, "-dc", tmp_path / name]).stdout == blob(source, "none")


def test_gzip_counts_a_layer_beyond_4_gib_as_its_format_says() -> None:
    compressor = Compression.parse("gzip").compressor()
    assert compressor is not None
    piece = memoryview(bytes(256 << 20))
    for _ in range(16):
        compressor.compress(piece)
    compressor.compress(piece[:7])
    assert compressor.flush()[-4:] == (7).to_bytes(4, "little"), "the length modulo 2**32"


@pytest.mark.parametrize("name", ["gzip:0", "gzip:10", "zstd:0", "zstd:99", "xz", "", "none:1", "gzip:", "gzip:x"])
def test_what_there_is_not_is_refused_with_what_there_is(name: str) -> None:
    with pytest.raises(SpecError, match=f"^cannot compress layers with '{name}': ") as caught:
        Compression.parse(name)
    assert caught.value.hint == "say none, gzip, gzip:1 to gzip:9, zstd, or zstd:1 to zstd:19"


@pytest.mark.parametrize(
    ("kind", "level", "fault"),
    [
        ("xz", 1, "no such compression: 'xz'"),
        ("none", 1, "none has levels 0 to 0, not 1"),
        ("gzip", 0, "gzip has levels 1 to 9, not 0"),
        ("gzip", 10, "gzip has levels 1 to 9, not 10"),
        ("zstd", 0, "zstd has levels 1 to 19, not 0"),
        ("zstd", 20, "zstd has levels 1 to 19, not 20"),
    ],
)
def test_a_level_is_one_that_the_kind_has(kind: str, level: int, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{fault}$"):
        Compression(kind, level)
    with pytest.raises(SpecError, match="cannot compress layers with 'none:': none has no level"):
        Compression.parse("none:")


def test_a_kind_has_its_levels_media_type_and_default() -> None:
    assert Compression() == Compression.parse("gzip") == Compression("gzip", 1)
    assert Compression.parse("zstd") == Compression("zstd", 3)
    assert Compression.parse("none") == Compression("none", 0)
    assert [Compression.parse(name) for name in ("gzip:9", "zstd:1", "zstd:19")] == [
        Compression("gzip", 9), Compression("zstd", 1), Compression("zstd", 19),
    ]  # fmt: skip
    assert [Compression.parse(name).media_type for name in ("none", "gzip", "zstd")] == [
        f"application/vnd.oci.image.layer.v1.tar{suffix}" for suffix in ("", "+gzip", "+zstd")
    ]
    assert Compression.parse("none").compressor() is None


def test_nothing_compressed_is_still_a_stream_that_ends() -> None:
    for name in ("gzip", "gzip:6", "zstd"):
        for threads in (1, 2):
            compressor = Compression.parse(name).compressor(threads)
            assert compressor is not None
            assert decompress(compressor.flush(), name.partition(":")[0]) == b""


@pytest.mark.parametrize("level", [3, 9])
def test_gzip_above_the_second_level_is_zlibs(level: int) -> None:
    data = text(100_000)
    deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
    expected = deflate.compress(data) + deflate.flush()
    compressor = Compression("gzip", level).compressor()
    assert compressor is not None
    assert (compressor.compress(memoryview(data)) + compressor.flush())[10:-8] == expected


@pytest.mark.parametrize("level", [1, 2])
def test_gzip_of_the_first_levels_is_isa_ls_of_whole_pieces(level: int) -> None:
    data = text(100_000)
    deflate = isal_zlib.compressobj(level, isal_zlib.DEFLATED, -15)
    expected = deflate.compress(data) + deflate.flush()
    compressor = Compression("gzip", level).compressor()
    assert compressor is not None
    blob = compressor.compress(memoryview(data)) + compressor.flush()
    assert blob[10:-8] == expected
    assert blob[-8:] == zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")


@pytest.mark.parametrize("name", ["none", "gzip:1", "gzip:9", "zstd:3"])
def test_a_compression_prints_as_it_is_written(name: str) -> None:
    assert str(Compression.parse(name)) == name


def test_the_library_that_decides_about_the_bytes_is_named() -> None:
    isal, zlibs = f"isal {importlib.metadata.version('isal')}", f"zlib {zlib.ZLIB_RUNTIME_VERSION}"
    expected = {"none": "", "gzip:1": isal, "gzip:2": isal, "gzip:3": zlibs, "gzip:9": zlibs}
    expected["zstd"] = f"zstd {pyzstd.zstd_version}"
    assert {name: Compression.parse(name).library for name in expected} == expected


@pytest.mark.parametrize(
    ("level", "frame_size", "size"),
    [
        *((1, FRAME, size) for size in (0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 2 * FRAME + 12_345)),
        (9, FRAME, FRAME + 1),
        (10, LONG_FRAME, LONG_FRAME + 1),
    ],
)
def test_zstd_makes_a_frame_of_every_few_mib_however_it_is_fed(level: int, frame_size: int, size: int) -> None:
    data = memoryview((text(1 << 20) * (size // (1 << 20) + 1))[:size])
    blobs = set()
    for threads, piece in ((1, 1 << 20), (1, 3_333_333), (2, 1 << 20), (3, 20 << 20)):
        compressor = Compression("zstd", level).compressor(threads)
        assert compressor is not None
        pieces = [compressor.compress(data[start : start + piece]) for start in range(0, size, piece)]
        blobs.add(b"".join([*pieces, compressor.flush()]))
    (blob,) = blobs

    frames = 0
    while blob:
        frame = pyzstd.ZstdDecompressor()
        content = frame.decompress(blob)
        assert content == data[: len(content)]
        assert len(content) == min(frame_size, len(data))
        data, blob = data[len(content) :], frame.unused_data
        frames += 1
    assert not data
    assert frames == max(1, -(-size // frame_size))


def test_a_compressor_keeps_no_more_pieces_than_it_needs() -> None:
    """What waits for several threads is three quarters of a frame for each but one, and the piece that comes next."""

    def memory(name: str, threads: int) -> tuple[int, int]:
        compressor = Compression.parse(name).compressor(threads)
        assert compressor is not None
        return compressor.buffers, compressor.piece_size

    piece = 256 << 10
    assert memory("gzip", 3) == memory("gzip:9", 1) == (1, 1 << 20)
    assert memory("zstd", 1) == memory("zstd:19", 1) == (1, piece)
    for level, frame in (("1", FRAME), ("9", FRAME), ("10", LONG_FRAME), ("19", LONG_FRAME)):
        assert memory(f"zstd:{level}", 2) == (frame * 3 // 4 // piece + 1, piece)
        assert memory(f"zstd:{level}", 4) == (3 * frame * 3 // 4 // piece + 1, piece)


def test_one_thread_is_the_callers() -> None:
    before = threading.active_count()
    for compressor in (Compression("zstd", 1).compressor(), Compression("zstd", 1).compressor(1)):
        assert compressor is not None
        compressor.compress(memoryview(b"data"))
        assert threading.active_count() == before
        compressor.flush()


def test_threads_end_with_the_layer() -> None:
    before = threading.active_count()
    compressor = Compression("zstd", 1).compressor(3)
    assert compressor is not None
    compressor.compress(memoryview(bytes(FRAME + 1)))
    compressor.flush()
    assert threading.active_count() == before


@pytest.mark.parametrize("name", ["zstd", "zstd:1"])
def test_several_threads_see_each_piece_as_it_was(name: str) -> None:
    noise = hashlib.shake_256(b"noise").digest(2 * FRAME + 12_345)  # takes longer to compress than to be put there
    source = LayerSource("x", (), (Entry.file("/data", noise),))

    assert blob(source, name, threads=1) == blob(source, name, threads=2) == blob(source, name, threads=3)


@pytest.mark.parametrize("level", range(1, 10))
def test_zstd_looks_back_over_4_mib(level: int) -> None:
    noise = random.Random(0).randbytes(100_000)
    data = noise + bytes(WINDOW - 2 * len(noise)) + noise  # further apart than most levels look back by themselves
    compressor = Compression("zstd", level).compressor()
    assert compressor is not None
    assert len(compressor.compress(memoryview(data)) + compressor.flush()) < 1.1 * len(noise)


@pytest.mark.parametrize("level", range(1, 10))
def test_zstd_asks_its_readers_for_no_more_than_4_mib(level: int) -> None:
    compressor = Compression("zstd", level).compressor()
    assert compressor is not None
    blob = compressor.compress(memoryview(text(FRAME + 1))) + compressor.flush()
    most: dict[int, int] = {pyzstd.DParameter.windowLogMax: WINDOW.bit_length() - 1}
    assert len(pyzstd.decompress(blob, option=most)) == FRAME + 1


def test_a_long_lived_process_compresses_each_layer_alike_whatever_came_before() -> None:
    layers = [text(FRAME + 1), text(999), text(2 * FRAME)]
    blobs: dict[int, set[bytes]] = {}
    for number in (0, 1, 2, 1, 0, 2):
        for level in (3, 1):
            compressor = Compression("zstd", level).compressor()
            assert compressor is not None
            blob = compressor.compress(memoryview(layers[number])) + compressor.flush()
            blobs.setdefault(10 * level + number, set()).add(blob)
    assert [len(made) for made in blobs.values()] == [1] * 6


def test_a_layer_that_was_given_up_leaves_nothing_in_the_next_one() -> None:
    data = memoryview(text(FRAME // 2))

    def compressed() -> bytes:
        stream = Compression("zstd").compressor()
        assert stream is not None
        return stream.compress(data) + stream.flush()

    expected = compressed()
    given_up = Compression("zstd").compressor()
    assert given_up is not None
    given_up.compress(data)
    assert compressed() == expected
    del given_up
    assert compressed() == expected
