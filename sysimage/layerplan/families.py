"""Items that are found together in any system: one needs the other, and nothing else needs that one."""

from __future__ import annotations

from sysimage.closure import Closure
from sysimage.layerplan.causes import Causes
from sysimage.store.paths import StorePath


def families(closure: Closure, causes: Causes, risk: int) -> list[tuple[StorePath, ...]]:
    """A partition of the closure: the components of the reference graph that are left when a reference is ignored
    unless all referrers of an item belong to its own family.

    What could be lost, should another system hold one without the other, is at most ``risk`` bytes.
    """
    import networkx  # imported late: takes a tenth of a second, and an unchanged system does not need it

    graph = closure.graph
    bonds = networkx.Graph()
    bonds.add_nodes_from(graph)
    for path in graph:
        above = list(graph.predecessors(path))
        if all(_related(causes, path, other) for other in above):
            at_stake = min(closure[path].nar_size, sum(closure[other].nar_size for other in above))
            if at_stake <= risk:
                bonds.add_edges_from((other, path) for other in above)
    place = {path: at for at, path in enumerate(graph)}
    # Sorted in the order of the closure, since the library has no fixed order.
    return sorted(
        (tuple(sorted(members, key=place.__getitem__)) for members in networkx.connected_components(bonds)),
        key=lambda members: place[members[0]],
    )


def tolerated_risk(room: int) -> int:
    """Bytes that tying an item to its family may cost, should another system hold one without the other.

    About what a free layer is worth, which falls with a power of the budget. It depends on the budget alone, so that
    every system draws the same line.
    """
    return min(16 << 20, (7 << 40) // (room + 1) ** 4)


def _related(causes: Causes, one: StorePath, other: StorePath) -> bool:
    return causes.of[one] == causes.of[other] or (one in causes.kin and causes.kin[one] == causes.kin.get(other))
