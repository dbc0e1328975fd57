"""What the reference graph says of an item: what it keeps, the way to it, what an update of it pulls."""

from __future__ import annotations

from dataclasses import replace

import networkx
from hypothesis import given
from hypothesis import strategies as st

from sysimage.report.facts import Facts
from sysimage.report.graph import measure
from tests.report.made_facts import facts, item, many, path_of


def test_an_item_keeps_what_only_it_leads_to() -> None:
    found = measure(
        facts(
            item("system", "web", "shell", size=1),
            item("web", "ssl", "libc", size=10),
            item("ssl", "libc", size=100),
            item("shell", "libc", size=1000),
            item("libc", size=10_000),
        )
    )
    assert found[path_of("web")].retained == 110
    assert found[path_of("ssl")].dominator == path_of("web")
    assert found[path_of("libc")].dominator == path_of("system")
    assert found[path_of("system")].dominator is None
    assert found[path_of("system")].retained == 11_111


def test_what_a_system_refers_to_and_others_need_is_theirs() -> None:
    found = measure(facts(item("system", "web", "ssl"), item("web", "ssl"), item("ssl")))
    assert found[path_of("ssl")].dominator == path_of("web")
    assert found[path_of("ssl")].way == path_of("web")
    assert found[path_of("web")].way == path_of("system")
    assert found[path_of("system")].way is None


def test_what_the_spec_names_hangs_from_the_system_too() -> None:
    made = facts(item("system", "web", "ssl"), item("web", "ssl"), item("ssl"), declared=frozenset({path_of("ssl")}))
    found = measure(made)
    assert found[path_of("ssl")].dominator == path_of("system")
    assert found[path_of("ssl")].way == path_of("system")


def test_an_update_pulls_the_layers_of_all_that_refer_to_it_and_the_top() -> None:
    made = facts(
        item("system", "web", layer=4),
        item("web", "ssl", layer=3),
        item("ssl", layer=1),
        item("other", layer=2),
        layers=(1, 10, 100, 1000),
    )
    found = measure(made)
    assert (found[path_of("ssl")].moved, found[path_of("ssl")].moved_layers) == (1101, 3)
    assert found[path_of("ssl")].rebuilt == 3
    assert (found[path_of("other")].moved, found[path_of("other")].rebuilt) == (1010, 1)


def test_where_rebuilds_do_not_propagate_an_update_pulls_its_own_layer_and_the_top() -> None:
    made = facts(item("web", "ssl", layer=2), item("ssl", layer=1), layers=(1, 10, 100), propagates=False)
    assert measure(made)[path_of("ssl")].moved == 101
    assert measure(made)[path_of("ssl")].rebuilt == 1


def test_references_in_a_circle_are_measured_as_one() -> None:
    made = facts(item("a", "b", layer=1), item("b", "a", layer=2), layers=(1, 10, 100))
    found = measure(replace(made, roots=()))
    assert {one.rebuilt for one in found.values()} == {2}
    assert {one.moved for one in found.values()} == {111}
    assert sum(one.retained for one in found.values() if one.dominator is None) == 200


def test_an_image_without_items_has_no_measures() -> None:
    assert measure(facts()) == {}


@given(st.integers(1, 40), st.integers(0, 1000))
def test_measures_agree_with_the_graph_itself(count: int, seed: int) -> None:
    made = many(count, files=1, layers=5, seed=seed)
    found = measure(made)
    assert sum(found[root].retained for root in made.roots) == sum(one.size for one in made.items)
    graph = networkx.DiGraph((one.path, below) for one in made.items for below in one.references)
    graph.add_nodes_from(one.path for one in made.items)
    for one in made.items:
        above = {one.path, *networkx.ancestors(graph, one.path)}
        assert found[one.path].rebuilt == len(above)
        assert found[one.path].moved == _pulled(made, above)
        way = found[one.path].way
        assert way is None or one.path in graph[way]


def _pulled(made: Facts, changed: set[str]) -> int:
    numbers = {one.layer for one in made.items if one.path in changed} | {made.moves_always}
    return sum(made.layers[number - 1].size for number in numbers)
