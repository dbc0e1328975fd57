"""Boundaries that other systems are likely to draw too, inferred from one system's graph.

What is large has a layer of its own everywhere. What is small joins the root that needs it, and of several roots the
one that needs the fewest items: a shell or a compressor is part of many systems and brings the same few libraries to
each, while a root that needs hundreds of items is what this one system is for. So the small roots at the foundation
take first, in an order that depends on their closures alone, and what is left to the large ones is seldom missed
elsewhere. What is worth less than a layer's price has none to itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction

from sysimage.closure import Closure, reference_counts
from sysimage.layerplan.always_changing import hangs_everything
from sysimage.layerplan.layer_draft import LayerDraft, Unit
from sysimage.layerplan.prices import WORTH_A_LAYER
from sysimage.layerplan.rates import union
from sysimage.store.paths import StorePath

RARITY = 3, 10
"""An item whose root needs n items is taken to be held by a share of other systems that falls as n to this power: three
tenths, in whole numbers, because the last digit of a power of floats is the C library's to choose."""


def draft_alike(
    closure: Closure,
    ahead: dict[StorePath, int],
    explicit: Sequence[Sequence[StorePath]],
    room: int,
    apart: Iterable[StorePath] = (),
) -> list[LayerDraft]:
    """At most ``room`` layers: the groups asked for, the units that are worth most to others, and the rest; nothing of
    what is ``apart``."""
    place = {item.path: at for at, item in enumerate(closure)}
    needs = reference_counts(closure)
    root = _foundations(closure, needs)
    taken = {*apart, *(path for group in explicit for path in group)}

    def unit(paths: Sequence[StorePath]) -> Unit:
        size, bits = sum(closure[path].nar_size for path in paths), union(ahead[path] for path in paths)
        return Unit(tuple(sorted(place[path] for path in paths)), size, bits)

    found: dict[tuple[bool, StorePath], list[StorePath]] = defaultdict(list)
    least = small_below(room)
    for item in closure:
        if item.path not in taken:
            large = item.nar_size >= least
            found[large, item.path if large else root[item.path]].append(item.path)
    ranked = sorted(
        ((unit(paths), 1 + needs[root[paths[0]]]) for paths in found.values()),
        key=lambda pair: (-_worth(pair[0].size, pair[1]), pair[0].members),
    )
    fixed = [LayerDraft.of([unit(group)], fixed=True) for group in explicit]
    room = max(room - len(fixed), 1)
    worth = [unit for unit, _ in ranked if unit.size >= WORTH_A_LAYER]
    rest = [unit for unit, _ in ranked if unit.size < WORTH_A_LAYER]
    worth, rest = worth[: room - 1], worth[room - 1 :] + rest
    return [LayerDraft.of([unit]) for unit in worth] + ([LayerDraft.of(rest)] if rest else []) + fixed


def _worth(size: int, needed: int) -> Fraction:
    """Grows as the bytes that others share, ``size`` / ``needed`` to the power of `RARITY`."""
    power, of = RARITY
    return Fraction(size**of, needed**power)


def small_below(room: int) -> int:
    """Bytes from which on an item is worth a layer of its own.

    Sizes have a heavy tail: what just gets a layer falls with about the square of the budget, down to a layer's price.
    It depends on the budget alone, so that every system draws the same line.
    """
    return max(WORTH_A_LAYER, (2 << 30) // (room + 1) ** 2)


def _foundations(closure: Closure, needs: dict[StorePath, int]) -> dict[StorePath, StorePath]:
    """For each item, the root with the smallest closure that needs it; a root is its own.

    What everything hangs from (a profile, the system itself) is not a root: it is skipped, down to the first items
    that have others beside them.
    """
    import networkx  # a tenth of a second that a build of an unchanged system need not pay

    graph = closure.graph
    passed = set(hangs_everything(closure))
    root: dict[StorePath, StorePath] = {}
    for path in networkx.topological_sort(graph):
        roots = {root[referrer] for referrer in graph.predecessors(path) if referrer not in passed}
        root[path] = min(roots, key=lambda one: (needs[one], one.name, one), default=path)
    return root
