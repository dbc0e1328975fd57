import pytest

from sysimage.closure import Closure
from sysimage.errors import SpecError
from sysimage.layerplan import STRATEGIES, LayerPlan, PlannedLayer, plan_by
from tests.layerplan.closures import closure_of, store_path, store_shaped


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_every_strategy_makes_a_partition_within_the_limit(strategy: str) -> None:
    closure = store_shaped(80)
    plan = plan_by(strategy, closure, 20)
    assert sorted(p for layer in plan.layers for p in layer.paths) == sorted(item.path for item in closure)
    assert len(plan.layers) <= 19


def test_size_puts_the_largest_alone_and_the_rest_together() -> None:
    closure = closure_of({"a-1": 1, "b-1": 9, "c-1": 5, "d-1": 2})
    a, b, c, d = (store_path(f"{name}-1") for name in "abcd")
    for base_layers in (0, 3):
        assert plan_by("guix-size", closure, 4 + base_layers, base_layers=base_layers) == LayerPlan(
            (
                PlannedLayer((b,), 9, "the rule guix-size"),
                PlannedLayer((c,), 5, "the rule guix-size"),
                PlannedLayer(tuple(sorted((a, d))), 3, "the rule guix-size"),
            ),
            4 + base_layers,
        )
    for room_for_all in (5, 6):
        plan = plan_by("guix-size", closure, room_for_all)
        assert [layer.paths for layer in plan.layers] == [(b,), (c,), (d,), (a,)]


def test_popularity_puts_what_is_needed_most_alone() -> None:
    closure = closure_of({"libc-1": 1, "a-1": 9, "b-1": 5}, {"a-1": ["libc-1"], "b-1": ["libc-1"]})
    plan = plan_by("popularity", closure, 3)
    assert [[path.name for path in layer.paths] for layer in plan.layers] == [["libc-1"], ["a-1", "b-1"]]
    alone = closure_of({"aaa-1": 1, "libc-1": 1, "x-1": 1, "y-1": 1}, {"x-1": ["libc-1"], "y-1": ["libc-1"]})
    assert alone.items[0].path.name == "aaa-1", "which nothing needs"
    assert [path.name for path in plan_by("popularity", alone, 3).layers[0].paths] == ["libc-1"]


@pytest.mark.parametrize("strategy", ["guix-size", "popularity"])
def test_items_that_a_rule_does_not_distinguish_are_in_the_order_of_their_paths(strategy: str) -> None:
    closure = closure_of(dict.fromkeys(["a-1", "b-1", "c-1", "d-1", "e-1"], 1))
    plan = plan_by(strategy, closure, 9)
    assert [layer.paths for layer in plan.layers] == [(path,) for path in sorted(item.path for item in closure)]


def test_one_layer_holds_all_that_there_is() -> None:
    assert len(plan_by("single", closure_of({"a-1": 1, "b-1": 2})).layers) == 1
    assert plan_by("single", Closure([])).layers == ()


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        plan_by("magic", closure_of({"a-1": 1}))
    assert str(caught.value) == "cannot plan layers by 'magic': no such strategy"
    assert caught.value.hint == "choose one of guix-size, popularity, single"
