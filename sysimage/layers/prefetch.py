"""Reads ahead where the files are not in memory yet.

A store has so many small files that a disk's latency, not its throughput, decides about a cold build; asking the kernel
for the files ahead of their turn is worth more than anything else. If the files are in memory, it only costs time, so a
few files are checked first.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from sysimage.errors import IntegrityError
from sysimage.layers.items import FOR_LAYER, walk_item
from sysimage.layers.source import LayerSource
from sysimage.store.items import StoreItem
from sysimage.store.walk import OPEN_FLAGS, ContentVisitor, Entry, Visitor
from sysimage.worker_process import helping, worth_a_process

_SAMPLES = 24


@contextlib.contextmanager
def prefetching(sources: Sequence[LayerSource]) -> Iterator[None]:
    """While this is open, another process asks the kernel for the files of ``sources``, in their order, if most of a
    sample of them are not in memory."""
    if not worth_a_process(sum(source.weight for source in sources)) or not _is_cold(sources):
        yield
        return
    with helping("read ahead", lambda line: _ask(sources)):
        yield


def _is_cold(sources: Sequence[LayerSource]) -> bool:
    items = [item for source in sources for item in source.items]
    step = max(1, len(items) // _SAMPLES)
    looked_at = [in_memory for item in items[::step] if (in_memory := _in_memory(item)) is not None]
    return looked_at.count(False) * 2 > len(looked_at)


def _in_memory(item: StoreItem) -> bool | None:
    """Whether the end of the item's first file is in memory; None if it has none, or the file system cannot say."""
    try:
        walk_item(item, _Sample())
    except _Answer as answer:
        return answer.in_memory
    except (OSError, IntegrityError):
        pass
    return None


class _Answer(Exception):  # noqa: N818 (ends a walk that has seen enough)
    def __init__(self, in_memory: bool) -> None:
        self.in_memory = in_memory


class _Sample(ContentVisitor):
    """Asks the kernel for the last byte of the first file that has one, if that costs no wait; raises the answer."""

    __slots__ = ()
    purpose = FOR_LAYER

    def content(self, entry: Entry, name: bytes, fd: int, size: int, executable: bool) -> None:
        if not size:
            return
        try:
            os.preadv(fd, [bytearray(1)], size - 1, os.RWF_NOWAIT)
        except BlockingIOError:
            raise _Answer(False) from None
        raise _Answer(True)

    def target(self, entry: Entry, name: bytes, target: bytes) -> None:
        pass


def _ask(sources: Sequence[LayerSource]) -> None:
    asking = _Ask()
    with contextlib.suppress(OSError, IntegrityError):  # the reader of the layer reports every error
        for source in sources:
            for item in source.items:
                walk_item(item, asking)


class _Ask(Visitor):
    """Asks the kernel for each file, in the order in which they will be read."""

    __slots__ = ()
    purpose = FOR_LAYER

    def file(self, entry: Entry, name: bytes) -> None:
        fd = os.open(entry.path, OPEN_FLAGS)
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(fd)

    def link(self, entry: Entry, name: bytes) -> None:
        pass
