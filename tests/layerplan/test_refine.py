from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.layerplan.layer_draft import LayerDraft, Unit
from sysimage.layerplan.merge import merge_in_batches, merge_to_fit
from sysimage.layerplan.prices import Prices
from sysimage.layerplan.refine import refine, takes_too_long

PRICES = st.builds(
    Prices,
    aloof=st.sampled_from([0.0, 3.0, 500.0]),
    fresh=st.sampled_from([0.0, 4.0, 100.0]),
    first=st.sampled_from([0.0, 16.0]),
    layer=st.sampled_from([0, 30, 2000]),
)


@st.composite
def layers(draw: st.DrawFn) -> list[LayerDraft]:
    count = draw(st.integers(2, 16))
    units = [Unit((at,), draw(st.integers(1, 1000)), draw(st.integers(0, 2**32 - 1))) for at in range(count)]
    boxes: dict[int, list[Unit]] = {}
    for unit in units:
        boxes.setdefault(draw(st.integers(0, 6)), []).append(unit)
    return [LayerDraft.of(box, kept=draw(st.booleans())) for box in boxes.values()]


def cost(drafts: list[LayerDraft], prices: Prices, before: list[LayerDraft]) -> float:
    """What the plan is expected to move: layers and their bytes, layers of first pulls, mixtures, and layers that were
    kept until now and are no more."""
    mixtures = sum(draft.size for draft in drafts if len(draft.units) > 1)
    still = {frozenset(unit.members for unit in draft.units) for draft in drafts if draft.kept}
    given_up = sum(
        draft.size for draft in before if draft.kept and frozenset(unit.members for unit in draft.units) not in still
    )
    pulls = sum((draft.size + prices.layer) * draft.ahead.bit_count() for draft in drafts)
    return pulls + prices.layer * prices.first * len(drafts) + prices.aloof * mixtures + prices.fresh * given_up


