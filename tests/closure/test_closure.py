"""The closure: complete, acyclic, dependencies first, whatever order its items are given in."""

import random
from itertools import pairwise

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.closure import Closure, ClosureError
from sysimage.digest import NIX_BASE32_ALPHABET, Digest
from sysimage.store import StoreItem, StorePath


def path(number: int, name: str | None = None) -> StorePath:
    letters = "".join(NIX_BASE32_ALPHABET[(number >> (5 * i)) % 32] for i in range(32))
    return StorePath("/gnu/store", letters, name or f"item-{number}")


def item(number: int, *references: int) -> StoreItem:
    return StoreItem(path(number), Digest(f"{number:064x}"), 100 + number, tuple(sorted(map(path, references))))


@st.composite
def acyclic_items(draw: st.DrawFn) -> list[StoreItem]:
    count = draw(st.integers(1, 25))
    return [item(n, *draw(st.sets(st.integers(0, n)))) for n in range(count)]


@settings(max_examples=40)
@given(acyclic_items(), st.randoms())
def test_the_order_does_not_depend_on_the_order_given(items: list[StoreItem], chance: random.Random) -> None:
    shuffled = items[:]
    chance.shuffle(shuffled)
    assert Closure(shuffled).items == Closure(items).items


@settings(max_examples=40)
@given(acyclic_items())
def test_the_graph_has_an_edge_for_every_reference_but_those_to_oneself(items: list[StoreItem]) -> None:
    closure = Closure(items)
    assert set(closure.graph.edges) == {(it.path, r) for it in items for r in it.references if r != it.path}
    assert list(closure.graph.nodes) == [it.path for it in closure], "in the order of the closure"
    assert networkx.is_directed_acyclic_graph(closure.graph)


@settings(max_examples=40)
@given(acyclic_items())
def test_every_item_comes_once_the_first_by_name_of_those_whose_references_have_come(items: list[StoreItem]) -> None:
    closure = Closure(items)
    placed: set[StorePath] = set()
    for it in closure:
        ready = [one.path for one in items if one.path not in placed and not set(one.references) - placed - {one.path}]
        assert it.path == min(ready, key=lambda one: (one.name, one.hash_part))
        placed.add(it.path)
    assert closure.nar_size == sum(one.nar_size for one in items)
    assert len(closure) == len(items)


def test_ties_are_broken_by_name_then_hash_part() -> None:
    b1, b2, a = (StoreItem(path(n, name), Digest("0" * 64), 1) for n, name in ((1, "b"), (2, "b"), (3, "a")))
    assert Closure([b2, b1, a]).items == (a, *sorted([b1, b2], key=lambda it: it.path))


def test_roots_default_to_what_nothing_refers_to() -> None:
    assert Closure([item(3, 1), item(1), item(2, 1, 2)]).roots == (path(2), path(3)), "sorted"


def test_roots_that_are_given_come_in_order_once_each_and_must_be_in_the_closure() -> None:
    items = [item(n) for n in range(1, 6)]
    roots = [path(n) for n in (5, 3, 4, 1, 2, 3)]
    assert Closure(items, roots).roots == tuple(sorted(set(roots)))
    with pytest.raises(ClosureError) as raised:
        Closure(items, [path(9), path(1), path(8)])
    faults = [f"{path(n)}: is a root but not in the closure" for n in (8, 9)]
    assert sorted(map(str, raised.value.issues)) == sorted(faults)


@settings(max_examples=40)
@given(acyclic_items())
def test_a_closure_contains_its_items_and_no_other_path(items: list[StoreItem]) -> None:
    closure = Closure(items)
    assert all(one.path in closure and closure[one.path] == one for one in items)
    assert path(len(items)) not in closure


def test_all_references_outside_the_closure_are_named() -> None:
    with pytest.raises(ClosureError) as raised:
        Closure([item(2, 8, 9), item(3), item(1, 7)])
    assert [str(issue) for issue in raised.value.issues] == [
        f"{path(at)}: refers to {path(to)}, which is not in the closure" for at, to in ((1, 7), (2, 8), (2, 9))
    ]
    assert raised.value.message == "cannot form a closure: it is not complete"


def test_a_cycle_is_named() -> None:
    with pytest.raises(ClosureError, match="cycle") as raised:
        Closure([item(1, 2), item(2, 3), item(3, 1), item(4)])
    assert all(str(path(n)) in str(raised.value) for n in (1, 2, 3))
    assert str(path(4)) not in str(raised.value)
    chain = raised.value.message.partition("form a cycle: ")[2].split(" → ")
    assert chain[0] == chain[-1], "it is closed"
    assert set(pairwise(chain)) == {(str(path(a)), str(path(b))) for a, b in ((1, 2), (2, 3), (3, 1))}


def test_of_several_cycles_the_first_is_named_from_its_first_item() -> None:
    for first in range(10, 28, 3):
        a, b, c = first, first + 1, first + 2
        rest = [pair for n in range(70, 80, 2) for pair in (item(n, n + 1), item(n + 1, n))]
        with pytest.raises(ClosureError) as raised:
            Closure([*rest, item(c, a), item(b, c, 99), item(a, a, b), item(99)])
        cycle = " → ".join(str(path(n)) for n in (a, b, c, a))
        assert raised.value.message == f"cannot form a closure: references form a cycle: {cycle}"


def test_the_same_path_with_different_contents_is_refused() -> None:
    assert len(Closure([item(1), item(1)])) == 1
    with pytest.raises(ClosureError) as raised:
        Closure([item(1), StoreItem(path(1), Digest("f" * 64), 9)])
    assert [str(issue) for issue in raised.value.issues] == [f"{path(1)}: is given twice, with different contents"]
