import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.closure import Closure
from sysimage.errors import SpecError
from sysimage.layerplan import Favour, GroupRule, LayerPlan, PlannedLayer, plan_layers
from sysimage.layerplan.plan import ChangeHistory
from tests.layerplan.closures import closure_of, closures, rehashed, store_path, store_shaped, updated

FAVOURS: list[Favour] = ["updates", "both", "sharing"]
limits = st.integers(1, 12)
favours = st.sampled_from(FAVOURS)


MB = 10**6


def names(plan: LayerPlan) -> list[list[str]]:
    return [sorted(path.name for path in layer.paths) for layer in plan.layers]


def pulled(plan: LayerPlan, held: LayerPlan) -> int:
    known = {layer.paths for layer in held.layers}
    return sum(layer.nar_size for layer in plan.layers if layer.paths not in known)


@given(closures(), limits, favours)
@settings(max_examples=60, deadline=None)
def test_a_plan_is_a_partition_within_the_limit(closure: Closure, limit: int, favour: Favour) -> None:
    plan = plan_layers(closure, limit, favour=favour)
    assert sorted(path for layer in plan.layers for path in layer.paths) == sorted(item.path for item in closure)
    assert all(layer.paths and layer.paths == tuple(sorted(layer.paths)) for layer in plan.layers)
    assert plan.count <= limit
    assert sum(layer.nar_size for layer in plan.layers) == closure.nar_size


@pytest.mark.slow
@given(closures(), limits, favours, st.data())
@settings(max_examples=40, deadline=None)
def test_updates_with_history_and_a_previous_plan_keep_the_contract(
    closure: Closure, limit: int, favour: Favour, data: st.DataObject
) -> None:
    past = [closure]
    plan = None
    for step in range(4):
        chosen = data.draw(st.sets(st.sampled_from(sorted(item.path.name for item in closure)), max_size=3))
        past.append(updated(past[-1], chosen, propagates=data.draw(st.booleans()), salt=step))
        plan = plan_layers(past[-1], limit, past[:-1], plan, favour)
        assert sorted(p for layer in plan.layers for p in layer.paths) == sorted(item.path for item in past[-1])
        assert plan.count <= limit


