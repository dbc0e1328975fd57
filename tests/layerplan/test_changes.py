from sysimage.closure import Closure
from sysimage.layerplan import LayerPlan
from sysimage.layerplan.changes import LONGEST_HISTORY, Observed, observe, observe_dates
from tests.layerplan.closures import closure_of, updated

CHAIN = closure_of({"lib-1": 10, "tool-1": 10, "app-1": 10}, {"tool-1": ["lib-1"], "app-1": ["tool-1"]})


def test_an_update_that_stays_where_it_is_shows_that_rebuilds_do_not_propagate() -> None:
    seen = observe([CHAIN, updated(CHAIN, ["lib-1"], propagates=False, salt=1)])
    assert not seen.propagates
    assert {path.name: bits for path, bits in seen.own.items()} == {"lib-1": 1, "tool-1": 0, "app-1": 0}


def test_a_rebuild_caused_below_is_not_an_own_change() -> None:
    first = updated(CHAIN, ["lib-1"], propagates=True, salt=1)
    seen = observe([CHAIN, first, updated(first, ["app-1"], propagates=True, salt=2)])
    assert seen.propagates
    assert {path.name: bits for path, bits in seen.own.items()} == {"lib-1": 0b01, "tool-1": 0, "app-1": 0b10}


def test_one_closure_shows_nothing_and_propagation_is_believed() -> None:
    seen = observe([CHAIN])
    assert (seen.steps, seen.propagates) == (0, True)


def test_presence_is_counted_only_where_an_item_was_there_before_and_after() -> None:
    without = closure_of({"lib-1": 10})
    seen = observe([without, CHAIN, CHAIN])
    assert {path.name: bits for path, bits in seen.present.items()} == {"lib-1": 0b11, "tool-1": 0b10, "app-1": 0b10}


def test_dates_are_sorted_into_steps_that_end_with_the_latest() -> None:
    day = 86400
    seen = observe_dates(
        closure_of({"a-1": 1, "b-1": 1}, changed={"a-1": (1 * day, 30 * day), "b-1": (15 * day,)}), 14.0
    )
    assert seen is not None
    newest = seen.steps - 1
    assert (seen.steps, seen.propagates) == (26, True)
    assert {path.name: bits for path, bits in seen.present.items()} == dict.fromkeys(("a-1", "b-1"), (1 << 26) - 1)
    assert {path.name: bits for path, bits in seen.own.items()} == {
        "a-1": 1 << newest | 1 << newest - 2,
        "b-1": 1 << newest - 1,
    }


def test_dates_are_known_for_26_steps_and_an_item_without_any_was_not_there() -> None:
    step = 7 * 86400
    dates = {"a-1": (0, 1, step, 25 * step, 26 * step), "b-1": (2 * step + 1, 2 * step + 2)}
    seen = observe_dates(closure_of({"a-1": 1, "b-1": 1, "c-1": 1}, changed=dates), 7.0)
    assert seen is not None
    assert {path.name: bits for path, bits in seen.own.items()} == {
        "a-1": 1 << 25 | 1 << 24 | 1,
        "b-1": 1 << 2,
        "c-1": 0,
    }
    assert {path.name: bits for path, bits in seen.present.items()} == {
        "a-1": (1 << 26) - 1,
        "b-1": (1 << 26) - 1,
        "c-1": 0,
    }


def versions(*steps: str, propagates: bool = False) -> list[Closure]:
    """The chain after changes of the named items, one step each."""
    found = [CHAIN]
    for number, names in enumerate(steps):
        found.append(updated(found[-1], names.split(), propagates=propagates, salt=number))
    return found


def known(observed: Observed) -> tuple[int, dict[str, str], dict[str, str], bool]:
    """Steps, own changes and presence by name, the newest step first, and whether rebuilds propagate."""
    own, present = (
        {path.name: f"{bits:0{observed.steps}b}" for path, bits in sets.items()}
        for sets in (observed.own, observed.present)
    )
    return observed.steps, own, present, observed.propagates


def remembering(closures: list[Closure]) -> LayerPlan:
    return LayerPlan((), 9, observe(closures).memory)


def test_what_a_plan_remembers_comes_before_what_was_seen_since() -> None:
    closures = versions("lib-1", "tool-1", "app-1 lib-1", "", "tool-1")
    whole = (
        5,
        {"lib-1": "00101", "tool-1": "10010", "app-1": "00100"},
        dict.fromkeys(("lib-1", "tool-1", "app-1"), "11111"),
        False,
    )
    assert known(observe(closures)) == whole
    for start in range(5):
        assert known(observe(closures[start:], remembering(closures[:-1]))) == whole
    assert known(observe(closures[-1:], remembering(closures[:-1]))) == whole
    for start in range(4):
        assert known(observe(closures, remembering(closures[start:-1]))) == whole, "what is known already"
    assert known(observe(closures[3:], remembering(closures[:-3]))) == known(observe(closures[3:])), "of another step"
    assert known(observe(closures, LayerPlan((), 9))) == whole


def test_a_plan_alone_remembers_which_items_came_and_went() -> None:
    first = closure_of({"lib-1": 10, "gone-1": 10, "away-1": 10})
    second = closure_of({"lib-2": 10, "new-1": 10, "away-1": 10}, {"new-1": ["lib-2"]})
    assert known(observe([second], remembering([first, first]))) == (
        *(2, {"lib-2": "10", "new-1": "00", "away-1": "00"}),
        *({"lib-2": "11", "new-1": "00", "away-1": "11"}, True),
    )


def test_a_rebuild_since_a_plan_is_not_an_own_change_unless_the_name_changed() -> None:
    closures = versions("lib-1", "tool-1", propagates=True)
    rebuilt = updated(closures[-1], ["lib-1"], propagates=True, salt="x")
    own = known(observe([rebuilt], remembering(closures)))[1]
    assert own == {"lib-1": "101", "tool-1": "010", "app-1": "000"}
    renamed = closure_of(
        {"lib-1": 10, "tool-2": 10, "app-1": 10}, {"tool-2": ["lib-1"], "app-1": ["tool-2"]}, {"lib-1": 7, "app-1": 7}
    )
    assert known(observe([renamed], remembering(closures)))[1] == {"lib-1": "101", "tool-2": "110", "app-1": "000"}
    assert known(observe([*closures, renamed]))[1] == {"lib-1": "101", "tool-2": "110", "app-1": "000"}


def test_without_dates_nothing_is_made_up() -> None:
    assert observe_dates(CHAIN, 14.0) is None


def test_a_plan_remembers_the_newest_steps_alone() -> None:
    """What changed, and what was there, in the last steps, whatever came before them."""
    without = closure_of({"lib-1": 10})
    closures = [without, without, CHAIN]
    for step in range(LONGEST_HISTORY):
        closures.append(updated(closures[-1], ["lib-1"] if step % 3 else [], propagates=False, salt=step))
    whole, last = observe(closures).memory, observe(closures[-LONGEST_HISTORY - 1 :]).memory
    assert observe(closures).steps == LONGEST_HISTORY + 2
    assert whole == last
    assert whole.steps == LONGEST_HISTORY == 64
    assert {path.name: bits for path, bits in whole.present} == dict.fromkeys(
        ("lib-1", "tool-1", "app-1"), (1 << LONGEST_HISTORY) - 1
    )
