"""Every kind of sink writes the same bytes and has the same digest; they differ in what does it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sysimage.streams.sink import Sink, Write, background_sink, plain_sink, streaming_sink
from sysimage.worker_process import WORTH_A_PROCESS

Open = Callable[[Write], AbstractContextManager[Sink]]
SINKS: dict[str, Open] = {
    "plain": lambda write: nullcontext(plain_sink(write, 4096)),
    "background": lambda write: background_sink(write, 4096),
    "behind an offset": lambda write: background_sink(write, 4096, lead=512),
    "hashed in the background": lambda write: background_sink(write, 4096, hash_in_background=True),
    "a few bytes streamed": lambda write: streaming_sink(write, WORTH_A_PROCESS - 1),
    "streamed": lambda write: streaming_sink(write, WORTH_A_PROCESS),
}


def put(sink: Sink, data: bytes, step: int) -> str:
    """Send a stream, collected in pieces, and say its digest."""
    pieces = sink.pieces()
    for start in range(0, len(data), step):
        pieces.put(data[start : start + step])
    assert pieces.finish() == len(data)
    return sink.hexdigest()


@pytest.mark.parametrize("kind", SINKS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.differing_executors], deadline=None)
@given(lengths=st.lists(st.integers(0, 2_000_000), min_size=1, max_size=3), step=st.integers(1000, 70_000))
def test_each_stream_is_written_whole_by_the_time_its_digest_is_known(kind: str, lengths: list[int], step: int) -> None:
    out: list[bytes] = []
    with SINKS[kind](lambda piece: out.append(bytes(piece))) as sink:
        for number, length in enumerate(lengths):
            data = hashlib.shake_256(b"%d" % number).digest(length)
            assert put(sink, data, step) == hashlib.sha256(data).hexdigest()
            assert b"".join(out) == data
            out.clear()


@pytest.mark.parametrize("kind", SINKS)
def test_pieces_have_the_size_of_the_sink_and_the_first_one_ends_where_a_page_does(kind: str) -> None:
    lengths: list[int] = []
    with SINKS[kind](lambda piece: lengths.append(len(piece))) as sink:
        put(sink, bytes(5 * sink.piece_size), 3000)

        assert lengths[0] == sink.piece_size - sink.lead
        assert set(lengths[1:-1]) == {sink.piece_size}


@pytest.mark.parametrize("kind", SINKS)
def test_what_a_write_raises_is_raised_before_there_is_a_digest(kind: str) -> None:
    def full(piece: memoryview) -> None:
        raise OSError("no space left")

    digests: list[str] = []
    before = threading.active_count()
    with pytest.raises(OSError, match="no space left"), SINKS[kind](full) as sink:
        digests.append(put(sink, b"x", 1))
    assert digests == []
    assert threading.active_count() == before


@pytest.mark.parametrize("kind", ["background", "behind an offset", "hashed in the background", "a few bytes streamed"])
def test_a_sink_in_the_background_writes_in_one_other_thread(kind: str) -> None:
    threads: set[int] = set()
    with SINKS[kind](lambda piece: threads.add(threading.get_ident())) as sink:
        for _ in range(2):
            put(sink, bytes(3 * sink.piece_size), 3000)
    assert len(threads) == 1
    assert threads != {threading.get_ident()}
