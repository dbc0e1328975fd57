"""Groups of items by name and by the graph."""

from __future__ import annotations

import networkx
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.closure import Closure
from sysimage.layerplan.groups import GroupRule, explicit_groups
from sysimage.store import StorePath
from tests.layerplan.closures import closure_of, closures

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
