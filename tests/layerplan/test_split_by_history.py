"""Parts of a tree stay in one layer as long as they change together, and are divided for good when they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.closure import Closure
from sysimage.layerplan import GroupRule, LayerPlan, plan_layers
from sysimage.layerplan.split_by_history import changed_apart
from tests.layerplan.closures import closure_of

NAMES = ("tree-app", "tree-app+a", "tree-app+b", "tree-app+c")


def release(versions: Mapping[str, int]) -> Closure:
    """What an image holds: a program, and the parts that are there in a version."""
    there = {name: version for name, version in versions.items() if version}
    return closure_of(dict.fromkeys(["tool-1", *there], 2_000_000), salts=there)


def planned(closure: Closure, before: Sequence[Closure], previous: LayerPlan | None) -> LayerPlan:
    parts = [item.path for item in closure if item.path.name in NAMES]
    groups = changed_apart(parts, closure, before, previous)
    assert sorted(path for group in groups for path in group) == sorted(parts)
    rules = [GroupRule(tuple(path.name for path in group)) for group in groups]
    return plan_layers(closure, 20, history=before, previous=previous, groups=rules)


def layers_of(plan: LayerPlan) -> set[frozenset[str]]:
    named = (frozenset(path.name for path in layer.paths) for layer in plan.layers)
    return {names for names in named if not names.isdisjoint(NAMES)}


def plans(releases: Sequence[Mapping[str, int]]) -> list[LayerPlan]:
    """Each knows the release before and the memory of its plan, as builds do that go on from an image."""
    made: list[LayerPlan] = []
    before: tuple[Closure, ...] = ()
    for versions in releases:
        closure = release(versions)
        made.append(planned(closure, before, made[-1] if made else None))
        before = (closure,)
    return made


def histories() -> st.SearchStrategy[list[dict[str, int]]]:
    """Releases, each of which changes some of the parts that are there."""

    def of(steps: list[set[str]]) -> list[dict[str, int]]:
        found = [dict.fromkeys(NAMES, 1)]
        for changed in steps:
            found.append({name: version + (name in changed) for name, version in found[-1].items()})
        return found

    return st.lists(st.sets(st.sampled_from(NAMES), min_size=1), min_size=1, max_size=6).map(of)


@pytest.mark.slow
@given(histories())
def test_two_parts_share_a_layer_exactly_if_they_have_always_changed_together(releases: list[dict[str, int]]) -> None:
    for at, plan in enumerate(plans(releases)):
        seen = releases[: at + 1]
        for one in NAMES:
            for other in NAMES:
                together = all(now[one] == now[other] for now in seen)
                assert together == any({one, other} <= layer for layer in layers_of(plan))


@pytest.mark.slow
@given(histories())
def test_a_division_moves_no_part_that_would_not_move_anyway(releases: list[dict[str, int]]) -> None:
    made = plans(releases)
    for older, newer, before, after in zip(made, made[1:], releases, releases[1:], strict=False):
        changed = {name for name in NAMES if before[name] != after[name]}
        moved = {name for layer in layers_of(newer) for name in layer if layer not in layers_of(older)} | changed
        whole = {name for layer in layers_of(older) if layer & changed for name in layer}
        assert moved <= whole


def test_groups_come_in_the_order_of_their_paths() -> None:
    first, second = release(dict.fromkeys(NAMES, 1)), release({**dict.fromkeys(NAMES, 1), NAMES[0]: 2, NAMES[2]: 2})
    parts = sorted((item.path for item in second if item.path.name in NAMES), reverse=True)
    changed = {path for path in parts if path.name in (NAMES[0], NAMES[2])}
    groups = changed_apart(parts, second, [first], None)
    assert groups == tuple(sorted((tuple(sorted(changed)), tuple(sorted({*parts} - changed)))))
    assert changed_apart(parts, second, (), None) == (tuple(sorted(parts)),)


def test_parts_that_were_divided_stay_so_when_they_change_together() -> None:
    releases = [{NAMES[0]: at, NAMES[1]: max(1, at - 1)} for at in range(1, 6)]
    assert [len(layers_of(plan)) for plan in plans(releases)] == [1, 2, 2, 2, 2]


def test_a_part_that_is_new_moves_none_of_the_others() -> None:
    one, two = plans([{NAMES[0]: 1, NAMES[1]: 1}, {NAMES[0]: 1, NAMES[1]: 1, NAMES[2]: 1}])
    assert layers_of(one) < layers_of(two)
