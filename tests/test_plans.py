"""Layer boundaries are drawn once for the same question."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.closure import Closure
from sysimage.history import History
from sysimage.layerplan import LayerPlan, Record, plan_layers
from sysimage.plans import planned_once
from tests.support.store_builder import StoreBuilder, small_system


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
