"""Bytes that come in chunks and are taken in other amounts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.verify.chunk_stream import ChunkStream
from sysimage.verify.issue_collector import MalformedError

steps = st.lists(st.tuples(st.sampled_from(["take", "pieces", "skip"]), st.integers(0, 12)), max_size=8)


@given(st.lists(st.binary(max_size=9), max_size=6), steps)
def test_what_is_taken_in_any_amounts_is_the_stream(chunks: list[bytes], steps: list[tuple[str, int]]) -> None:
    whole = b"".join(chunks)
    stream = ChunkStream(iter(chunks))
    at = 0
    assert stream.offset == 0
    for how, size in steps:
        wanted = whole[at : at + size]
        at += len(wanted)
        if how == "take":
            assert stream.take(size) == wanted
        elif len(wanted) < size:
            short = f"^ends {size - len(wanted)} bytes early, inside a file's content$"
            with pytest.raises(MalformedError, match=short):
                stream.skip(size) if how == "skip" else list(stream.pieces(size))
        elif how == "skip":
            stream.skip(size)
        else:
            assert b"".join(stream.pieces(size)) == wanted
        assert stream.offset == at
    assert b"".join(stream.rest()) == whole[at:]
    assert stream.offset == len(whole)


@given(st.lists(st.binary(max_size=9), max_size=6), st.integers(0, 20))
def test_no_piece_is_empty_or_larger_than_what_came(chunks: list[bytes], size: int) -> None:
    stream = ChunkStream(iter(chunks))
    largest = max(map(len, chunks), default=0)
    size = min(size, sum(map(len, chunks)))
    pieces = [*stream.pieces(size), *stream.rest()]
    assert all(0 < len(piece) <= largest for piece in pieces)
