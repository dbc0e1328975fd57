"""Hashing by another process."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sysimage.errors import MachineError
from sysimage.streams.hash_process import HashProcess, hash_process
from sysimage.streams.pieces import Pieces
from sysimage.worker_process import WORTH_A_PROCESS


@pytest.fixture
def hasher() -> Iterator[HashProcess]:
    with hash_process(WORTH_A_PROCESS) as hasher:
        assert hasher is not None
        yield hasher


def put_stream(hasher: HashProcess, data: bytes) -> str:
    pieces = Pieces(hasher.update, hasher.piece_size, hasher.buffers)
    for start in range(0, len(data), 300_001):
        pieces.put(data[start : start + 300_001])
    pieces.finish()
    return hasher.hexdigest()


def test_each_stream_has_the_digest_of_its_bytes(hasher: HashProcess) -> None:
    noise = hashlib.shake_256(b"noise").digest(7 * hasher.piece_size)
    for data in (noise, b"", noise[:1], noise[5 : 4 * hasher.piece_size + 5], noise[:-1]):
        assert put_stream(hasher, data) == hashlib.sha256(data).hexdigest()


def test_few_bytes_are_not_worth_a_process() -> None:
    with hash_process(WORTH_A_PROCESS - 1) as hasher:
        assert hasher is None
        assert multiprocessing.active_children() == []


def test_a_caller_that_leaves_in_the_middle_of_a_stream_leaves_no_process() -> None:
    with hash_process(WORTH_A_PROCESS) as hasher:
        assert hasher is not None
        Pieces(hasher.update, hasher.piece_size, hasher.buffers).put(bytes(3 * hasher.piece_size))
        assert len(multiprocessing.active_children()) == 1
    assert multiprocessing.active_children() == []


def test_a_helper_that_was_killed_is_reported(hasher: HashProcess) -> None:
    (helper,) = multiprocessing.active_children()
    helper.kill()
    helper.join()
    with pytest.raises(MachineError, match=r"cannot hash the layers: a worker process was killed \(SIGKILL\)"):
        put_stream(hasher, bytes(3 * hasher.piece_size))


def test_the_helper_does_not_outlive_a_parent_that_was_killed() -> None:
    reading, writing = os.pipe()
    parent = os.fork()
    if not parent:
        with hash_process(WORTH_A_PROCESS):
            (helper,) = multiprocessing.active_children()
            os.write(writing, b"%d\n" % (helper.pid or 0))
            os.kill(os.getpid(), signal.SIGKILL)
    number = int(os.read(reading, 20))
    os.waitpid(parent, 0)
    os.close(reading)
    os.close(writing)
    until = time.monotonic() + 10
    while lives(number):
        assert time.monotonic() < until
        time.sleep(0.01)


def lives(number: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{number}/status").read_text()
    except OSError:
        return False
