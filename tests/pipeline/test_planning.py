"""Layer boundaries by rule, history and neighbours; a plan is drawn once for what it follows from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.closure import Closure
from sysimage.errors import SpecError
from sysimage.layerplan import GroupRule, LayerPlan, Record, plan_layers
from sysimage.pipeline.history import History
from sysimage.pipeline.options import DeclaredSystem, Planning
from sysimage.pipeline.planning import draw_layers, group_rules, planned_once, rule
from sysimage.spec import SystemSpec, parse_spec
from tests.support.store_builder import StoreBuilder, small_system

FEW: dict[str, Any] = {"max-layers": 3}
GROUPED: dict[str, Any] = {"layer-groups": [{"patterns": ["x*"]}]}


def spec(name: str = "small", **parts: Any) -> SystemSpec:
    return parse_spec(json.dumps({"name": name, "packages": [], **parts}))


def beside(name: str, **parts: Any) -> DeclaredSystem:
    return DeclaredSystem.of(spec(name, **parts), Path(), Path("none.lock.json"))


@pytest.fixture
def closure(tmp_path: Path) -> Closure:
    return small_system(StoreBuilder(tmp_path / "store"))


def test_a_plan_is_drawn_once_and_again_for_anything_else(closure: Closure, tmp_path: Path) -> None:
    drawn = []

    def draw() -> LayerPlan:
        drawn.append(1)
        return plan_layers(closure, 4)

    first = planned_once(tmp_path, closure, "rule", History(), draw)
    assert planned_once(tmp_path, closure, "rule", History(), draw) == first
    assert len(drawn) == 1
    planned_once(tmp_path, closure, "another rule", History(), draw)
    planned_once(tmp_path, closure, "rule", History((closure,)), draw)
    planned_once(tmp_path, closure, "rule", History(previous=Record(closure, first)), draw)
    assert len(drawn) == 4
    item = closure[closure.roots[0]]
    for changes in ({"deriver": item.path}, {"source": "x"}, {"changed": (5,)}, {"nar_size": item.nar_size + 1}):
        other = [replace(one, **changes) if one.path == item.path else one for one in closure]
        planned_once(tmp_path, Closure(other, closure.roots), "rule", History(), draw)
    assert len(drawn) == 8
    for path in (tmp_path / "plans").iterdir():
        path.write_bytes(path.read_bytes()[:-2])
    assert planned_once(tmp_path, closure, "rule", History(), draw) == first
    assert len(drawn) == 9


def test_the_spec_says_how_many_layers_there_are_at_most(closure: Closure, tmp_path: Path) -> None:
    for planning in (Planning(), Planning(strategy="guix-size"), Planning(favour="sharing")):
        plan = draw_layers(spec(**FEW), closure, planning, {}, tmp_path)
        assert plan.max_layers == 3
        assert len([layer for layer in plan.layers if not layer.customized]) == 2, "one is for the customization"


def test_systems_together_have_the_smallest_budget_and_the_same_layers(closure: Closure, tmp_path: Path) -> None:
    small, other = spec("small", **{"max-layers": 5}), beside("other", **{"max-layers": 3})
    one = draw_layers(small, closure, Planning(together=(other,)), {"other": closure}, tmp_path)
    planning = Planning(together=(DeclaredSystem.of(small, Path(), Path()),))
    two = draw_layers(other.spec, closure, planning, {"small": closure}, tmp_path)
    assert one.max_layers == 3
    assert [layer.paths for layer in one.layers] == [layer.paths for layer in two.layers]


def test_systems_of_one_name_are_not_planned_together(closure: Closure, tmp_path: Path) -> None:
    planning = Planning(together=(beside("small"),))
    with pytest.raises(SpecError) as caught:
        draw_layers(spec("small"), closure, planning, {"small": closure}, tmp_path)
    assert str(caught.value) == "cannot plan systems together: two are called the same"
    assert caught.value.hint == "give each its own name"
    with pytest.raises(SpecError, match="two are called the same"):
        draw_layers(spec(), closure, Planning(together=(beside("a"), beside("a"))), {"a": closure}, tmp_path)


def test_groups_are_those_of_the_spec_then_trees_then_jars_as_far_as_there_is_room() -> None:
    said: dict[str, Any] = {
        "layer-groups": [{"patterns": ["x*"]}, {"closure-of": ["y"]}, {"dominated-by": ["z"]}],
        "trees": {"/srv/b": {"source": "b"}, "/srv/a": {"source": "a"}},
        "java": {"jars": ["lib/shop.JAR", "lib", "other/shop.jar"], "at": "/srv/lib"},
    }
    every = (
        GroupRule(("x*",)),
        GroupRule((), ("y",)),
        GroupRule((), (), ("z",)),
        GroupRule(("tree-srv-a", "tree-srv-a+*")),
        GroupRule(("tree-srv-b", "tree-srv-b+*")),
        GroupRule(("java-shop",)),
    )
    assert group_rules(spec(**said)) == every
    for max_layers, base_layers, taken in ((8, 0, 6), (7, 0, 5), (9, 2, 5), (6, 0, 4), (5, 0, 3), (3, 0, 3)):
        said["max-layers"] = max_layers
        found = group_rules(spec(**said), base_layers)
        assert found == every[:taken], (max_layers, base_layers)
    said["max-layers"] = 100
    divided = group_rules(spec(**said), 0, lambda path: [GroupRule((f"{path}/1",)), GroupRule((f"{path}/2",))])
    assert divided[3:] == (
        *(GroupRule((f"/srv/{name}/{part}",)) for name in "ab" for part in (1, 2)),
        GroupRule(("java-shop",)),
    )


def test_systems_planned_together_have_the_groups_of_all(closure: Closure, tmp_path: Path) -> None:
    group: dict[str, Any] = {"layer-groups": [{"patterns": ["tzdata*"]}]}
    planning = Planning(together=(beside("other", **group),))
    plan = draw_layers(spec(), closure, planning, {"other": closure}, tmp_path)
    assert ["tzdata-2025b"] in [[path.name for path in layer.paths] for layer in plan.layers]
    assert not (tmp_path / "plans").exists()


def test_groups_that_want_the_same_item_are_the_same_for_every_system_of_several(
    closure: Closure, tmp_path: Path
) -> None:
    wide: dict[str, Any] = {"layer-groups": [{"patterns": ["tzdata*", "bash*"]}]}
    narrow: dict[str, Any] = {"layer-groups": [{"patterns": ["bash*"]}]}
    one, two = beside("one", **wide), beside("two", **narrow)
    plans = [
        draw_layers(mine.spec, closure, Planning(together=(other,)), {other.spec.name: closure}, tmp_path)
        for mine, other in ((one, two), (two, one))
    ]
    assert [[layer.paths for layer in plan.layers] for plan in plans[:1]] == [
        [layer.paths for layer in plan.layers] for plan in plans[1:]
    ]


def test_layers_of_a_base_are_part_of_the_budget(closure: Closure, tmp_path: Path) -> None:
    five: dict[str, Any] = {"max-layers": 5}
    for planning in (Planning(), Planning(strategy="guix-size")):
        plan = draw_layers(spec(**five), closure, planning, {}, tmp_path, 2)
        assert len([layer for layer in plan.layers if not layer.customized]) == 2
    planning = Planning(together=(beside("other", **five),))
    together = draw_layers(spec(), closure, planning, {"other": closure}, tmp_path, 2)
    assert len([layer for layer in together.layers if not layer.customized]) == 2


def test_a_rule_says_all_that_is_asked_for() -> None:
    planning = Planning(favour="updates", together=(beside("b"), beside("a")))
    assert json.loads(rule(spec(**GROUPED), planning, 3)) == {
        "strategy": "sysimage",
        "favour": "updates",
        "max-layers": 100,
        "groups": [{"patterns": ["x*"], "closure_of": [], "dominated_by": []}],
        "base-layers": 3,
        "together": ["a", "b"],
    }


def test_a_rule_depends_on_everything_that_a_plan_is_asked_for_with() -> None:
    rules = [
        rule(spec(), Planning(), 0),
        rule(spec(), Planning(), 1),
        rule(spec(**FEW), Planning(), 0),
        rule(spec(**GROUPED), Planning(), 0),
        rule(spec(), Planning(favour="updates"), 0),
        rule(spec(), Planning(strategy="single"), 0),
        rule(spec(), Planning(together=(beside("a"),)), 0),
    ]
    assert len(set(rules)) == len(rules)
    assert rule(spec(compression="none"), Planning(), 0) == rules[0], "bytes are not matter of a plan"
