"""How much processes do: processor time they used, processor time they stood in line for, bytes they read and wrote.

The kernel counts both times for each thread (``schedstat``). A thread that wants a processor and gets none is busy,
just as one that runs; a thread that sleeps is not. So the sum of the two measures a program, however many others
compete for the processors: an idle guest uses some hundredths of a processor, a working one uses one or more.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
BYTES_PER_SECOND = 1 << 20
"""Bytes read or written that count as a second of work: less than any disk moves, far more than an idle guest does."""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """Sums that only grow."""

    used: float = 0.0
    """Seconds on a processor."""
    queued: float = 0.0
    """Seconds ready to run, while others had the processors."""
    moved: int = 0
    """Bytes read and written."""

    @property
    def work(self) -> float:
        """All of it as seconds of work."""
        return self.used + self.queued + self.moved / BYTES_PER_SECOND


class UsageMeter:
    """Sums up what a changing set of processes does; what an ended one did stays in the sum."""

    def __init__(self, pids: Callable[[], Iterable[int]], proc: Path = PROC) -> None:
        self._pids, self._proc = pids, proc
        self._last: dict[tuple[int, str], tuple[float, float, int]] = {}
        self._sum = ResourceUsage()

    def read(self) -> ResourceUsage:
        """What they have done so far."""
        now: dict[tuple[int, str], tuple[float, float, int]] = {}
        for pid in self._pids():
            now.update(self._threads(pid))
        used, queued, moved = self._sum.used, self._sum.queued, self._sum.moved
        for key, counts in now.items():
            before = self._last.get(key, (0.0, 0.0, 0))
            if any(new < old for new, old in zip(counts, before, strict=True)):
                before = (0.0, 0.0, 0)  # another process has the number now
            # Each difference alone, so that the sum never falls by a rounding.
            used += counts[0] - before[0]
            queued += counts[1] - before[1]
            moved += counts[2] - before[2]
        self._last, self._sum = now, ResourceUsage(used, queued, moved)
        return self._sum

    def _threads(self, pid: int) -> Iterator[tuple[tuple[int, str], tuple[float, float, int]]]:
        process = self._proc / str(pid)
        counted = False
        with contextlib.suppress(OSError, ValueError):  # it has ended, or is not ours to look at
            for thread in (process / "task").iterdir():
                with contextlib.suppress(OSError, ValueError):
                    used, queued, *_ = (thread / "schedstat").read_text().split()
                    counted = counted or used != "0"
                    yield (pid, thread.name), (int(used) / 1e9, int(queued) / 1e9, 0)
        if not counted:  # a kernel without schedstat
            with contextlib.suppress(OSError, ValueError):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                yield (pid, "stat"), ((int(fields[11]) + int(fields[12])) / _TICKS, 0.0, 0)
        with contextlib.suppress(OSError, ValueError):
            lines = dict(line.split(": ") for line in (process / "io").read_text().splitlines())
            yield (pid, "io"), (0.0, 0.0, int(lines["rchar"]) + int(lines["wchar"]))


def family(pid: int, proc: Path = PROC) -> list[int]:
    """A process and all that it started, as far as they can be seen."""
    children: dict[int, list[int]] = {}
    for entry in proc.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for member in found:
        found += children.get(member, ())
    return found
