from random import Random

import pytest
from hypothesis import given, settings

from sysimage.closure import Closure
from sysimage.layerplan.changes import observe
from sysimage.layerplan.forecast import POSSIBILITIES, bernoulli, changes_ahead
from sysimage.layerplan.rates import predict
from tests.layerplan.closures import closures


@pytest.mark.parametrize("chance", [0.0, 0.01, 0.3, 0.95])
def test_as_many_bits_are_set_as_the_chance_says(chance: float) -> None:
    share = bernoulli(chance, "seed", 1 << 16).bit_count() / (1 << 16)
    assert share == pytest.approx(chance, abs=0.01)


def test_what_has_no_chance_does_not_happen_even_where_every_draw_is_for_it() -> None:
    drawn = Random("seed27757")
    assert [drawn.getrandbits(1) for _ in range(14)] == [1] * 14
    assert bernoulli(0.0, "seed27757", 1) == 0


@given(closures())
@settings(max_examples=30, deadline=None)
def test_a_change_climbs_from_an_item_to_all_that_refer_to_it(closure: Closure) -> None:
    rates = predict(closure, observe([closure]))
    alone = changes_ahead(closure, rates, propagates=False)
    ahead = changes_ahead(closure, rates, propagates=True)
    for item in closure:
        assert alone[item.path].bit_length() <= POSSIBILITIES
        expected = alone[item.path]
        for reference in item.references:
            expected |= ahead[reference]
        assert ahead[item.path] == expected
