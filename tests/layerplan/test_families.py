from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.closure import Closure
from sysimage.layerplan.causes import find_causes
from sysimage.layerplan.changes import observe
from sysimage.layerplan.families import families, tolerated_risk
from tests.layerplan.closures import closure_of, closures

MIB = 1 << 20


def named(closure: Closure, risk: int = MIB) -> list[list[str]]:
    found = families(closure, find_causes(closure, observe([closure])), risk)
    return sorted(sorted(path.name for path in family) for family in found)


def test_an_item_stays_with_its_kin_when_nothing_else_refers_to_it() -> None:
    closure = closure_of(
        {"perl-5": 100, "perl-base-5": 200, "perl-data-5": 300, "zlib-1": 5},
        {"perl-5": ["perl-base-5", "perl-data-5", "zlib-1"]},
    )
    assert named(closure) == [["perl-5", "perl-base-5", "perl-data-5"], ["zlib-1"]]


def test_an_item_that_others_need_too_is_left_alone() -> None:
    closure = closure_of(
        {"perl-5": 100, "perl-base-5": 200, "git-2": 9}, {"perl-5": ["perl-base-5"], "git-2": ["perl-base-5"]}
    )
    assert named(closure) == [["git-2"], ["perl-5"], ["perl-base-5"]]


def test_what_is_too_large_to_be_wrong_about_is_left_alone() -> None:
    closure = closure_of({"perl-5": 2 * MIB, "perl-base-5": 3 * MIB}, {"perl-5": ["perl-base-5"]})
    assert named(closure) == [["perl-5"], ["perl-base-5"]]
    assert named(closure, risk=2 * MIB) == [["perl-5", "perl-base-5"]]


@given(closures(), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_families_are_a_partition_connected_in_the_graph(closure: Closure, risk: int) -> None:
    found = families(closure, find_causes(closure, observe([closure])), risk)
    assert sorted(path for family in found for path in family) == sorted(item.path for item in closure)
    place = {item.path: at for at, item in enumerate(closure)}
    numbers = [[place[path] for path in family] for family in found]
    assert numbers == sorted(map(sorted, numbers)), "in the closure's order"
    assert all(nx.is_weakly_connected(closure.graph.subgraph(family)) for family in found)


def test_the_more_layers_there_are_the_less_a_family_may_cost() -> None:
    risks = [tolerated_risk(room) for room in range(1, 127)]
    assert risks == sorted(risks, reverse=True)
    assert risks[0] == risks[20] == 16 * MIB, "a few layers are shared by so much that nothing larger is tied"
    assert 1 << 14 < risks[-1] < 1 << 15, "of as many as there can be, one is worth some tens of kilobytes"
    worth = [risk for risk in risks if risk < 16 * MIB]
    assert all(
        later / earlier == pytest.approx((at / (at + 1)) ** 4, rel=1e-3)
        for at, (earlier, later) in enumerate(pairwise(worth), len(risks) - len(worth) + 2)
    )
