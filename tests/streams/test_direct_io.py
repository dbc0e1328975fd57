"""Bytes written at their places past the page cache, by several processes, are those that were meant."""

from __future__ import annotations

import errno
import mmap
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sysimage.streams.direct_io import DirectWriter, set_length
from sysimage.workers import run_tasks
from tests.support.descriptors import no_descriptor_is_left


@pytest.fixture
def target(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def aligned(data: bytes) -> memoryview:
    """The same bytes at the beginning of a page."""
    pages = mmap.mmap(-1, max(1, len(data)))
    pages[: len(data)] = data
    return memoryview(pages)[: len(data)]


def whole(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size + 1, 0)


@pytest.mark.parametrize("offset", [0, 512, 1024, 4096, 4608, 7])
@pytest.mark.parametrize("length", [0, 1, 512, 4096, 300_000, 1 << 20, (1 << 20) + 512])
def test_what_is_written_at_a_place_is_there(target: int, offset: int, length: int) -> None:
    data = random.Random(length).randbytes(length)
    with DirectWriter(target) as writer:
        assert writer.write(aligned(data), offset) == length
        writer.write(b"before"[:offset], 0)
    assert whole(target)[offset:] == data
    assert whole(target)[: min(6, offset)] == b"before"[:offset] if length else True


def test_neighbours_that_share_a_page_do_not_harm_each_other(target: int) -> None:
    chance = random.Random(1)
    sizes = [512 * chance.randint(1, 5000) for _ in range(40)]
    parts = [chance.randbytes(size) for size in sizes]
    places = [sum(sizes[:number]) for number in range(len(sizes))]

    def work(number: int, report: object) -> None:
        data = aligned(parts[number])
        with DirectWriter(target) as writer:
            for start in range(0, len(data), 1 << 20):
                writer.write(data[start : start + (1 << 20)], places[number] + start)

    run_tasks(chance.sample(range(len(parts)), len(parts)), work, 4, lambda moved: None)
    os.fsync(target)
    assert whole(target) == b"".join(parts)


def test_a_file_system_that_refuses_at_the_first_write_is_written_through_the_cache(
    target: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refused = os.pwrite, []

    def refuse(fd: int, data: Any, offset: int) -> int:
        if fd != target:
            refused.append(offset)
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", refuse)
    data = os.urandom(1 << 20)
    with DirectWriter(target) as writer:
        for start in (512, 512 + len(data)):
            writer.write(aligned(data), start)
    assert whole(target)[512:] == data * 2
    assert len(refused) <= 1, "it is tried once"


def test_a_file_system_that_refuses_to_open_is_written_through_the_cache(
    target: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def refuse_direct(path: str, flags: int) -> int:
        tried.append(flags & os.O_DIRECT)
        raise OSError(errno.EINVAL, "Invalid argument")

    data = os.urandom(1 << 20)
    with monkeypatch.context() as patched, DirectWriter(target) as writer:
        patched.setattr(os, "open", refuse_direct)
        for start in (512, 512 + len(data)):
            writer.write(aligned(data), start)
    assert whole(target)[512:] == data * 2
    assert tried == [os.O_DIRECT], "it is tried once"


K = 1024
SPLIT = {
    "whole pages": (0, 300 * K, (0, 300 * K)),
    "pages from a later one": (8192, 300 * K, (8192, 300 * K)),
    "the fewest that are worth it": (0, 256 * K, (0, 256 * K)),
    "a page less": (0, 252 * K, None),
    "the beginning of a page at the end": (0, 300 * K + 7, (0, 300 * K)),
    "the end of a page at the beginning": (4096 - 7, 300 * K + 7, (4096, 300 * K)),
    "parts of pages at both ends": (5, 300 * K, (4096, 296 * K)),
    "too few pages between": (5, 260 * K, (4096, 256 * K)),
    "just too few pages between": (5, 256 * K, None),
}


@pytest.mark.parametrize(("offset", "length", "direct"), SPLIT.values(), ids=SPLIT)
def test_whole_pages_go_past_the_cache_and_parts_of_pages_never_do(
    offset: int, length: int, direct: tuple[int, int] | None, target: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the file system of the tests takes: it is asked with a descriptor that takes everything."""
    real_open, real_pwrite = os.open, os.pwrite
    written: dict[bool, list[tuple[int, int]]] = {True: [], False: []}

    def opened(path: str, flags: int) -> int:
        assert flags & os.O_DIRECT
        return real_open(path, flags & ~os.O_DIRECT)

    def record(fd: int, data: Any, at: int) -> int:
        written[fd != target].append((at, len(data)))
        return real_pwrite(fd, data, at)

    data = random.Random(length).randbytes(length)
    pages = mmap.mmap(-1, length + 4096)
    begin = offset % 4096
    pages[begin : begin + length] = data
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", opened)
        patched.setattr(os, "pwrite", record)
        with no_descriptor_is_left(), DirectWriter(target) as writer:
            assert writer.write(memoryview(pages)[begin : begin + length], offset) == length
        with pytest.raises(ValueError, match="a write after the end"):
            writer.write(b"x", 0)
    assert whole(target)[offset:] == data
    assert written[True] == ([] if direct is None else [direct])
    through = sum(size for _, size in written[False])
    assert through == length - (0 if direct is None else direct[1])


def test_pieces_are_written_one_after_the_other(target: int) -> None:
    with DirectWriter(target) as writer:
        write = writer.writer_from(3)
        for piece in (b"ab", b"", b"c", b"defg"):
            write(piece)
    assert whole(target) == b"\0\0\0abcdefg"


def test_a_file_gets_its_length_and_what_is_not_a_file_is_left_alone(target: int) -> None:
    set_length(target, 5000)
    assert whole(target) == bytes(5000)
    set_length(target, 3)
    assert whole(target) == bytes(3)
    reading, writing = os.pipe()
    set_length(writing, 5000)
    os.close(reading)
    os.close(writing)


def test_a_short_write_is_gone_on_with(target: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: real(fd, data[: max(512, len(data) // 2)], offset))
    data = os.urandom(1 << 20)
    with DirectWriter(target) as writer:
        writer.write(aligned(data), 1024)
    assert whole(target)[1024:] == data


def test_a_full_disk_is_not_a_reason_to_try_another_way(target: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open, real_pwrite = os.open, os.pwrite

    def full(fd: int, data: Any, at: int) -> int:
        if fd == target:
            return real_pwrite(fd, data, at)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "open", lambda path, flags: real_open(path, flags & ~os.O_DIRECT))
    monkeypatch.setattr(os, "pwrite", full)
    with DirectWriter(target) as writer, pytest.raises(OSError, match="No space left"):
        writer.write(aligned(bytes(1 << 20)), 0)


def test_a_thread_that_is_abandoned_does_not_write_to_what_is_open_by_then(tmp_path: Path) -> None:
    """After an interrupt nothing waits for the thread that writes, and numbers of descriptors are used again."""
    fd = os.open(tmp_path / "layer", os.O_RDWR | os.O_CREAT)
    writer = DirectWriter(fd)
    write = writer.writer_from(0)
    write(aligned(bytes(1 << 20)))
    writer.close()
    os.close(fd)
    others = [os.open(tmp_path / f"other-{number}", os.O_RDWR | os.O_CREAT) for number in range(4)]
    assert fd in others
    with pytest.raises(ValueError, match="after the end"):
        write(aligned(bytes(1 << 20)))
    assert [os.fstat(other).st_size for other in others] == [0] * 4
    for other in others:
        os.close(other)


def test_closing_waits_for_the_write_that_has_begun(target: int, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_go_on = threading.Event(), threading.Event()
    real = os.pwrite

    def slow(fd: int, data: Any, offset: int) -> int:
        begun.set()
        assert may_go_on.wait(10)
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", slow)
    writer = DirectWriter(target)
    writing = threading.Thread(target=writer.write, args=(b"data", 0))
    closing = threading.Thread(target=writer.close)
    writing.start()
    assert begun.wait(10)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive()
    may_go_on.set()
    closing.join(10)
    assert not closing.is_alive()
    assert whole(target) == b"data"
    writing.join()
