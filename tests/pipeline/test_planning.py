"""Layer boundaries by rule, history and neighbours; a plan is drawn once for what it follows from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.closure import Closure
from sysimage.errors import SpecError
from sysimage.layerplan import LayerPlan, Record, plan_layers
from sysimage.pipeline.history import History
from sysimage.pipeline.options import DeclaredSystem, Planning
from sysimage.pipeline.planning import draw_layers, planned_once, rule
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
    for path in (tmp_path / "plans").iterdir():
        path.write_bytes(path.read_bytes()[:-2])
    assert planned_once(tmp_path, closure, "rule", History(), draw) == first
    assert len(drawn) == 5


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
    with pytest.raises(SpecError, match="two are called the same"):
        draw_layers(spec("small"), closure, planning, {"small": closure}, tmp_path)
    with pytest.raises(SpecError, match="two are called the same"):
        draw_layers(spec(), closure, Planning(together=(beside("a"), beside("a"))), {"a": closure}, tmp_path)


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
