"""In which order each system of a fleet stacks its layers."""

from __future__ import annotations

from collections.abc import Sequence


def stack_fleet(users: Sequence[int], sizes: Sequence[int], systems: int) -> list[list[int]]:
    """For each system the numbers of its layers, bottom first. ``users`` holds a bit set of systems for each layer.

    What all of a set of systems have comes first, the set is then parted where that shares most, and so on: an engine
    that shares a layer only on top of the same layers finds as much as possible.
    """
    stacks: list[list[int]] = [[] for _ in range(systems)]
    pending: list[tuple[int, frozenset[int]]] = [((1 << systems) - 1, frozenset(range(len(users))))]
    while pending:
        crowd, layers = pending.pop()
        everyone = sorted((n for n in layers if users[n] & crowd == crowd), key=lambda n: (-sizes[n], n))
        for bit in range(systems):
            if crowd >> bit & 1:
                stacks[bit] += everyone
        rest = frozenset(n for n in layers if n not in everyone and users[n] & crowd)
        parts = {users[n] & crowd for n in rest}
        if not parts:
            continue

        def shared(part: int, rest: frozenset[int] = rest) -> int:
            return sum(sizes[n] for n in rest if users[n] & part == part) * (part.bit_count() - 1)

        part = max(parts, key=lambda part: (shared(part), -part))
        pending += [(part, rest), (crowd & ~part, rest)]
    return stacks
