from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sysimage.closure import Closure
from sysimage.layerplan import LayerPlan, plan_layers
from sysimage.layerplan.prices import WORTH_A_LAYER
from sysimage.layerplan.sharing import draft_alike, small_below
from tests.layerplan.closures import closure_of, closures

MIB = 1 << 20
LARGE = {"libc-2": 20 * MIB, "compiler-9": 30 * MIB}
SHELL = {"shell-1": MIB, "readline-1": MIB // 2, "tinfo-1": MIB // 4}
SHELL_NEEDS = {"shell-1": ["readline-1", "libc-2"], "readline-1": ["tinfo-1"]}


def shared_with(application: str, libraries: int) -> Closure:
    """A shell and an application with libraries of its own, which needs the shell's too."""
    own = {f"{application}-part{at}-1": MIB // 8 + at for at in range(libraries)}
    return closure_of(
        {**LARGE, **SHELL, f"{application}-1": MIB, **own},
        {**SHELL_NEEDS, f"{application}-1": ["tinfo-1", "libc-2", "compiler-9", *own]},
    )


def layers(plan: LayerPlan) -> set[frozenset[str]]:
    return {frozenset(path.name for path in layer.paths) for layer in plan.layers}


def test_systems_that_know_nothing_of_each_other_draw_the_same_layers() -> None:
    web = layers(plan_layers(shared_with("web", 30), 20, favour="sharing"))
    mail = layers(plan_layers(shared_with("mail", 50), 20, favour="sharing"))
    assert web & mail == {frozenset(["libc-2"]), frozenset(["compiler-9"]), frozenset(SHELL)}


def test_an_item_above_all_others_changes_no_line() -> None:
    bare = shared_with("web", 30)
    roots = {path.name for path in bare.roots}
    sizes = {item.path.name: item.nar_size for item in bare}
    references = {item.path.name: [path.name for path in item.references] for item in bare}
    below = layers(plan_layers(bare, 20, favour="sharing"))
    topped = closure_of({**sizes, "profile-1": 4096}, {**references, "profile-1": roots})
    assert layers(plan_layers(topped, 20, favour="sharing")) == below | {frozenset(["profile-1"])}


@given(closures(), st.integers(2, 12))
@settings(max_examples=40, deadline=None)
def test_small_items_of_one_root_stay_together(closure: Closure, limit: int) -> None:
    """Small items of one root are never parted, whatever else there is."""
    plan = plan_layers(closure, limit, favour="sharing")
    number = {path: at for at, layer in enumerate(plan.layers) for path in layer.paths}
    roots = closure.roots if len(closure.roots) > 1 else ()  # a single one is skipped
    small = small_below(max(1, limit - 1))
    for root in roots:
        mine = [
            item.path
            for item in closure
            if list(closure.graph.predecessors(item.path)) == [root] and item.nar_size < small
        ]
        if closure[root].nar_size < small:
            mine.append(root)
        assert len({number[path] for path in mine}) <= 1


UNITS = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 20)), min_size=3, max_size=6)
"""Mebibytes of each, less than what has a layer of its own anyway, and how many tiny items it needs."""


