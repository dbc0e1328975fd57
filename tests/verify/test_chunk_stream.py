"""Bytes that come in chunks and are taken in other amounts."""

from __future__ import annotations

import random

import pytest

from sysimage.verify.chunk_stream import ChunkStream
from sysimage.verify.issue_collector import MalformedError


def in_chunks(chance: random.Random) -> list[bytes]:
    return [chance.randbytes(chance.choice((0, 1, 3, 8))) for _ in range(chance.randrange(6))]


@pytest.mark.parametrize("seed", range(4))
def test_what_is_taken_in_any_amounts_is_the_stream(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        chunks = in_chunks(chance)
        whole = b"".join(chunks)
        stream = ChunkStream(iter(chunks))
        at = 0
        assert stream.offset == 0
        for _ in range(chance.randrange(8)):
            size = chance.randrange(min(12, len(whole) - at + 3))
            wanted = whole[at : at + size]
            at += len(wanted)
            if chance.random() < 0.4:
                assert stream.take(size) == wanted
            elif len(wanted) < size:
                with pytest.raises(MalformedError) as caught:
                    stream.skip(size) if chance.random() < 0.5 else list(stream.pieces(size))
                assert str(caught.value) == f"ends {size - len(wanted)} bytes early, inside a file's content"
            elif chance.random() < 0.5:
                stream.skip(size)
            else:
                assert b"".join(stream.pieces(size)) == wanted
            assert stream.offset == at
        assert b"".join(stream.rest()) == whole[at:]
        assert stream.offset == len(whole)


@pytest.mark.parametrize("seed", range(4))
def test_no_piece_is_empty_or_larger_than_what_came(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        chunks = in_chunks(chance)
        stream = ChunkStream(iter(chunks))
        pieces = [*stream.pieces(chance.randint(0, sum(map(len, chunks)))), *stream.rest()]
        assert all(0 < len(piece) <= max(map(len, chunks), default=0) for piece in pieces)
