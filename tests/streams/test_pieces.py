"""The buffer: pieces of one size, whatever ends where."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sysimage.errors import IntegrityError
from sysimage.streams.pieces import PieceObserver, Pieces


def collected(size: int) -> tuple[Pieces, list[bytes]]:
    out: list[bytes] = []
    return Pieces(lambda piece: out.append(bytes(piece)), size), out


def put_file(pieces: Pieces, path: Path, head: bytes, tail: bytes, witness: PieceObserver | None = None) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        pieces.put_file(head, fd, path.stat().st_size, tail, os.fsencode(path), witness)
    finally:
        os.close(fd)


@pytest.mark.parametrize("over", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize(("head", "content", "tail"), [(10, 50, 40), (99, 0, 1), (1, 99, 0), (0, 100, 0), (100, 0, 0)])
def test_a_file_may_end_exactly_where_the_buffer_does(
    tmp_path: Path, head: int, content: int, tail: int, over: int
) -> None:
    (tmp_path / "file").write_bytes(b"c" * content)
    pieces, out = collected(100 + over)
    put_file(pieces, tmp_path / "file", b"h" * head, b"t" * tail)
    pieces.put(b"more")

    assert pieces.length == 104
    assert pieces.finish() == 104
    assert b"".join(out) == b"h" * head + b"c" * content + b"t" * tail + b"more"
    assert [len(piece) for piece in out[:-1]] == [100 + over] * (len(out) - 1)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 60), st.integers(0, 9)), max_size=6),
    size=st.integers(1, 70),
    witness_size=st.integers(1, 70),
)
def test_pieces_are_the_stream_cut_at_equal_lengths_and_a_witness_sees_the_files(
    tmp_path: Path, sizes: list[tuple[int, int, int]], size: int, witness_size: int
) -> None:
    pieces, out = collected(size)
    seen: list[bytes] = []
    witness = PieceObserver(lambda part: seen.append(bytes(part)), witness_size)
    stream = contents = b""
    for number, (head, content, tail) in enumerate(sizes):
        data = bytes([number + 65]) * content
        (tmp_path / "file").write_bytes(data)
        put_file(pieces, tmp_path / "file", b"h" * head, b"t" * tail, witness)
        stream += b"h" * head + data + b"t" * tail
        contents += data
    pieces.finish()
    witness.flush()

    assert out == [stream[start : start + size] for start in range(0, len(stream), size)]
    assert b"".join(seen) == contents
    assert witness.length == len(contents)


@given(
    parts=st.lists(st.integers(0, 40), max_size=9),
    size_and_lead=st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))),
)
def test_a_lead_makes_the_first_piece_shorter_and_the_others_end_with_their_memory(
    parts: list[int], size_and_lead: tuple[int, int]
) -> None:
    size, lead = size_and_lead
    out: list[bytes] = []
    pieces = Pieces(lambda piece: out.append(bytes(piece)), size, lead=lead)
    stream = b""
    for number, length in enumerate(parts):
        pieces.put(bytes([number + 1]) * length)
        stream += bytes([number + 1]) * length
        assert pieces.length == len(stream)
    assert pieces.finish() == len(stream)

    whole = bytes(lead) + stream
    assert b"".join(out) == stream
    assert [len(piece) for piece in out[1:-1]] == [size] * (len(out) - 2)
    assert len(out) == (-(-len(whole) // size) if stream else 0)


@given(st.lists(st.sampled_from([0, 1, 50, 16_383, 16_384, 70_000, 131_072, 200_000]), max_size=9))
def test_a_witness_copies_what_is_short_and_hands_on_what_is_long(lengths: list[int]) -> None:
    parts = [bytes([number + 1]) * length for number, length in enumerate(lengths)]
    seen: list[bytes] = []
    witness = PieceObserver(lambda part: seen.append(bytes(part)))
    for part in parts:
        witness.put(part)
    witness.flush()

    assert b"".join(seen) == b"".join(parts)
    assert [part for part in seen if len(part) >= 1 << 17] == [part for part in parts if len(part) >= 1 << 17]
    assert all(seen)


@pytest.mark.parametrize("promised", [0, 5, 9, 11, 40])
@pytest.mark.parametrize("size", [3, 9, 13, 14, 20, 1000])
@pytest.mark.parametrize("tail", [b"", b"tail"])
def test_a_file_of_another_length_than_promised_is_an_error(
    tmp_path: Path, promised: int, size: int, tail: bytes
) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    pieces, _ = collected(size)
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        with pytest.raises(IntegrityError) as caught:
            pieces.put_file(b"head", fd, promised, tail, b"file")
    finally:
        os.close(fd)
    assert caught.value.message == f"cannot read file: it changed while it was read (it was {promised} bytes long)"
    assert caught.value.hint == "a store is read-only; build again when nothing writes to it"


def test_streams_that_are_open_at_the_same_time_have_buffers_of_their_own() -> None:
    collected(50)[0].finish()  # its piece stays
    (first, of_first), (second, of_second) = collected(50), collected(50)
    for _ in range(30):
        first.put(b"abc")
        second.put(b"xy")
    first.finish()
    third, of_third = collected(50)
    third.put(b"z" * 40)
    second.finish()
    third.finish()

    assert [b"".join(out) for out in (of_first, of_second, of_third)] == [b"abc" * 30, b"xy" * 30, b"z" * 40]


@pytest.mark.parametrize("buffers", [2, 3])
def test_the_last_pieces_of_a_stream_with_several_buffers_stay_as_they_are(buffers: int) -> None:
    out: list[memoryview] = []
    pieces = Pieces(out.append, 50, buffers)
    data = bytes(range(50 * buffers - 30))
    pieces.put(data)
    pieces.finish()
    others = [collected(50)[0] for _ in range(2)]
    for other in others:
        other.put(b"z" * 49)
    assert b"".join(out) == data


@pytest.mark.parametrize("head", [0, 3])
@pytest.mark.parametrize("tail", [0, 2])
def test_a_piece_is_handed_on_as_soon_as_it_is_full(head: int, tail: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"c" * (10 - head - tail))
    pieces, out = collected(10)
    put_file(pieces, tmp_path / "file", b"h" * head, b"t" * tail)
    assert (len(out), pieces.emitted, pieces.length) == (1, 10, 10)
    pieces.put(b"x" * 10)
    assert (len(out), pieces.emitted, pieces.length) == (2, 20, 20)


def test_a_piece_has_a_mebibyte_on_which_compressed_layers_depend() -> None:
    lengths: list[int] = []
    pieces = Pieces(lambda piece: lengths.append(len(piece)))
    pieces.put(bytes((1 << 20) + 5))
    pieces.finish()
    assert lengths == [1 << 20, 5]


@pytest.mark.parametrize(("length", "is_copied"), [(16_383, True), (16_384, False), (200_000, False)])
def test_only_what_is_short_is_copied_for_a_witness(length: int, is_copied: bool) -> None:
    data = bytes(length)
    seen: list[memoryview] = []
    witness = PieceObserver(seen.append)
    witness.put(data)
    witness.flush()
    assert [part.obj is data for part in seen] == [not is_copied]


def test_what_is_copied_for_a_witness_comes_in_pieces_of_up_to_128_kibibytes() -> None:
    lengths: list[int] = []
    witness = PieceObserver(lambda part: lengths.append(len(part)))
    for _ in range(17):
        witness.put(bytes(8192))
    witness.flush()
    assert lengths == [1 << 17, 8192]


@pytest.mark.parametrize(("size", "lead"), [(0, 0), (1, 1), (5, 5), (5, -1)])
def test_a_piece_has_at_least_a_byte(size: int, lead: int) -> None:
    with pytest.raises(ValueError, match=f"a piece of {size} bytes with a lead of {lead}"):
        Pieces(len, size, lead=lead)
