"""How others draw layer boundaries, written again from descriptions of their rules, to be compared with ours.

Each rule takes what it would know and returns groups of items, bottom layer first; ``room`` is how many layers of store
items there may be.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import networkx as nx

Graph: TypeAlias = nx.DiGraph
"""Edges from each path to what it refers to; nodes have ``size`` in bytes, edges none to the node itself."""
Layers = list[list[str]]


def cut(ranked: Sequence[str], room: int) -> Layers:
    """The first a layer each, what is left together."""
    if len(ranked) <= room:
        return [[path] for path in ranked]
    return [[path] for path in ranked[: room - 1]] + [list(ranked[room - 1 :])]


def plain_name(path: str) -> str:
    """The base name without the hash part."""
    return path.rsplit("/", 1)[-1].partition("-")[2]


# nixpkgs, 2018 to 2025


def path_counts(graph: Graph) -> dict[str, int]:
    """Popularity as nixpkgs counted it: a node scores for every parent through which it is seen, and once more on each
    level above."""
    seen: dict[str, dict[str, int]] = {}

    def gather(children: Iterable[str]) -> dict[str, int]:
        scores: dict[str, int] = defaultdict(int)
        for child in children:
            scores[child] += 1
            for below, score in seen[child].items():
                scores[below] += score + 1
        return scores

    for node in reversed(list(nx.topological_sort(graph))):
        seen[node] = gather(graph.successors(node))
    return dict(gather(node for node in graph if not graph.in_degree(node)))


def nixpkgs_popularity(graph: Graph, room: int) -> Layers:
    counts = path_counts(graph)
    return cut(sorted(graph, key=lambda path: (-counts[path], plain_name(path), path)), room)


# nixpkgs, since 2025


def nixpkgs_auto(graph: Graph, room: int) -> Layers:
    """The largest paths draw what they need around themselves, until another one would make too many layers."""
    below = {path: nx.descendants(graph, path) for path in graph}
    labels: dict[str, frozenset[str]] = dict.fromkeys(graph, frozenset())
    for primary in sorted(graph, key=lambda path: (-graph.nodes[path]["size"], path)):
        trial = dict(labels)
        trial[primary] = frozenset([primary])
        for path in below[primary]:
            # What is above the new primary is farther away than it.
            near = {other for other in labels[path] if primary not in below[other]}
            if not any(other in below[primary] for other in near):
                near.add(primary)
            trial[path] = frozenset(near)
        if len(set(trial.values())) > room:
            break
        labels = trial
    groups: dict[frozenset[str], list[str]] = defaultdict(list)
    for path in sorted(graph):
        groups[labels[path]].append(path)

    def closure_size(paths: Iterable[str]) -> int:
        return sum(graph.nodes[path]["size"] for path in set().union(*({path} | below[path] for path in paths)))

    return sorted(groups.values(), key=lambda paths: (closure_size(paths), paths))


# nix2container


def downward_paths(graph: Graph) -> dict[str, int]:
    """How many ways lead down to each node, the one that starts there included."""
    counts: dict[str, int] = {}
    for node in nx.topological_sort(graph):
        counts[node] = 1 + sum(counts[referrer] for referrer in graph.predecessors(node))
    return counts


def nix2container_popularity(graph: Graph, room: int) -> Layers:
    counts = downward_paths(graph)
    return cut(sorted(sorted(graph, reverse=True), key=lambda path: -counts[path]), room)


# Guix


def guix_size(graph: Graph, room: int) -> Layers:
    """The largest items a layer each. With fewer items than layers, the smallest is the rest."""
    return cut(sorted(graph, key=lambda path: (-graph.nodes[path]["size"], path)), room)


# apko


def apko_origin(graph: Graph, room: int, origins: Mapping[str, str]) -> Layers:
    """Packages of one source together, the largest groups a layer each."""
    groups: dict[str, list[str]] = defaultdict(list)
    for path in sorted(graph):
        groups[origins[path]].append(path)
    ranked = sorted(
        groups.values(),
        key=lambda paths: (-sum(graph.nodes[path]["size"] for path in paths), max(plain_name(path) for path in paths)),
    )
    if len(ranked) > room:
        ranked = [*ranked[: room - 1], [path for group in ranked[room - 1 :] for path in group]]
    return ranked


# rpm-ostree


def rpm_ostree(
    graph: Graph, room: int, changes: Mapping[str, int], previous: Sequence[Sequence[str]] | None = None
) -> Layers:
    """Bins by size class, then by how often a package changes; with a previous packing, packages stay in their bins
    by name and what is new goes to the last."""
    if previous is not None:
        return _keep_bins(graph, previous)
    items = sorted(graph, key=lambda path: (-graph.nodes[path]["size"], path))
    bins = max(4, room)
    if len(items) < bins or room < 4:
        return cut(items, room)
    size = {path: float(graph.nodes[path]["size"]) for path in items}
    high_bins = math.floor(0.6 * (bins - 2))
    median = statistics.median(size.values())
    deviation = statistics.median(abs(value - median) for value in size.values())
    high = [path for path in items if size[path] >= median + 2 * deviation]
    low = [path for path in items if size[path] <= 0.5 * abs(median - 2 * deviation)]
    low = [path for path in low if path not in set(high)]
    taken = {*high[:high_bins], *low}
    middle = sorted((path for path in items if path not in taken), key=lambda path: (changes[path], path))
    packed: Layers = [[path] for path in high[:high_bins]] + ([low] if low else [])
    left = max(1, bins - 1 - len(packed))
    classes = _nine_classes(middle, size, {path: float(changes[path]) for path in middle})
    run = max(1, math.ceil(len(middle) / left))
    runs = [group[at : at + run] for group in classes for at in range(0, len(group), run)]
    while len(runs) > left:
        # Every second one from the end joins the one before it.
        for at in range(len(runs) - 1, 0, -2):
            runs[at - 1 : at + 1] = [runs[at - 1] + runs[at]]
            if len(runs) <= left:
                break
    return packed + runs


def _nine_classes(paths: Sequence[str], size: Mapping[str, float], changes: Mapping[str, float]) -> Layers:
    def limits(values: Sequence[float]) -> tuple[float, float]:
        mean, spread = statistics.fmean(values), statistics.pstdev(values)
        return mean + 2 * spread, 0.5 * abs(mean - 2 * spread)

    if not paths:
        return []
    sizes, rates = limits([size[path] for path in paths]), limits([changes[path] for path in paths])

    def level(value: float, bounds: tuple[float, float]) -> int:
        return 2 if value >= bounds[0] else 0 if value <= bounds[1] else 1

    classes: dict[tuple[int, int], list[str]] = defaultdict(list)
    for path in paths:
        classes[level(changes[path], rates), level(size[path], sizes)].append(path)
    return [classes[key] for key in sorted(classes)]


def _keep_bins(graph: Graph, previous: Sequence[Sequence[str]]) -> Layers:
    bins: Layers = [[] for _ in previous]
    where = {_package(path): at for at, paths in enumerate(previous) for path in paths}
    for path in sorted(graph):
        bins[where.get(_package(path), len(bins) - 1)].append(path)
    return [paths for paths in bins if paths]


def _package(path: str) -> str:
    return plain_name(path).rpartition("-")[0] or plain_name(path)


# Nixery


def nixery(graph: Graph, room: int, popularity: Mapping[str, int]) -> Layers:
    """The subtrees that the root dominates, rated by popularity and size; the lowest rated are joined."""
    below = {path: nx.descendants(graph, path) for path in graph}
    weight = {path: graph.nodes[path]["size"] + sum(graph.nodes[d]["size"] for d in below[path]) for path in graph}
    rooted = graph.copy()
    rooted.add_edges_from(
        ("", path)
        for path in graph
        if not graph.in_degree(path) or weight[path] > 100_000_000 or popularity.get(plain_name(path), 1) >= 100
    )
    dominator = nx.immediate_dominators(rooted, "")
    tree = nx.DiGraph((above, path) for path, above in dominator.items() if path != "")
    rated = []
    for top in sorted(tree.successors("")):
        members = sorted({top} | nx.descendants(tree, top))
        rated.append((popularity.get(plain_name(top), 1) * sum(weight[path] for path in members), members))
    rated.sort(key=lambda entry: (entry[0], entry[1]))
    while len(rated) > room:
        (one, first), (two, second) = rated[0], rated[1]
        rated[:2] = [(one + two, first + second)]
    return [members for _, members in sorted(rated, key=lambda entry: (-entry[0], entry[1]))]
