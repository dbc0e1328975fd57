"""Direct I/O: bytes written past the page cache, at many places of one file at a time."""

from __future__ import annotations

import errno
import mmap
import os
import stat
import threading
from collections.abc import Callable
from typing import Self

PAGE = max(4096, mmap.PAGESIZE)
"""Bytes that are written past the page cache as a whole or not at all."""
_WORTH_DIRECT = 256 << 10
"""Bytes below which a write past the page cache is not worth its wait."""


def set_length(fd: int, size: int) -> None:
    """Give a new file its length, so that writers at many places do not wait for one another to extend it."""
    if stat.S_ISREG(os.fstat(fd).st_mode):
        os.ftruncate(fd, size)


def write_at(fd: int, data: bytes | memoryview, offset: int) -> int:
    """Write all of ``data`` at ``offset``, through the page cache; returns its length."""
    rest = memoryview(data)
    while rest:
        count = os.pwrite(fd, rest, offset)
        offset += count
        rest = rest[count:]
    return len(data)


class DirectWriter:
    """Writes at given places of an open file, past the page cache where that can be done.

    What was just hashed is not needed in memory again, and pages that are made only to be written to the disk cost as
    much as reading the files. Whole pages go straight to the disk; what begins or ends within a page goes through the
    cache, always, so that a page is never written in both ways. If a file system refuses direct I/O, everything goes
    through the cache.

    After `close`, which waits for a write that has begun, nothing is written: a thread that was left alone must not
    write to what has the descriptor's number by then.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._direct: int | None = None
        self._refused = False
        self._closed = False
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing more will be written; the file itself stays open."""
        with self._one_at_a_time:
            self._closed = True
            self._leave_direct()

    def _leave_direct(self) -> None:
        if self._direct is not None:
            os.close(self._direct)
            self._direct = None

    def writer_from(self, offset: int) -> Callable[[bytes | memoryview], None]:
        """A function that writes one piece after the other, from ``offset`` on."""

        def write(data: bytes | memoryview) -> None:
            nonlocal offset
            offset += self.write(data, offset)

        return write

    def write(self, data: bytes | memoryview, offset: int) -> int:
        """Write all of ``data`` at ``offset``; returns its length. Memory at a page's boundary goes best."""
        with self._one_at_a_time:
            if self._closed:
                raise ValueError("a write after the end")
            return self._write(memoryview(data), offset)

    def _write(self, rest: memoryview, offset: int) -> int:
        begin = -offset % PAGE
        end = len(rest) - (offset + len(rest)) % PAGE
        if end - begin < _WORTH_DIRECT:
            return write_at(self._fd, rest, offset)
        write_at(self._fd, rest[:begin], offset)
        done = begin
        while done < end and done % PAGE == begin and (direct := self._past_the_cache()) is not None:
            try:
                done += os.pwrite(direct, rest[done:end], offset + done)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                self._refused = True
                self._leave_direct()
        write_at(self._fd, rest[done:], offset + done)
        return len(rest)

    def _past_the_cache(self) -> int | None:
        if self._direct is None and not self._refused:
            try:
                self._direct = os.open(f"/proc/self/fd/{self._fd}", os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
            except OSError:
                self._refused = True
        return self._direct
