"""What changes whenever anything does: the system itself, and what it is made of besides packages.

Whatever it shares a layer with moves with every update, however seldom it changes by itself. The customization layer
does that anyway, for the sake of the store database: there it costs nothing.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from itertools import takewhile

from sysimage.closure import Closure
from sysimage.layerplan.prices import WORTH_A_LAYER
from sysimage.store.paths import StorePath

OFTEN = 2
"""A part of the system changes in one of so many possibilities in which anything does, or oftener."""


def hangs_everything(closure: Closure) -> tuple[StorePath, ...]:
    """What everything hangs from, such as the system or a profile: down to the first items that have others besides
    them."""
    import networkx  # imported late: takes a tenth of a second, and an unchanged system does not need it

    generations = networkx.topological_generations(closure.graph)
    return tuple(alone[0] for alone in takewhile(lambda some: len(some) == 1, generations))


def changing_with_everything(
    closure: Closure, ahead: Mapping[StorePath, int], taken: Container[StorePath]
) -> tuple[StorePath, ...]:
    """Items that are not worth a layer by their size: what everything hangs from, and its own parts, which nothing else
    refers to, if they change often and do not belong to a package. Those that are ``taken`` have their layer."""
    tops = hangs_everything(closure)
    if not tops:
        return ()
    most = max(ahead[path].bit_count() for path in tops)
    referrers = closure.graph.predecessors
    found = []
    for item in closure:
        hangs = item.path in tops or all(above in tops for above in referrers(item.path))
        often = ahead[item.path].bit_count() * OFTEN >= most
        if hangs and often and item.source is None and item.nar_size < WORTH_A_LAYER and item.path not in taken:
            found.append(item.path)
    return tuple(found)
