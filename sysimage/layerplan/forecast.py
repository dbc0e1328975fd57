"""Possible next steps as bit sets: bit k of an item's set says that it changes in possibility k."""

from __future__ import annotations

from random import Random

from sysimage.closure import Closure
from sysimage.layerplan.lineage import package_name
from sysimage.layerplan.rates import Rates
from sysimage.store.paths import StorePath

POSSIBILITIES = 2048
_PRECISION = 14


def bernoulli(chance: float, seed: str, width: int = POSSIBILITIES) -> int:
    """``width`` independent bits, each set with ``chance``: fair draws, joined by "and" and "or" as the binary digits
    of the chance say."""
    source = Random(seed)  # noqa: S311
    bits = 0
    scaled = round(chance * (1 << _PRECISION))
    for at in range(_PRECISION):
        draw = source.getrandbits(width)
        bits = bits | draw if scaled >> at & 1 else bits & draw
    return bits


def changes_ahead(closure: Closure, rates: Rates, *, propagates: bool) -> dict[StorePath, int]:
    """The possibilities in which each item changes.

    The draws depend on package names alone, so that systems that hold the same things judge them alike.
    """
    import networkx  # imported late: takes a tenth of a second, and an unchanged system does not need it

    causes = [
        bernoulli(rates.chances[number], package_name(members[0].name))
        for number, members in enumerate(rates.causes.members)
    ]
    graph = closure.graph
    ahead = {path: causes[rates.causes.of[path]] for path in graph}
    if propagates:
        for path in reversed(list(networkx.topological_sort(graph))):  # what is referred to comes first
            for reference in graph.successors(path):
                ahead[path] |= ahead[reference]
    return ahead
