"""Questions about the reference graph, against answers that are found by trying."""

from __future__ import annotations

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.closure import Closure
from sysimage.compare.graph import ReferenceGraph
from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.store import StoreItem
from tests.support.stores import store_path

EDGES = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] < pair[1]), max_size=16)


def closure_of(edges: set[tuple[int, int]], sizes: list[int]) -> Closure:
    paths = [store_path(f"item{number}-1.0") for number in range(len(sizes))]
    return Closure(
        StoreItem(path, Digest("0" * 64), size, tuple(sorted(paths[to] for at, to in edges if at == number)))
        for number, (path, size) in enumerate(zip(paths, sizes, strict=True))
    )


def reached(graph: networkx.DiGraph, roots: list[str]) -> set[str]:
    return set(roots).union(*(networkx.descendants(graph, root) for root in roots)) if roots else set()


@given(EDGES, st.lists(st.integers(1, 100), min_size=8, max_size=8))
def test_an_item_keeps_what_cannot_be_reached_without_it(edges: set[tuple[int, int]], sizes: list[int]) -> None:
    graph = ReferenceGraph.of_closure(closure_of(edges, sizes))
    whole = networkx.DiGraph((one, other) for one in graph.items for other in graph.references[one])
    whole.add_nodes_from(graph.items)
    for kept in graph.kept():
        name = kept.item.label
        without = whole.copy()
        without.remove_node(name)
        left = reached(without, [root for root in graph.roots if root != name])
        assert kept.kept == sum(item.size for label, item in graph.items.items() if label not in left)
        assert kept.needs == sum(graph.items[label].size for label in {name, *networkx.descendants(whole, name)})
        assert kept.referrers == whole.in_degree(name)


@given(EDGES, st.integers(0, 7))
def test_every_way_is_found_once_and_the_shortest_comes_first(edges: set[tuple[int, int]], number: int) -> None:
    graph = ReferenceGraph.of_closure(closure_of(edges, [1] * 8))
    item = graph.find(f"item{number}")
    ways, more = graph.ways(item, 1000)
    found = [tuple(step.item.label for step in way) for way in ways]
    whole = networkx.DiGraph((one, other) for one in graph.items for other in graph.references[one])
    whole.add_nodes_from(graph.items)
    expected = {
        tuple(way)
        for root in graph.roots
        for way in ([[root]] if root == item.label else networkx.all_simple_paths(whole, root, item.label))
    }
    assert set(found) == expected
    assert len(found) == len(expected)
    assert [len(way) for way in found] == sorted(len(way) for way in found)
    assert not more
    few, more = graph.ways(item, 1)
    assert [tuple(step.item.label for step in way) for way in few] == found[:1] or len(few[0]) == len(found[0])
    assert more == (len(expected) > 1)


def packages_graph(asked: set[str] | None) -> ReferenceGraph:
    """system → app → lib, system → lib, system → tool; what Debian's packages are in such an image."""
    edges = {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)}
    closure = closure_of(edges, [1, 10, 100, 1000])
    names = ["", "app", "lib", "tool"]
    packages = {f"{store_path(f'item{at}-1.0')}": name for at, name in enumerate(names) if name}
    depends = {"app": frozenset({"lib"}), "lib": frozenset[str](), "tool": frozenset[str]()}
    return ReferenceGraph.of_closure(closure, packages, depends, None if asked is None else frozenset(asked))


def test_a_package_that_was_not_asked_for_is_there_for_what_needs_it() -> None:
    graph = packages_graph({"app", "tool"})
    ways, _ = graph.ways(graph.find("lib"), 10)
    assert [[(step.item.label, step.reason) for step in way] for way in ways] == [
        [("item0-1.0", None), ("item1-1.0", "asked"), ("item2-1.0", "declared")]
    ]
    ways, _ = graph.ways(graph.find("tool"), 10)
    assert [[step.reason for step in way] for way in ways] == [[None, "asked"], [None, "asked", "contents"]]
    assert {kept.item.package: kept.kept for kept in graph.kept()} == {"": 1111, "app": 110, "lib": 100, "tool": 1000}


def test_where_it_is_unknown_what_was_asked_for_every_reference_counts() -> None:
    graph = packages_graph(None)
    assert len(graph.ways(graph.find("lib"), 10)[0]) == 2


def test_an_item_has_several_names_and_a_wrong_one_is_guessed() -> None:
    graph = packages_graph(None)
    path = graph.items["item2-1.0"].path
    base = path.rpartition("/")[2]
    for name in ("lib", "item2-1.0", "item2", path, base, base[:8], "*2-1.0"):
        assert graph.find(name).label == "item2-1.0"
    with pytest.raises(SpecError, match="cannot choose an item for 'item\\*': 4 fit"):
        graph.find("item*")
    with pytest.raises(SpecError) as caught:
        graph.find("toool")
    assert str(caught.value.hint).startswith("did you mean 'tool'?")
