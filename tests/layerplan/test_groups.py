"""Groups of items by name and by the graph."""

from __future__ import annotations

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.closure import Closure
from sysimage.errors import SpecError
from sysimage.layerplan.groups import GroupRule, check_groups_fit, explicit_groups
from sysimage.store import StorePath
from tests.layerplan.closures import closure_of, closures, store_path

DRAWN = closure_of(
    dict.fromkeys(("system-1", "app-1", "tool-1", "bash-1", "libc-1"), 1),
    {"system-1": ["app-1", "bash-1"], "app-1": ["tool-1"], "tool-1": ["libc-1"], "bash-1": ["libc-1"]},
)
"""The graph that the module draws."""


def groups(*rules: GroupRule, closure: Closure = DRAWN) -> list[list[str]]:
    found, rest = explicit_groups(closure, rules)
    assert sorted([path for group in found for path in group] + rest) == sorted(item.path for item in closure)
    return [[path.name for path in group] for group in found]


def test_a_closure_is_an_item_and_all_it_needs() -> None:
    assert groups(GroupRule(closure_of=("app-*",))) == [["app-1", "libc-1", "tool-1"]]


def test_what_an_item_dominates_goes_when_it_goes() -> None:
    assert groups(GroupRule(dominated_by=("app-*",))) == [["app-1", "tool-1"]]
    assert groups(GroupRule(dominated_by=("app-*", "bash-*"))) == [["app-1", "bash-1", "libc-1", "tool-1"]]


def test_an_item_belongs_to_the_first_rule_that_takes_it() -> None:
    rules = GroupRule(closure_of=("bash-*",)), GroupRule(("tool-*",), closure_of=("app-*",)), GroupRule(("libc-*",))
    assert groups(*rules) == [["bash-1", "libc-1"], ["app-1", "tool-1"]]


def test_what_no_rule_takes_is_left_in_order_and_a_rule_that_takes_nothing_vanishes() -> None:
    found, rest = explicit_groups(DRAWN, [GroupRule(("nothing",)), GroupRule(("app-1", "bash-?"))])
    assert [list(group) for group in found] == [sorted(store_path(name) for name in ("app-1", "bash-1"))]
    assert rest == [item.path for item in DRAWN if item.path.name not in ("app-1", "bash-1")]


def test_the_rest_needs_a_layer_beside_those_of_the_groups() -> None:
    check_groups_fit(0, 5, 1)
    check_groups_fit(2, 0, 2)
    check_groups_fit(2, 1, 3)
    for groups, rest, room, more in ((3, 0, 2, ""), (2, 1, 2, ", and the other items need one")):
        with pytest.raises(SpecError) as caught:
            check_groups_fit(groups, rest, room)
        left = f"the layer budget leaves room for 2 layers of store items{more}"
        assert str(caught.value) == f"cannot plan {groups} explicit layer groups: {left}"
        assert caught.value.hint == "raise max_layers or join groups"


names = st.sampled_from(["perl*", "libc*", "node*", "*-part0-*", "*-part3-*", "nothing"])


@given(closures(), names)
@settings(max_examples=40)
def test_the_graph_library_agrees(closure: Closure, pattern: str) -> None:
    named = set(_group(closure, GroupRule((pattern,))))
    reachable = named | {path for one in named for path in networkx.descendants(closure.graph, one)}
    assert set(_group(closure, GroupRule(closure_of=(pattern,)))) == reachable
    without = closure.graph.copy()
    without.remove_nodes_from(named)
    starts = [root for root in closure.roots if root not in named]
    others = set(starts) | {path for one in starts for path in networkx.descendants(without, one)}
    assert set(_group(closure, GroupRule(dominated_by=(pattern,)))) == reachable - others


def _group(closure: Closure, rule: GroupRule) -> tuple[StorePath, ...]:
    found, _ = explicit_groups(closure, [rule])
    return found[0] if found else ()