@given(layers(), PRICES, st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_no_unit_moves_without_a_gain_that_pays_for_the_layers_it_breaks(
    drafts: list[LayerDraft], prices: Prices, spare: int
) -> None:
    refined = refine(drafts, len(drafts) + spare, prices)
    where = [frozenset(unit.members for unit in draft.units) for draft in drafts]
    same = {frozenset(unit.members for unit in draft.units) for draft in refined} == set(where)
    if same:
        assert cost(refined, prices, drafts) == cost(drafts, prices, drafts)
    else:
        assert cost(refined, prices, drafts) < cost(drafts, prices, drafts)
    assert len(refined) <= len(drafts) + spare


@given(layers(), PRICES, st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_merging_keeps_every_unit_and_ends_within_the_room(drafts: list[LayerDraft], prices: Prices, room: int) -> None:
    merged = merge_to_fit(drafts, room, prices)
    assert len(merged) <= room
    if not prices.layer:
        assert len(merged) == min(len(drafts), room), "where a layer costs nothing besides its bytes, none is saved"
    assert sorted(u.members for d in merged for u in d.units) == sorted(u.members for d in drafts for u in d.units)


@given(layers(), PRICES, st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_merging_joins_what_costs_less_in_one_layer_and_below_the_budget_nothing_else(
    drafts: list[LayerDraft], prices: Prices, room: int
) -> None:
    merged = merge_to_fit(drafts, room, prices)
    for one, other in combinations(merged, 2):
        joined = LayerDraft.of([*one.units, *other.units])
        apart = cost([one, other], prices, drafts)
        assert cost([joined], prices, [one, other]) - cost([one, other], prices, [one, other]) > -1e-6 * apart - 1e-6
    if len(drafts) <= room:
        assert cost(merged, prices, drafts) <= cost(drafts, prices, drafts) * (1 + 1e-9)


def members(drafts: list[LayerDraft]) -> list[list[int]]:
    return [sorted(place for unit in draft.units for place in unit.members) for draft in drafts]


def test_what_was_asked_for_stays_as_it_is_and_takes_of_the_room() -> None:
    """The others are alike, and alike with what was asked for."""
    fixed = [LayerDraft.of([Unit((at,), 100, 0b11)], fixed=True) for at in range(3)]
    free = [LayerDraft.of([Unit((at,), 100, 0b11)]) for at in range(3, 7)]
    cheap = Prices(0, 0)
    for room, apart in ((7, 4), (6, 3), (5, 2), (4, 1), (3, 1), (1, 1)):
        merged = merge_to_fit([*fixed, *free], room, cheap)
        assert [draft for draft in merged if draft.fixed] == fixed
        assert len(merged) == 3 + apart
    assert members(merge_to_fit(fixed, 1, cheap)) == [[0], [1], [2]]
    dear = Prices(0, 0, layer=1000)
    assert members(refine([*fixed, *free], 9, dear)) == [[0], [1], [2], [3, 4, 5, 6]]


def test_a_unit_goes_where_it_costs_least_and_into_a_layer_of_its_own_if_there_is_room() -> None:
    calm, busy = 0b1, 0b11111110
    mixed = LayerDraft.of([Unit((0,), 100, calm), Unit((1,), 10, busy), Unit((2,), 100, calm)])
    other = LayerDraft.of([Unit((3,), 90, busy)])
    cheap = Prices(0, 0)
    assert members(refine([mixed, other], 2, cheap)) == [[0, 2], [1, 3]]
    alone = LayerDraft.of([Unit((3,), 90, 0b1 << 9)])
    assert sorted(members(refine([mixed, alone], 3, cheap))) == [[0, 2], [1], [3]]
    assert sorted(members(refine([mixed, alone], 2, cheap))) == [[0, 2, 3], [1]]
    assert members([mixed, other, alone]) == [[0, 1, 2], [3], [3]], "which are given as they were"
    kept = LayerDraft.of(mixed.units, kept=True)
    assert members(refine([kept, other], 2, Prices(0, 100))) == [[0, 1, 2], [3]]


def test_units_move_for_as_long_as_one_of_them_gains() -> None:
    """Where the first is better off by itself is seen only after the last has moved."""
    units = [Unit((0,), 10, 0b100), Unit((1,), 1, 0b110), Unit((2,), 1, 0b010), Unit((3,), 1, 0b010)]
    drafts = [LayerDraft.of(units[1:3]), LayerDraft.of([units[0], units[3]])]
    assert sorted(members(refine(drafts, 2, Prices(0, 0)))) == [[0], [1, 2, 3]]


def test_of_two_layers_where_a_unit_costs_the_same_it_goes_to_the_first() -> None:
    calm, busy = 0b1, 0b1110
    mixed = LayerDraft.of([Unit((0,), 100, calm), Unit((1,), 10, busy)])
    alike = [LayerDraft.of([Unit((at,), 90, busy)]) for at in (2, 3)]
    assert members(refine([mixed, *alike], 3, Prices(0, 0))) == [[0], [1, 2], [3]]


def test_units_move_in_five_sweeps_at_most() -> None:
    """In a sixth one the tenth would leave the last: with it plans would be others."""
    drawn = (
        ((11, 10, 74),),
        ((2, 10, 190), (8, 3, 179), (10, 100, 66)),
        ((0, 50, 206), (1, 2, 88), (9, 2, 141), (13, 100, 131)),
        ((3, 10, 15), (4, 50, 83), (5, 3, 160), (6, 5, 99), (7, 5, 103), (12, 3, 6)),
    )
    drafts = [LayerDraft.of([Unit((at,), size, ahead) for at, size, ahead in layer]) for layer in drawn]
    refined = refine(drafts, 4, Prices(0, 0))
    assert sorted(members(refined)) == [[0, 11, 12], [1, 2, 3, 5, 6, 7, 8, 9], [4], [10, 13]]
    assert sorted(members(refine(refined, 4, Prices(0, 0)))) == [[0, 11, 12], [1, 2, 3, 5, 6, 7, 8, 9], [4, 10], [13]]


def test_what_would_take_too_long_stays_as_it_is() -> None:
    assert [takes_too_long(300, layers) for layers in (1000, 1001)] == [False, True]
    assert [takes_too_long(units, 1) for units in (300_000, 300_001)] == [False, True]
    few, many = (LayerDraft.of([Unit((at,), 1, 1 << at % 2) for at in range(count)]) for count in (4, 600))
    asked_for = [LayerDraft.of([Unit((at,), 1, 0b1)], fixed=True) for at in range(600, 1101)]
    assert members(refine([few, *asked_for], 2000, Prices(0, 0))) != members([few, *asked_for])
    assert members(refine([many, *asked_for], 2000, Prices(0, 0))) == members([many, *asked_for])


def test_batches_are_of_layers_that_change_about_as_often_and_leave_the_largest_alone() -> None:
    large = [LayerDraft.of([Unit((at,), 1000 + at, 0b1)]) for at in range(2)]
    calm = [LayerDraft.of([Unit((at,), 10, 1 << at % 3)]) for at in range(2, 5)]
    busy = [LayerDraft.of([Unit((at,), 10, 0b11111000)]) for at in range(5, 8)]
    small = [calm[0], busy[0], calm[1], busy[1], calm[2], busy[2]]
    joined = merge_in_batches([small[0], large[0], *small[1:], large[1]], 4, Prices(0, 0))
    assert members(joined[:2]) == [[1], [0]]
    assert len(joined) == 2 + 3
    assert [5, 6, 7] in members(joined)


def test_a_batch_is_of_300_layers_and_half_as_many_are_left_of_it_even_if_fewer_cost_less() -> None:
    for small, left in ((10, 5), (301, 151)):
        drafts = [LayerDraft.of([Unit((at,), 1, 0b1)]) for at in range(1 + small)]
        assert len(merge_in_batches(drafts, 2, Prices(0, 0, layer=1000))) == 1 + left


def test_the_calmer_are_in_the_batches_before() -> None:
    calm = [LayerDraft.of([Unit((at,), 1, 0b1)]) for at in range(300)]
    busy = [LayerDraft.of([Unit((at,), 1, 0b11)]) for at in range(300, 302)]
    joined = merge_in_batches([LayerDraft.of([Unit((302,), 9, 0b1)]), *busy, *calm], 2, Prices(0, 0))
    assert members(joined)[-1] == [300, 301]


def test_the_cheapest_pair_is_joined() -> None:
    drafts = [
        LayerDraft.of([Unit((0,), 100, 0b1111)]),
        LayerDraft.of([Unit((1,), 100, 0b0001)]),
        LayerDraft.of([Unit((2,), 100, 0b1110)]),
    ]
    merged = merge_to_fit(drafts, 2, Prices(0, 0))
    assert sorted(sorted(unit.members[0] for unit in draft.units) for draft in merged) == [[0, 2], [1]]