@given(closures(), limits, favours, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_hash_parts_and_the_order_of_input_change_nothing(
    closure: Closure, limit: int, favour: Favour, random: object
) -> None:
    order = list(range(len(closure)))
    random.shuffle(order)  # type: ignore[attr-defined]
    again = plan_layers(rehashed(closure, "other", order), limit, favour=favour)
    assert names(again) == names(plan_layers(closure, limit, favour=favour))


@given(closures(), limits, favours)
@settings(max_examples=40, deadline=None)
def test_without_a_change_the_previous_plan_stays(closure: Closure, limit: int, favour: Favour) -> None:
    plan = plan_layers(closure, limit, [closure], favour=favour)
    # Without its memory, or the second plan would know one step more than the first.
    again = plan_layers(closure, limit, [closure], replace(plan, memory=ChangeHistory()), favour)
    if favour != "sharing":  # there, being alike takes precedence over staying alike
        assert [layer.paths for layer in again.layers] == [layer.paths for layer in plan.layers]
    assert again.count <= limit


def test_a_package_added_and_one_removed_cost_little_more_than_themselves() -> None:
    sizes = {f"p{at}-1.0": MB * (at + 1) for at in range(60)}
    before = closure_of(sizes)
    plan = plan_layers(before, 20)
    del sizes["p3-1.0"]
    after = plan_layers(closure_of({**sizes, "new-1.0": 5 * MB}), 20, [before], plan)
    broken = sum(layer.nar_size for layer in plan.layers if any(path.name == "p3-1.0" for path in layer.paths))
    assert pulled(after, plan) <= broken + 5 * MB + max(layer.nar_size for layer in plan.layers) / 4


def test_what_changes_often_is_above_what_never_did() -> None:
    closure = closure_of({"calm-1.0": 10 * MB, "busy-1.0": 10 * MB, "dead-1.0": 10 * MB})
    past = [closure]
    for step in range(12):
        past.append(updated(past[-1], ["busy-1.0"], propagates=False, salt=step))
    plan = plan_layers(past[-1], 10, past[:-1], favour="updates")
    assert names(plan)[-1] == ["busy-1.0"]


def test_items_that_changed_together_share_a_layer() -> None:
    closure = closure_of({"twin-a-1.0": 9 * MB, "other-1.0": 10 * MB, "more-1.0": 11 * MB, "pair-b-1.0": 9 * MB + 1})
    past = [closure]
    for step in range(20):
        who = ["twin-a-1.0", "pair-b-1.0"] if step % 5 == 0 else ["other-1.0"] if step % 3 == 0 else []
        past.append(updated(past[-1], who, propagates=False, salt=step))
    plan = plan_layers(past[-1], 4, past[:-1], favour="updates")
    assert ["pair-b-1.0", "twin-a-1.0"] in names(plan)


def test_the_memory_of_a_plan_is_worth_its_history() -> None:
    closure = closure_of({f"p{at}-1.0": 10 * MB + at for at in range(12)})
    past = [closure]
    plan = plan_layers(closure, 5)
    for step in range(9):
        past.append(updated(past[-1], [f"p{step % 3}-1.0"], propagates=False, salt=step))
        plan = plan_layers(past[-1], 5, past[:-1], plan)
    last = updated(past[-1], ["p1-1.0"], propagates=False, salt="last")
    assert plan_layers(last, 5, past, plan) == plan_layers(last, 5, past[-1:], plan) == plan_layers(last, 5, (), plan)


def test_dates_of_changes_serve_where_there_is_no_history() -> None:
    fortnight = 14 * 86400
    busy = tuple(fortnight * at for at in range(1, 27))
    closure = closure_of(
        {"busy-1.0": 10 * MB, "calm-1.0": 10 * MB, "idle-1.0": 10 * MB},
        changed={"busy-1.0": busy, "calm-1.0": (fortnight,), "idle-1.0": (fortnight,)},
    )
    plan = plan_layers(closure, 3, favour="updates")
    assert ["busy-1.0"] in names(plan)
    assert names(plan)[-1] == ["busy-1.0"]


def test_two_steps_of_history_are_worth_more_than_dates() -> None:
    closure = closure_of({"a-1.0": MB, "b-1.0": MB}, changed={"a-1.0": (5,)})
    assert [plan_layers(closure, 3, [closure] * past).memory.steps for past in (0, 1, 2, 3)] == [26, 26, 2, 3]


def test_groups_asked_for_share_a_layer_that_holds_nothing_else() -> None:
    closure = closure_of({"python3-3.11": 10, "python3-yaml-6": 20, "bash-5": 30 * MB, "zlib-1": 5 * MB})
    plan = plan_layers(closure, 4, groups=[GroupRule(("python3*",))])
    assert ["python3-3.11", "python3-yaml-6"] in names(plan)
    assert next(layer for layer in plan.layers if len(layer.paths) == 2).reason.startswith("asked for")


@pytest.mark.parametrize("favour", FAVOURS)
def test_a_group_that_is_asked_for_now_holds_against_the_plan_before(favour: Favour) -> None:
    closure = closure_of({"python3-3.11": 10 * MB, "python3-yaml-6": 20 * MB, "bash-5": 30 * MB, "zlib-1": 5 * MB})
    together = plan_layers(closure, 1)
    apart = plan_layers(closure, 10)
    assert ["python3-3.11"] in names(apart)
    for previous in (together, apart):
        plan = plan_layers(closure, 10, [closure], previous, groups=[GroupRule(("python3*",))], favour=favour)
        assert ["python3-3.11", "python3-yaml-6"] in names(plan)
        (group,) = [layer for layer in plan.layers if len(layer.paths) == 2]
        assert group.reason.startswith("asked for")


def test_a_layer_is_kept_as_it_was_until_an_item_of_it_vanishes() -> None:
    """Two large items belong apart, but dividing a layer that clients have costs a pull; one that is broken is free."""
    closure = closure_of({"a-1.0": 20 * MB, "b-1.0": 30 * MB, "c-1.0": 5 * MB})
    fresh = plan_layers(closure, 10, favour="updates")
    a, b, c = (store_path(name) for name in ("a-1.0", "b-1.0", "c-1.0"))
    for more, expected in (((), [["a-1.0", "b-1.0"], ["c-1.0"]]), ((store_path("gone-1.0"),), names(fresh))):
        together = PlannedLayer(tuple(sorted((a, b, *more))), 50 * MB, "as it was")
        previous = LayerPlan((together, PlannedLayer((c,), 5 * MB, "alone")), 10, fresh.memory)
        assert sorted(names(plan_layers(closure, 10, [closure], previous, "updates"))) == sorted(expected)
    assert ["a-1.0"] in names(fresh)


def test_more_groups_than_layers_are_refused() -> None:
    closure = closure_of({"a-1": 1, "b-1": 1, "c-1": 1})
    with pytest.raises(SpecError, match="cannot plan 2 explicit layer groups"):
        plan_layers(closure, 3, groups=[GroupRule(("a*",)), GroupRule(("b*",))])


@pytest.mark.parametrize("favour", FAVOURS)
def test_items_that_are_not_worth_a_layer_each_share_layers_below_the_budget(favour: Favour) -> None:
    large = {f"large{at}-1.0": 50 * MB + at for at in range(5)}
    closure = closure_of({**large, **{f"small{at}-1.0": 20_000 + at for at in range(40)}})
    plan = plan_layers(closure, 100, favour=favour)
    assert all([name] in names(plan) for name in large), "a large item pays for its layer"
    assert len(plan.layers) < 15


def test_a_layer_that_a_new_small_item_could_join_is_not_given_up_for_it() -> None:
    before = closure_of({"large-1.0": 50 * MB, "other-1.0": 40 * MB})
    plan = plan_layers(before, 100)
    after = plan_layers(
        closure_of({"large-1.0": 50 * MB, "other-1.0": 40 * MB, "new-1.0": 10_000}), 100, [before], plan
    )
    assert pulled(after, plan) == 10_000


def test_a_plan_has_100_layers_at_most_and_serves_updates_and_sharing_unless_others_are_asked_for() -> None:
    closure = closure_of({"a-1": 5 * MB, "b-1": 6 * MB})
    plan = plan_layers(closure)
    assert plan == plan_layers(closure, 100, (), None, "both", (), base_layers=0, days_between=14.0)
    assert plan.max_layers == 100
    assert plan_layers(Closure([])).layers == ()


def test_one_layer_holds_everything() -> None:
    assert len(plan_layers(closure_of({"a-1": 1, "b-1": 2}), 1).layers) == 1


def test_layers_of_a_base_image_count() -> None:
    closure = closure_of({f"p{at}-1": (10 + at) * MB for at in range(9)})
    assert len(plan_layers(closure, 10, base_layers=5).layers) == 4
    with pytest.raises(SpecError, match="the base image has 10 already"):
        plan_layers(closure, 10, base_layers=10)


@pytest.mark.parametrize("limit", [0, 126])
def test_a_budget_that_no_engine_takes_is_refused(limit: int) -> None:
    with pytest.raises(SpecError, match=f"cannot plan {limit} layers"):
        plan_layers(closure_of({"a-1": 1}), limit)


def test_every_layer_says_why_it_exists_and_how_often_it_is_pulled() -> None:
    plan = plan_layers(store_shaped(150), 20)
    assert all(layer.reason and layer.pulls_per_year is not None for layer in plan.layers)


@pytest.mark.slow
def test_a_large_closure_is_planned_coarsely_and_says_so() -> None:
    started = time.process_time()
    plan = plan_layers(store_shaped(1500), 100)
    assert time.process_time() - started < 20
    assert any("joined in batches" in layer.reason for layer in plan.layers)
