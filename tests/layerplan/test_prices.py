"""Room and prices: what a budget leaves, and what a layer costs."""

from __future__ import annotations

import pytest

from sysimage import layerplan
from sysimage.errors import SpecError
from sysimage.layerplan import MOST_LAYERS, LayerPlan, PlannedLayer, pull_seconds
from sysimage.layerplan.budget import room_for_items
from sysimage.layerplan.layer_draft import LayerDraft, Unit
from sysimage.layerplan.merge import is_coarse
from sysimage.layerplan.plan import check_max_layers
from sysimage.layerplan.prices import FIRST_PULLS, LAYER_PRICE, SPEED, THRIFT, WORTH_A_LAYER, Prices, prices
from tests.layerplan.closures import store_path


@pytest.mark.parametrize(
    ("most", "base", "room"), [(100, 0, 99), (2, 0, 1), (1, 0, 1), (125, 0, 124), (10, 7, 2), (10, 8, 1), (10, 9, 1)]
)
def test_the_customization_takes_one_of_the_layers_that_a_base_leaves_unless_it_is_the_only_one(
    most: int, base: int, room: int
) -> None:
    assert room_for_items(most, base) == room


@pytest.mark.parametrize("base", [10, 11])
def test_a_base_that_leaves_no_layer_is_refused(base: int) -> None:
    with pytest.raises(SpecError) as caught:
        room_for_items(10, base)
    assert str(caught.value) == f"cannot plan 10 layers: the base image has {base} already"
    assert caught.value.hint == "raise max_layers or choose a base with fewer layers"


def test_a_budget_is_one_that_an_engine_takes() -> None:
    check_max_layers(1)
    check_max_layers(MOST_LAYERS)
    for wrong in (0, -1, MOST_LAYERS + 1):
        with pytest.raises(SpecError) as caught:
            check_max_layers(wrong)
        assert str(caught.value) == f"cannot plan {wrong} layers: the number must be from 1 to 125"
        assert caught.value.hint == "Docker refuses deeper images; 100 leaves room for images built on top"


def test_the_customization_is_a_layer_of_its_own_unless_it_goes_into_another() -> None:
    layer, other = (PlannedLayer((store_path(name),), 1, "") for name in ("a", "b"))
    last = PlannedLayer((store_path("c"),), 1, "", customized=True)
    assert LayerPlan((layer, other), 9).count == 3
    assert LayerPlan((layer, other, last), 9).count == 3
    assert LayerPlan((layer,), 1).count == 1
    assert LayerPlan((layer,), 2).count == 2
    assert LayerPlan((), 2).count == 1


def test_a_client_waits_for_bytes_and_for_each_layer() -> None:
    assert pull_seconds(0, 0) == 0
    assert pull_seconds(SPEED, 0) == 1
    assert pull_seconds(2 * SPEED, 10) == pytest.approx(2 + 10 * LAYER_PRICE / SPEED)


def test_what_a_layer_costs_is_as_it_was_written_down() -> None:
    """With other prices the layers of every image would be others."""
    assert pull_seconds(20_000_000, 0) == pull_seconds(0, 200) / 13 == 1
    assert prices(1).layer == WORTH_A_LAYER == 325_000


def test_prices_are_in_possibilities_except_for_a_layers_bytes() -> None:
    assert prices(100) == Prices(0.0, 0.0, FIRST_PULLS * 100, LAYER_PRICE // THRIFT)
    assert prices(100, aloof=0.25, fresh=0.5) == Prices(25.0, 50.0, FIRST_PULLS * 100, LAYER_PRICE // THRIFT)
    assert Prices(3.0, 5.0) == Prices(3.0, 5.0, 0.0, 0)


def test_a_layer_costs_its_pulls_and_more_if_it_is_a_mixture_or_breaks_with_the_plan_before() -> None:
    price = Prices(aloof=3.0, fresh=5.0, first=7.0, layer=11)
    one, other = Unit((0,), 100, 0b0011), Unit((1,), 10, 0b0110)
    assert LayerDraft.of([one], kept=True).cost(price) == (100 + 11) * 2 + 11 * 7
    assert LayerDraft.of([one]).cost(price) == (100 + 11) * 2 + 11 * 7 + 100 * 5
    assert LayerDraft.of([one, other], kept=True).cost(price) == (110 + 11) * 3 + 11 * 7 + 110 * 3
    assert LayerDraft.of([one, other]).cost(price) == (110 + 11) * 3 + 11 * 7 + 110 * (3 + 5)


def test_only_more_layers_than_can_be_compared_and_than_there_is_room_for_are_joined_in_batches() -> None:
    assert [is_coarse(count, 99) for count in (100, 700, 701)] == [False, False, True]
    assert [is_coarse(count, 800) for count in (701, 800, 801)] == [False, False, True]


def test_the_room_has_what_it_promises_and_nothing_else() -> None:
    for name in layerplan.__all__:
        assert getattr(layerplan, name) is not None
    with pytest.raises(AttributeError, match=r"module 'sysimage\.layerplan' has no attribute 'plan_magic'"):
        layerplan.plan_magic  # noqa: B018
