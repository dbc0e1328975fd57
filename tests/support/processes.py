"""Which processes live, by what the kernel says."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path

Process = tuple[int, str]
"""A number, and when it was given: numbers are given again."""


def lives(process: Process) -> bool:
    """Whether a process is still there and no zombie."""
    state = _state(process[0])
    return state is not None and state[0] != "Z" and state[2] == process[1]


def below(ancestor: int) -> list[Process]:
    """The children of a process, theirs, and so on."""
    children = defaultdict(list)
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and (state := _state(int(place.name))) is not None:
            children[state[1]].append((int(place.name), state[2]))
    found: list[Process] = []
    waiting = [ancestor]
    while waiting:
        fresh = children[waiting.pop()]
        found += fresh
        waiting += [number for number, _ in fresh]
    return found


def all_end(processes: list[Process], seconds: float = 20) -> bool:
    """Whether all of them end; the kernel may need a moment."""
    until = time.monotonic() + seconds
    while any(map(lives, processes)):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def _state(number: int) -> tuple[str, int, str] | None:
    """State, parent and start time."""
    try:
        words = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return words[0], int(words[1]), words[19]
