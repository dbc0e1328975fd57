"""Measures on the reference graph."""

from __future__ import annotations

from sysimage.closure.closure import Closure
from sysimage.store.paths import StorePath

DISK_BLOCK = 4096
"""Items counted at a time: a bit set of this many bits for each item is all the memory it takes."""


def referrer_counts(closure: Closure) -> dict[StorePath, int]:
    """How many other items need each one, directly or not.

    Bit sets, a block of items at a time: walking the graph once from every node takes networkx five hundred times
    longer.
    """
    counts = {item.path: -1 for item in closure}  # an item is not counted for itself
    items = closure.items
    for start in range(0, len(items), DISK_BLOCK):
        reached = {item.path: 0 for item in items}
        for bit, item in enumerate(items[start : start + DISK_BLOCK]):
            reached[item.path] = 1 << bit
        for item in reversed(items):
            above = reached[item.path]
            if above:
                counts[item.path] += above.bit_count()
                for reference in item.references:
                    if reference != item.path:
                        reached[reference] |= above
    return counts


def reference_counts(closure: Closure) -> dict[StorePath, int]:
    """How many other items each one needs, directly or not."""
    counts = {item.path: -1 for item in closure}  # an item does not count itself
    items = closure.items
    for start in range(0, len(items), DISK_BLOCK):
        counted = {item.path: 1 << bit for bit, item in enumerate(items[start : start + DISK_BLOCK])}
        needed: dict[StorePath, int] = {}
        for item in items:
            below = counted.get(item.path, 0)
            for reference in item.references:
                if reference != item.path:
                    below |= needed[reference]
            needed[item.path] = below
            counts[item.path] += below.bit_count()
    return counts
