"""Reads ahead where the files are not in memory yet.

A store has so many small files that a disk's latency, not its throughput, decides about a cold build; asking the kernel
for the files ahead of their turn is worth more than anything else. Where they are in memory it only costs, so a few
files are looked at first.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from sysimage.errors import IntegrityError
from sysimage.layers.items import LAYER, walk_item
from sysimage.layers.source import LayerSource
from sysimage.store.walk import OPEN_FLAGS, Entry, Visitor
from sysimage.workers import WORTH_A_PROCESS, helping

_SAMPLES = 24


@contextlib.contextmanager
def prefetching(sources: Sequence[LayerSource]) -> Iterator[None]:
    """While this is open, another process asks the kernel for the files of ``sources``, in their order, if most of a
    sample of them are not in memory."""
    if sum(source.weight for source in sources) < WORTH_A_PROCESS or not _is_cold(sources):
        yield
        return
    with helping("read ahead", lambda line: _ask(sources)):
        yield


def _is_cold(sources: Sequence[LayerSource]) -> bool:
    locations = [item.location for source in sources for item in source.items if item.location is not None]
    step = max(1, len(locations) // _SAMPLES)
    looked_at = [in_memory for place in locations[::step] if (in_memory := _in_memory(place)) is not None]
    return looked_at.count(False) * 2 > len(looked_at)


def _in_memory(place: Path) -> bool | None:
    """Whether the end of some file below is in memory; None if there is no file, or the file system cannot say."""
    for directory, _, names in os.walk(os.fsencode(place)):
        for name in sorted(names):
            path = os.path.join(directory, name)  # noqa: PTH118 (bytes)
            try:
                fd = os.open(path, OPEN_FLAGS)
            except OSError:
                continue
            try:
                size = os.fstat(fd).st_size
                if size:
                    os.preadv(fd, [bytearray(1)], size - 1, os.RWF_NOWAIT)
                    return True
            except BlockingIOError:
                return False
            except OSError:
                return None
            finally:
                os.close(fd)
    return None


def _ask(sources: Sequence[LayerSource]) -> None:
    asking = _Ask()
    with contextlib.suppress(OSError, IntegrityError):  # whatever is wrong, the one who reads will say it
        for source in sources:
            for item in source.items:
                walk_item(item, asking)


class _Ask(Visitor):
    """Asks the kernel for each file, in the order in which they will be read."""

    __slots__ = ()
    purpose = LAYER

    def file(self, entry: Entry, name: bytes) -> None:
        fd = os.open(entry.path, OPEN_FLAGS)
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(fd)

    def link(self, entry: Entry, name: bytes) -> None:
        pass
