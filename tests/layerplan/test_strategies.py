import pytest

from sysimage.errors import SpecError
from sysimage.layerplan import STRATEGIES, plan_by
from tests.layerplan.closures import closure_of, store_shaped


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_every_strategy_makes_a_partition_within_the_limit(strategy: str) -> None:
    closure = store_shaped(80)
    plan = plan_by(strategy, closure, 20)
    assert sorted(p for layer in plan.layers for p in layer.paths) == sorted(item.path for item in closure)
    assert len(plan.layers) <= 19


def test_size_puts_the_largest_alone_and_the_rest_together() -> None:
    plan = plan_by("guix-size", closure_of({"a-1": 1, "b-1": 9, "c-1": 5, "d-1": 2}), 4)
    assert [[path.name for path in layer.paths] for layer in plan.layers] == [["b-1"], ["c-1"], ["a-1", "d-1"]]


def test_popularity_puts_what_is_needed_most_alone() -> None:
    closure = closure_of({"libc-1": 1, "a-1": 9, "b-1": 5}, {"a-1": ["libc-1"], "b-1": ["libc-1"]})
    plan = plan_by("popularity", closure, 3)
    assert [[path.name for path in layer.paths] for layer in plan.layers] == [["libc-1"], ["a-1", "b-1"]]


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(SpecError, match="cannot plan layers by 'magic'"):
        plan_by("magic", closure_of({"a-1": 1}))
