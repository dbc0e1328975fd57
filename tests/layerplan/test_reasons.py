"""What a plan says of its layers, to people."""

from __future__ import annotations

import pytest

from sysimage.layerplan.forecast import POSSIBILITIES
from sysimage.layerplan.layer_draft import LayerDraft, Unit
from sysimage.layerplan.plan import PlannedLayer
from sysimage.layerplan.reasons import explain, pulls_per_year
from tests.layerplan.closures import closure_of

ITEMS = list(closure_of({"bash-5.2": 30, "zlib-1.3": 70, "perl-5.36": 70}))
"""In the order of the closure, which is theirs here."""


def unit(*names: str, ahead: int = 0b1) -> Unit:
    places = [at for at, item in enumerate(ITEMS) if item.path.name.split("-")[0] in names]
    return Unit(tuple(places), sum(ITEMS[at].nar_size for at in places), ahead)


def often(possibilities: int, start: int = 0) -> int:
    """A set of so many possibilities."""
    return ((1 << possibilities) - 1) << start


def reason(*units: Unit, kept: bool = False, fixed: bool = False) -> str:
    return explain(LayerDraft.of(units, kept=kept, fixed=fixed), ITEMS, 14.0).reason


def test_a_layer_of_a_plan_says_what_it_holds() -> None:
    paths = tuple(sorted(item.path for item in ITEMS))
    layer = explain(
        LayerDraft.of([unit("perl", ahead=0b11), unit("zlib", "bash", ahead=0b10)]), ITEMS, 14.0, "; a note"
    )
    said = f"3 items that change together, {heaviest()} the largest; a note"
    assert layer == PlannedLayer(paths, 170, said, pulls_per_year(0b11, 14.0))


def heaviest() -> str:
    """The first of the closure's largest items."""
    return next(item.path.name for item in ITEMS if item.nar_size == 70).split("-")[0]


def test_one_item_is_worth_its_layer_and_several_of_one_family_are_held_together() -> None:
    assert reason(unit("bash")) == "bash alone: worth a layer by its size and how often it changes"
    family = "zlib and 1 items that other systems are likely to hold together with it"
    assert reason(unit("zlib", "bash")) == family
    assert reason(unit("zlib", "bash"), kept=True) == f"{family}, kept from the previous plan"


def test_a_group_was_asked_for_whatever_is_in_it() -> None:
    assert reason(unit("zlib"), fixed=True) == "asked for: a group of the specification"
    assert reason(unit("zlib"), unit("perl"), fixed=True) == "asked for: a group of the specification"


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (often(4), often(1, 4), "2 items that change together"),
        (often(40), often(11, 40), "2 small items that change seldom"),
        (often(POSSIBILITIES // 8 - 1), often(POSSIBILITIES // 8, 600), "2 small items that change seldom"),
        (
            often(POSSIBILITIES // 8),
            often(POSSIBILITIES // 8, 600),
            "2 small items that change about equally often",
        ),
    ],
)
def test_a_mixture_changes_together_or_seldom_or_about_equally_often(one: int, other: int, said: str) -> None:
    assert reason(unit("zlib", ahead=one), unit("bash", ahead=other)) == f"{said}, zlib the largest"


def test_a_layer_is_pulled_in_the_share_of_steps_in_which_it_changes() -> None:
    assert pulls_per_year(often(POSSIBILITIES), 365.25) == 1.0
    assert pulls_per_year(often(POSSIBILITIES // 4), 36.525) == 2.5
    assert pulls_per_year(0, 14.0) == 0.0
