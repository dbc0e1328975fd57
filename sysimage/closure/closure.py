"""A set of store items that is closed under references, in an order that never surprises."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from sysimage.errors import Issue, SysimageError
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath

if TYPE_CHECKING:
    import networkx


class ClosureError(SysimageError):
    """The items do not form a closure: a reference is missing, an item occurs twice, or there is a cycle."""


class Closure:
    """Items with every reference present and no cycle; iterates dependencies first, ties by name, then hash part.

    Immutable. The order of the items given does not matter. Faults raise `ClosureError` with all of them.
    """

    def __init__(self, items: Iterable[StoreItem], roots: Iterable[StorePath] | None = None) -> None:
        """``roots`` defaults to the items that no other item refers to."""
        by_path: dict[StorePath, StoreItem] = {}
        issues = []
        for item in items:
            if by_path.setdefault(item.path, item) != item:
                issues.append(Issue(str(item.path), "is given twice, with different contents"))
        for item in by_path.values():
            issues += [
                Issue(str(item.path), f"refers to {reference}, which is not in the closure")
                for reference in item.references
                if reference not in by_path
            ]
        if roots is not None:
            roots = tuple(sorted(set(roots)))
            issues += [Issue(str(root), "is a root but not in the closure") for root in roots if root not in by_path]
        if issues:
            raise ClosureError("cannot form a closure: it is not complete", issues=sorted(issues, key=str))
        self.items: tuple[StoreItem, ...] = tuple(by_path[path] for path in _dependencies_first(by_path))
        self._by_path = {item.path: item for item in self.items}
        if roots is None:
            referred = {r for item in self.items for r in item.references if r != item.path}
            roots = tuple(sorted(path for path in by_path if path not in referred))
        self.roots: tuple[StorePath, ...] = roots

    def __iter__(self) -> Iterator[StoreItem]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def __getitem__(self, path: StorePath) -> StoreItem:
        return self._by_path[path]

    @property
    def nar_size(self) -> int:
        """Bytes of all NARs."""
        return sum(item.nar_size for item in self.items)

    @cached_property
    def graph(self) -> networkx.DiGraph:
        """The references as a networkx graph of store paths, an edge from each item to what it refers to.

        Nodes and edges are inserted in the closure's order, so that algorithms that follow insertion order are stable;
        self-references are not edges. Do not change it.
        """
        import networkx  # imported late: takes a tenth of a second, and an unchanged system does not need it

        graph = networkx.DiGraph()
        graph.add_nodes_from(item.path for item in self.items)
        graph.add_edges_from((i.path, r) for i in self.items for r in i.references if r != i.path)
        return graph


def _dependencies_first(by_path: Mapping[StorePath, StoreItem]) -> list[StorePath]:
    """Kahn's algorithm with a heap: the smallest path whose references are all placed comes next."""
    waiting: dict[StorePath, int] = {}
    referrers: dict[StorePath, list[StorePath]] = {path: [] for path in by_path}
    for path, item in by_path.items():
        references = [r for r in item.references if r != path]
        waiting[path] = len(references)
        for reference in references:
            referrers[reference].append(path)
    ready = [(path.name, path.hash_part, path.store_dir) for path, count in waiting.items() if count == 0]
    by_key = {(path.name, path.hash_part, path.store_dir): path for path in by_path}
    heapq.heapify(ready)
    ordered = []
    while ready:
        path = by_key[heapq.heappop(ready)]
        ordered.append(path)
        for referrer in referrers[path]:
            waiting[referrer] -= 1
            if waiting[referrer] == 0:
                heapq.heappush(ready, (referrer.name, referrer.hash_part, referrer.store_dir))
    if len(ordered) < len(by_path):
        raise _cycle({path for path, count in waiting.items() if count}, by_path)
    return ordered


def _cycle(left: set[StorePath], by_path: Mapping[StorePath, StoreItem]) -> ClosureError:
    import networkx

    graph = networkx.DiGraph()
    graph.add_edges_from(sorted((p, r) for p in left for r in by_path[p].references if r in left and r != p))
    cycle = [edge[0] for edge in networkx.find_cycle(graph)]
    return ClosureError("cannot form a closure: references form a cycle: " + " → ".join(map(str, [*cycle, cycle[0]])))