@given(UNITS, st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_what_is_large_and_needs_little_has_a_layer_and_the_rest_shares_one(
    units: list[tuple[int, int]], room: int
) -> None:
    """Other systems are the likelier to hold a root the fewer items it needs: its bytes count that much more."""
    sizes: dict[str, int] = {}
    references: dict[str, list[str]] = {}
    worth: dict[str, float] = {}
    for at, (size, needed) in enumerate(units):
        parts = [f"root{at}-part{part}" for part in range(needed)]
        sizes |= {f"root{at}": size * MIB, **dict.fromkeys(parts, 1)}
        references[f"root{at}"] = parts
        worth[f"root{at}"] = (size * MIB + needed) / (1 + needed) ** 0.3
    closure = closure_of(sizes, references)
    ranked = sorted(worth, key=lambda root: worth[root], reverse=True)
    assume(all(worth[one] > worth[other] * (1 + 1e-9) for one, other in pairwise(ranked)))
    drafts = draft_alike(closure, dict.fromkeys(closure.graph, 0), [], room)
    names = [{closure.items[at].path.name for unit in draft.units for at in unit.members} for draft in drafts]
    found = [{root for root in worth if root in layer} for layer in names]
    alone = len(units) if len(units) <= room else room - 1
    assert found == [{root} for root in ranked[:alone]] + ([set(ranked[alone:])] if alone < len(units) else [])
    assert [{name.partition("-")[0] for name in layer} for layer in names] == found, "with all that they need"


def test_the_more_layers_there_are_the_smaller_an_item_has_one_of_its_own() -> None:
    """With the square of the budget, down to what is not worth a layer."""
    lines = [small_below(room) for room in range(1, 127)]
    assert lines == sorted(lines, reverse=True)
    assert lines[0] == 512 * MIB
    assert all(small_below(2 * room + 1) == pytest.approx(small_below(room) / 4, abs=1) for room in range(1, 20))
    assert lines[-1] == lines[-20] == WORTH_A_LAYER


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (9, [["c"], ["b"], ["a"], ["just"], ["less", "little"]]),
        (5, [["c"], ["b"], ["a"], ["just"], ["less", "little"]]),
        (4, [["c"], ["b"], ["a"], ["just", "less", "little"]]),
        (2, [["c"], ["a", "b", "just", "less", "little"]]),
        (1, [["a", "b", "c", "just", "less", "little"]]),
    ],
)
def test_the_rest_shares_the_last_of_the_layers_that_there_is_room_for(room: int, expected: list[list[str]]) -> None:
    sizes = {
        "a": 600 * MIB,
        "b": 610 * MIB,
        "c": 620 * MIB,
        "just": WORTH_A_LAYER,
        "less": WORTH_A_LAYER - 1,
        "little": 1000,
    }
    closure = closure_of(sizes)
    ahead = dict.fromkeys(closure.graph, 0)

    def drawn(most: int) -> list[list[str]]:
        drafts = draft_alike(closure, ahead, [], most)
        return [sorted(closure.items[at].path.name for unit in one.units for at in unit.members) for one in drafts]

    assert drawn(room) == expected
    large = Closure(item for item in closure if item.nar_size > WORTH_A_LAYER)
    alone = draft_alike(large, ahead, [], 3)
    assert [len(draft.units) for draft in alone] == [1, 1, 1]


def test_what_is_left_beside_the_groups_shares_one_layer_where_there_is_room_for_one() -> None:
    closure = closure_of({"a": 5, "b": 4, "c": 3 * MIB, "d": 2 * MIB, "e": MIB}, {"a": ["b"]})
    groups = [tuple(item.path for item in reversed(closure.items) if item.path.name in "ab")]
    for room in (1, 2):
        rest, group = draft_alike(closure, dict.fromkeys(closure.graph, 0), groups, room)
        assert group.fixed
        assert [list(unit.members) for unit in group.units] == [sorted(group.units[0].members)]
        assert [len(unit.members) for unit in rest.units] == [1, 1, 1]


def test_an_item_is_large_from_its_line_on() -> None:
    line = small_below(9)
    sizes = {"one": 2 * MIB, "edge": line, "two": 3 * MIB, "under": line - 1}
    closure = closure_of(sizes, {"one": ["edge"], "two": ["under"]})
    drafts = draft_alike(closure, dict.fromkeys(closure.graph, 0), [], 9)
    names = [sorted(closure.items[at].path.name for unit in draft.units for at in unit.members) for draft in drafts]
    assert sorted(names) == [["edge"], ["one"], ["two", "under"]]


def test_what_is_worth_less_than_a_layer_has_none_to_itself() -> None:
    """Written down: another line would move the layers of every image."""
    sizes = {"large-1": 20 * MIB, "enough-1": 330_000, "little-1": 320_000, "less-1": 300_000}
    plan = plan_layers(closure_of(sizes), 100, favour="sharing")
    assert layers(plan) == {frozenset(names) for names in (["large-1"], ["enough-1"], ["little-1", "less-1"])}
