from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.layerplan.layer_draft import LayerDraft, Unit
from sysimage.layerplan.order import stack


def drafts_of(layers: list[tuple[int, int]]) -> list[LayerDraft]:
    """Layers by bytes and possibilities."""
    return [LayerDraft.of([Unit((at,), size, ahead)]) for at, (size, ahead) in enumerate(layers)]


def above_changes(order: list[LayerDraft]) -> int:
    """Bytes times possibilities in which a layer or one below it changes."""
    below = total = 0
    for draft in order:
        below |= draft.ahead
        total += draft.size * below.bit_count()
    return total


some_layers = st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 255)), min_size=1, max_size=6)


@given(some_layers)
@settings(max_examples=60, deadline=None)
def test_no_single_layer_is_better_off_elsewhere(layers: list[tuple[int, int]]) -> None:
    order = stack(drafts_of(layers))
    for draft in order:
        rest = [other for other in order if other is not draft]
        for at in range(len(order)):
            assert above_changes([*rest[:at], draft, *rest[at:]]) >= above_changes(order)


@given(some_layers)
@settings(max_examples=60, deadline=None)
def test_a_small_stack_is_close_to_the_best_order(layers: list[tuple[int, int]]) -> None:
    best = min(above_changes(list(order)) for order in permutations(drafts_of(layers)))
    assert above_changes(stack(drafts_of(layers))) <= 1.5 * best


@given(some_layers, st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_the_bottom_stays_where_it_is(layers: list[tuple[int, int]], bottom: int) -> None:
    drafts = drafts_of(layers)
    assert all(one is other for one, other in zip(stack(drafts, bottom), drafts[:bottom], strict=False))


def test_layers_that_change_together_are_together() -> None:
    # By itself each of the pair adds more possibilities for its size than the third; both together add fewer.
    twins, other = 0b111, 0b11000
    order = stack(drafts_of([(100, twins), (100, twins), (90, other)]))
    assert [draft.ahead for draft in order] == [twins, twins, other]


def test_layers_move_for_as_long_as_one_of_them_gains() -> None:
    """The first of them moves only after the others have."""
    order = stack(drafts_of([(1, 0b10111), (2, 0b01111), (2, 0b11101), (1, 0b10010)]))
    assert [draft.units[0].members for draft in order] == [(3,), (0,), (1,), (2,)]


def test_the_large_layers_find_their_places_before_the_small_ones() -> None:
    """With the small ones first this stack would cost more."""
    order = stack(drafts_of([(1, 0b0110), (1, 0b1011), (4, 0b1001), (4, 0b0110)]))
    assert [draft.units[0].members for draft in order] == [(3,), (0,), (2,), (1,)]


def test_of_layers_that_change_as_often_for_their_size_the_larger_is_further_down() -> None:
    for layers in ([(1, 0b1), (2, 0b110)], [(2, 0b110), (1, 0b1)]):
        assert [draft.size for draft in stack(drafts_of(layers))] == [2, 1]
