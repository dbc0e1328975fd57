from sysimage.layerplan.changes import LONGEST, observe, observe_dates
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
    assert {path.name: bits for path, bits in seen.own.items()} == {
        "a-1": 1 << newest | 1 << newest - 2,
        "b-1": 1 << newest - 1,
    }


def test_without_dates_nothing_is_made_up() -> None:
    assert observe_dates(CHAIN, 14.0) is None


def test_a_plan_remembers_the_newest_steps_alone() -> None:
    """What changed, and what was there, in the last steps, whatever came before them."""
    without = closure_of({"lib-1": 10})
    closures = [without, without, CHAIN]
    for step in range(LONGEST):
        closures.append(updated(closures[-1], ["lib-1"] if step % 3 else [], propagates=False, salt=step))
    whole, last = observe(closures).memory, observe(closures[-LONGEST - 1 :]).memory
    assert observe(closures).steps == LONGEST + 2
    assert whole == last
    assert whole.steps == LONGEST
    assert {path.name: bits for path, bits in whole.present} == dict.fromkeys(
        ("lib-1", "tool-1", "app-1"), (1 << LONGEST) - 1
    )
