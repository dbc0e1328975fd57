import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.closure import Closure
from sysimage.layerplan.causes import find_causes
from sysimage.layerplan.changes import observe
from sysimage.layerplan.families import families
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
    assert all(nx.is_weakly_connected(closure.graph.subgraph(family)) for family in found)
