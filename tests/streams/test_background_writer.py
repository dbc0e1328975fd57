"""Pieces used by another thread while the next one is collected."""

from __future__ import annotations

import ctypes
import itertools
import mmap
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import MachineError
from sysimage.streams.background_writer import AHEAD, BUFFERS, Use, background_writer, piece_buffers
from sysimage.streams.pieces import Pieces

PIECE = memoryview(bytes(1 << 20))


def test_the_caller_goes_on_while_pieces_are_used_and_waits_when_it_is_too_far_ahead() -> None:
    may_end, used = threading.Event(), []

    def use(piece: memoryview) -> None:
        assert may_end.wait(10)
        used.append((len(piece), threading.current_thread() is threading.main_thread()))

    with background_writer(use) as writer:
        for length in range(AHEAD):
            writer.write(PIECE[:length])
        assert used == []  # one is being used, and we are here
        may_end.set()
        writer.write(PIECE[:AHEAD])
        assert used[0] == (0, False)
    assert used == [(length, False) for length in range(AHEAD + 1)]


def test_what_comes_after_a_failure_is_not_used() -> None:
    seen: list[int] = []

    def use(piece: memoryview) -> None:
        seen.append(len(piece))
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        hand_over_pieces(use, AHEAD + 3)
    assert seen == [len(PIECE)]


def test_every_piece_is_used_in_order() -> None:
    seen: list[int] = []
    before = threading.active_count()
    with background_writer(lambda piece: seen.append(len(piece))) as writer:
        for length in (5, 0, 7):
            writer.write(PIECE[:length])
    assert seen == [5, 0, 7]
    assert threading.active_count() == before


@pytest.mark.parametrize(("number", "of"), [(number, of) for of in range(1, 6) for number in range(of)])
def test_a_failure_at_any_piece_is_raised(number: int, of: int) -> None:
    seen: list[memoryview] = []

    def use(piece: memoryview) -> None:
        seen.append(piece)
        if len(seen) == number + 1:
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        hand_over_pieces(use, of)
    assert len(seen) == number + 1


def hand_over_pieces(use: Use, pieces: int, then: BaseException | None = None) -> None:
    with background_writer(use) as writer:
        for _ in range(pieces):
            writer.write(PIECE)
        if then is not None:
            raise then


@pytest.mark.parametrize("pieces", [1, AHEAD, AHEAD + 1, AHEAD + 2])
def test_what_a_use_raises_is_raised_here_and_its_thread_ends(pieces: int) -> None:
    def fail(piece: memoryview) -> None:
        raise OSError("no space")

    before = threading.active_count()
    with pytest.raises(OSError, match="no space"):
        hand_over_pieces(fail, pieces)
    assert threading.active_count() == before


def test_an_error_of_the_caller_is_the_one_that_is_reported() -> None:
    before = threading.active_count()
    with pytest.raises(KeyError):
        hand_over_pieces(len, 1, KeyError())
    assert threading.active_count() == before


def test_an_interrupt_does_not_wait_for_a_stuck_thread() -> None:
    over = threading.Event()
    before = set(threading.enumerate())
    try:
        with pytest.raises(KeyboardInterrupt):
            hand_over_pieces(lambda piece: over.wait(60), 1, KeyboardInterrupt())
        (left,) = set(threading.enumerate()) - before
        assert left.daemon, "a program does not wait for it in its end"
    finally:
        over.set()
    left.join(10)
    assert not left.is_alive(), "it ends when it can"


@pytest.mark.parametrize("size", [1, 7, 500])
def test_a_piece_stays_as_it_is_while_it_is_used(size: int) -> None:
    data = bytes(range(256)) * (1 if size == 1 else 8)
    out: list[bytes] = []
    steps: Any = threading.Semaphore(0)

    def slowly(piece: memoryview) -> None:
        first = bytes(piece)
        steps.acquire(timeout=0.001)
        assert bytes(piece) == first
        out.append(first)

    with background_writer(slowly) as writer:
        pieces = Pieces(writer.write, size, BUFFERS)
        for start in range(0, len(data), 333):
            pieces.put(data[start : start + 333])
        length = pieces.finish()
    assert b"".join(out) == data[:length]


def address(piece: memoryview) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(piece))


@pytest.mark.parametrize("size", [256 << 10, 512 << 10, 1 << 20, 3 << 20])
def test_pieces_begin_where_pages_do_and_none_is_in_another(size: int) -> None:
    with piece_buffers(size) as memory:
        places = sorted(map(address, memory))
        assert [len(piece) for piece in memory] == [size] * BUFFERS
        assert all(place % mmap.PAGESIZE == 0 for place in places)
        assert all(after - before >= size for before, after in itertools.pairwise(places))
        if size * BUFFERS >= 2 << 20 and Path("/sys/kernel/mm/transparent_hugepage").exists():
            assert places[0] % (2 << 20) == 0, "of huge pages"
        for number, piece in enumerate(memory):
            piece[:] = bytes([number]) * size
        assert [piece[size - 1] for piece in memory] == list(range(BUFFERS))


def test_memory_is_used_again_when_all_went_well() -> None:
    with piece_buffers(1 << 20) as memory:
        first = address(memory[0])
    with piece_buffers(1 << 20) as memory, piece_buffers(1 << 20) as more:
        assert address(memory[0]) == first
        assert address(more[0]) != first


def test_memory_that_a_thread_may_still_use_after_an_error_is_not_used_again() -> None:
    left: list[memoryview] = []

    def fail() -> None:
        with piece_buffers(512 << 10) as memory:
            left.extend(memory)
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    with piece_buffers(512 << 10) as memory:
        assert not {address(piece) for piece in memory} & {address(piece) for piece in left}


def test_a_python_that_does_not_know_where_memory_is_has_pieces_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    with piece_buffers(5 << 20) as memory:
        assert [len(piece) for piece in memory] == [5 << 20] * BUFFERS
        memory[-1][-1] = 1


def test_a_machine_that_has_no_thread_left_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(MachineError, match="cannot write layers: can't start new thread"):
        hand_over_pieces(len, 1)
