"""What a plan is expected to move, beside what other rules would."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sysimage.closure import Closure
from sysimage.layerplan import ChangeHistory, LayerPlan, PlannedLayer
from sysimage.layerplan.estimate import Outlook, outlook
from tests.layerplan.closures import closure_of

MB = 10**6
CLOSURE = closure_of(
    {"busy-1": 10 * MB, "calm-1": 30 * MB, "idle-1": 20 * MB, "tool-1": 2 * MB}, {"tool-1": ["busy-1"]}
)
STEPS = 20


def planned(*groups: str, closure: Closure = CLOSURE, propagates: bool = False) -> LayerPlan:
    """A plan with these groups, whose memory has ``busy-1`` changing in every step and nothing else."""
    layers = []
    for group in groups:
        items = [item for item in closure if item.path.name in group.split()]
        layers.append(PlannedLayer(tuple(item.path for item in items), sum(item.nar_size for item in items), ""))
    always = (1 << STEPS) - 1
    own = tuple((item.path, always if item.path.name == "busy-1" else 0) for item in closure)
    present = tuple((item.path, always) for item in closure)
    return LayerPlan(tuple(layers), 3, ChangeHistory(STEPS, own, present, propagates))


def moved(plan: LayerPlan, closure: Closure = CLOSURE, base_layers: int = 0) -> dict[str, float]:
    found = outlook(plan, closure, base_layers=base_layers)
    assert found is not None
    return dict(found.moved)


def test_what_moves_with_an_update_is_what_the_layers_that_change_hold() -> None:
    found = outlook(planned("busy-1", "calm-1 idle-1 tool-1"), CLOSURE, base_layers=0)
    assert found is not None
    assert found.steps == STEPS
    assert list(found.moved) == ["guix-size", "popularity", "single", "sysimage"]
    assert found.moved["single"] == 62 * MB, "one layer moves whenever anything changes"
    assert 10 * MB < found.moved["sysimage"] < 15 * MB, "what changes moves alone, nearly always"
    assert 24 < found.updates_per_year <= 26.09
    weekly = outlook(planned("busy-1", "calm-1 idle-1 tool-1"), CLOSURE, base_layers=0, days_between=7.0)
    assert weekly is not None
    assert weekly.updates_per_year == pytest.approx(2 * found.updates_per_year, abs=0.02)
    assert (weekly.moved, weekly.steps) == (found.moved, found.steps)


def test_what_is_rebuilt_with_what_it_refers_to_moves_too() -> None:
    alone = moved(planned("busy-1", "tool-1", "calm-1 idle-1"))["sysimage"]
    assert moved(planned("busy-1", "tool-1", "calm-1 idle-1", propagates=True))["sysimage"] - alone > 1.5 * MB


def test_other_rules_have_the_room_that_a_base_leaves() -> None:
    groups = "busy-1", "calm-1 idle-1 tool-1"
    assert moved(planned(*groups))["guix-size"] < moved(planned(*groups), base_layers=1)["guix-size"] == 62 * MB


def test_an_image_on_a_base_that_holds_some_of_the_items_is_compared_with_one_layer_alone() -> None:
    found = moved(planned("busy-1", "idle-1"))
    assert list(found) == ["single", "sysimage"]
    assert found["single"] == 30 * MB


def test_without_a_memory_nothing_is_expected() -> None:
    plan = planned("busy-1", "calm-1 idle-1 tool-1")
    assert isinstance(outlook(plan, CLOSURE, base_layers=0), Outlook)
    for lost in (replace(plan.memory, steps=0), replace(plan.memory, own=())):
        assert outlook(replace(plan, memory=lost), CLOSURE, base_layers=0) is None
    assert outlook(replace(plan, layers=()), CLOSURE, base_layers=0) is None
