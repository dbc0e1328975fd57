"""Measures on the reference graph that a reader of a report asks for: dominators, ways from the roots, updates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import networkx

from sysimage.report.facts import Facts

_TOP = ""
"""The image itself, above its roots."""


@dataclass(frozen=True, slots=True)
class ItemMeasures:
    """What the graph says of one item."""

    dominator: str | None
    """The item without which this one would not be needed; None for one that the image needs in several ways."""
    retained: int
    """Bytes that would go with it: its own, and those of all items that only it keeps."""
    way: str | None
    """The item before it on a shortest way from a root; None for a root."""
    rebuilt: int
    """Items that are made again when this one changes, itself included."""
    moved: int
    """Bytes of the layers that a client pulls then."""
    moved_layers: int


def measure(facts: Facts) -> Mapping[str, ItemMeasures]:
    """The measures by store path. References may form circles: what a database says is only read."""
    graph = networkx.DiGraph()
    graph.add_nodes_from([_TOP, *(item.path for item in facts.items)])
    graph.add_edges_from((item.path, reference) for item in facts.items for reference in item.references)
    graph.add_edges_from((_TOP, root) for root in facts.roots)
    rebuilt, layers = _updates(graph, facts)
    _leave_out_what_others_need(graph, facts.declared)
    _reach_all(graph)
    dominators = networkx.immediate_dominators(graph, _TOP)
    retained = _retained(facts, dominators)
    ways = {below: above for above, below in networkx.bfs_edges(graph, _TOP)}
    sizes = [layer.size for layer in facts.layers]
    found = {}
    for item in facts.items:
        moved = layers[item.path]
        found[item.path] = ItemMeasures(
            dominators[item.path] or None,
            retained[item.path],
            ways[item.path] or None,
            rebuilt[item.path],
            sum(size for number, size in enumerate(sizes, 1) if moved >> number & 1),
            (moved & ~1).bit_count(),
        )
    return found


def _leave_out_what_others_need(graph: networkx.DiGraph, declared: frozenset[str]) -> None:
    """A system refers to every item of its packages: it would dominate all of them, and every way would have one step.
    Of a root's references only those say something that no other of them leads to, or that the spec names."""
    for root in tuple(graph[_TOP]):
        direct = set(graph[root])
        reached: set[str] = set()
        front = [below for path in direct for below in graph[path]]
        while front:
            path = front.pop()
            if path not in reached:
                reached.add(path)
                front += graph[path]
        graph.remove_edges_from([(root, path) for path in (direct & reached) - declared])


def _reach_all(graph: networkx.DiGraph) -> None:
    """Items in a circle that no root leads to hang from the top, too."""
    reached = networkx.descendants(graph, _TOP)
    for path in sorted(set(graph) - reached - {_TOP}):
        if path not in reached:
            graph.add_edge(_TOP, path)
            reached |= {path, *networkx.descendants(graph, path)}


def _retained(facts: Facts, dominators: Mapping[str, str]) -> dict[str, int]:
    """Sums up the tree of dominators, leaves first."""
    tree = networkx.DiGraph((above, below) for below, above in dominators.items() if below != _TOP)
    sums = {item.path: item.size for item in facts.items} | {_TOP: 0}
    tree.add_node(_TOP)
    for path in networkx.dfs_postorder_nodes(tree, _TOP):
        for above in tree.predecessors(path):
            sums[above] += sums[path]
    return sums


def _updates(graph: networkx.DiGraph, facts: Facts) -> tuple[dict[str, int], dict[str, int]]:
    """How many items an update of each one makes again, and a bit for the number of each layer that moves with it."""
    layer = {item.path: 1 << item.layer for item in facts.items}
    always = 1 << facts.moves_always
    if not facts.propagates:
        return dict.fromkeys(layer, 1), {path: bit | always for path, bit in layer.items()}
    below_top = graph.subgraph(layer)
    parts = networkx.condensation(below_top)
    members = {part: parts.nodes[part]["members"] for part in parts}
    above: dict[int, int] = {}
    moved: dict[int, int] = {}
    for part in networkx.topological_sort(parts):
        items, layers = 1 << part, always
        for path in members[part]:
            layers |= layer[path]
        for referrer in parts.predecessors(part):
            items |= above[referrer]
            layers |= moved[referrer]
        above[part], moved[part] = items, layers
    sizes = [len(members[part]) for part in range(len(parts))]
    part_of = parts.graph["mapping"]
    counts = {part: _count(bits, sizes) for part, bits in above.items()}
    return {path: counts[part_of[path]] for path in layer}, {path: moved[part_of[path]] for path in layer}


def _count(bits: int, sizes: list[int]) -> int:
    if len(sizes) == sum(sizes):
        return bits.bit_count()
    return sum(size for part, size in enumerate(sizes) if bits >> part & 1)
