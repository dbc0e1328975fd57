import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.closure import Closure
from sysimage.errors import SpecError
from sysimage.layerplan import GroupRule, plan_fleet
from sysimage.layerplan.fleet_order import stack_fleet
from sysimage.layerplan.prices import WORTH_A_LAYER
from tests.layerplan.closures import closure_of, closures

MB = 10**6


def part(closure: Closure, roots: list[int]) -> Closure:
    """What the chosen items need, they included."""
    wanted = {closure.items[at % len(closure)].path for at in roots}
    for item in reversed(closure.items):
        if item.path in wanted:
            wanted |= set(item.references)
    return Closure(item for item in closure if item.path in wanted)


@given(
    closures(),
    st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=3), min_size=1, max_size=5),
    st.integers(1, 9),
)
@settings(max_examples=60, deadline=None)
def test_every_system_of_a_fleet_gets_a_partition_within_the_limit(
    whole: Closure, choices: list[list[int]], limit: int
) -> None:
    fleet = {f"system{at}": part(whole, roots) for at, roots in enumerate(choices)}
    for name, plan in plan_fleet(fleet, limit).items():
        assert sorted(p for layer in plan.layers for p in layer.paths) == sorted(item.path for item in fleet[name])
        assert all(layer.paths == tuple(sorted(layer.paths)) for layer in plan.layers)
        assert len(plan.layers) <= max(1, limit - 1)


def test_what_all_systems_hold_is_the_same_layers_at_the_bottom() -> None:
    common = {f"base{at}-1": (10 + at) * MB for at in range(5)}
    fleet = {"web": closure_of({**common, "nginx-1": 7 * MB}), "db": closure_of({**common, "postgres-1": 90 * MB})}
    web, db = plan_fleet(fleet, 4)["web"].layers, plan_fleet(fleet, 4)["db"].layers
    assert web[:2] == db[:2]
    assert {path.name for layer in web[:2] for path in layer.paths} == set(common)
    assert [path.name for path in web[-1].paths] == ["nginx-1"]


def test_the_reason_of_a_layer_names_the_systems_that_hold_it() -> None:
    both = {"both-1": 50 * MB}
    fleet = {
        "db": closure_of({**both, "postgres-1": 90 * MB}),
        "mail": closure_of({"exim-1": 70 * MB}),
        "web": closure_of({**both, "nginx-1": 70 * MB}),
    }
    reasons = {layer.paths[0].name: layer.reason for plan in plan_fleet(fleet, 9).values() for layer in plan.layers}
    only = "1 items that only {} holds, or whose layers had to be joined for the budget"
    assert reasons == {
        "both-1": "1 items shared by 2 systems: db, web",
        "postgres-1": only.format("db"),
        "exim-1": only.format("mail"),
        "nginx-1": only.format("web"),
    }


def test_room_that_is_left_goes_to_the_layer_with_most_bytes_and_of_two_alike_to_the_first() -> None:
    def names(fleet: dict[str, Closure], budget: int) -> dict[str, list[list[str]]]:
        plans = plan_fleet(fleet, budget).items()
        return {name: [sorted(path.name for path in layer.paths) for layer in plan.layers] for name, plan in plans}

    for size, first in ((10 * MB, False), (11 * MB, True)):
        both = {"x1-1": size, "x2-1": size}
        fleet = {"a": closure_of({**both, "y1-1": 20 * MB, "y2-1": 20 * MB}), "b": closure_of(both)}
        whole, parts = [["x1-1", "x2-1"]], [["x1-1"], ["x2-1"]]
        assert names(fleet, 3) == {"a": [*whole, ["y1-1", "y2-1"]], "b": whole}
        found = names(fleet, 4)
        assert sorted(found["b"]) == parts if first else found["b"] == whole
        assert sorted(found["a"]) == sorted([*parts, ["y1-1", "y2-1"]] if first else [*whole, ["y1-1"], ["y2-1"]])


def test_a_layer_is_parted_again_while_what_that_saves_is_more_than_elsewhere() -> None:
    """Parting n into n + 1 saves about 1 / n² of the bytes: a quarter of what two hold is more than all of what one
    has."""
    both = {f"x{at}-1": 10 * MB for at in range(3)}
    fleet = {"a": closure_of({**both, "y1-1": 6 * MB, "y2-1": 6 * MB}), "b": closure_of(both)}
    layers = [sorted(path.name for path in layer.paths) for layer in plan_fleet(fleet, 5)["a"].layers]
    assert sorted(layers) == [["x0-1"], ["x1-1"], ["x2-1"], ["y1-1", "y2-1"]]


def test_copies_that_cost_as_much_as_a_layer_are_not_made() -> None:
    for size, said in ((WORTH_A_LAYER, "shared by 2 systems"), (WORTH_A_LAYER - 1, "that only b holds")):
        both = {"a": closure_of({"large-1": 50 * MB, "small-1": size}), "b": closure_of({"small-1": size})}
        (layer,) = plan_fleet(both, 50)["b"].layers
        assert said in layer.reason


def test_what_more_systems_share_is_further_down_and_the_larger_first() -> None:
    assert stack_fleet([0b11, 0b01, 0b10, 0b11], [5, 9, 9, 7], 2) == [[3, 0, 1], [3, 0, 2]]
    assert stack_fleet([0b111, 0b011, 0b110, 0b100, 0b001], [1, 5, 9, 2, 3], 3) == [[0, 1, 4], [0, 2, 1], [0, 2, 3]]
    assert stack_fleet([0b11, 0b11], [4, 4], 2) == [[0, 1], [0, 1]]
    assert stack_fleet([0b011, 0b110], [4, 4], 3) == [[0], [0, 1], [1]]
    assert stack_fleet([], [], 2) == [[], []]


def test_with_room_enough_nothing_is_stored_twice() -> None:
    fleet = {
        "a": closure_of({"x-1": 5 * MB, "y-1": 6 * MB, "z-1": 7 * MB}),
        "b": closure_of({"x-1": 5 * MB, "y-1": 6 * MB}),
        "c": closure_of({"y-1": 6 * MB, "z-1": 7 * MB}),
    }
    layers = {layer.paths: layer.nar_size for plan in plan_fleet(fleet, 5).values() for layer in plan.layers}
    assert sum(layers.values()) == 18 * MB


def test_small_items_are_stored_twice_where_that_costs_less_than_a_layer() -> None:
    fleet = {
        "a": closure_of({"large-1": 50 * MB, "small-1": 10_000, "tiny-1": 1000}),
        "b": closure_of({"large-1": 50 * MB, "small-1": 10_000}),
        "c": closure_of({"large-1": 50 * MB, "tiny-1": 1000}),
    }
    plans = plan_fleet(fleet, 50)
    layers = {layer.paths: layer.nar_size for plan in plans.values() for layer in plan.layers}
    assert [len(plan.layers) for plan in plans.values()] == [2, 2, 2]
    assert 50 * MB in layers.values(), "what is large stays one layer for all"


def test_two_layers_that_were_joined_for_some_systems_are_the_same_layer_for_others() -> None:
    sizes = {"u-1": 1000, "v-1": 9 * MB, "w-1": 1000}
    held = {"a": "uvw", "b": "uv", "c": "uw", "d": "vw"}
    fleet = {name: closure_of({f"{item}-1": sizes[f"{item}-1"] for item in items}) for name, items in held.items()}
    plans = plan_fleet(fleet, 3).items()
    found = {name: [sorted(path.name for path in layer.paths) for layer in plan.layers] for name, plan in plans}
    assert found == {
        "a": [["v-1"], ["u-1", "w-1"]],
        "b": [["v-1"], ["u-1"]],
        "c": [["u-1", "w-1"]],
        "d": [["v-1"], ["w-1"]],
    }


def test_systems_without_items_have_no_layers() -> None:
    assert plan_fleet({}, 9) == {}
    assert plan_fleet({"a": Closure([])}, 9)["a"].layers == ()


def test_one_layer_each_still_works() -> None:
    fleet = {"a": closure_of({"x-1": 5, "y-1": 6}), "b": closure_of({"x-1": 5})}
    assert [len(plan.layers) for plan in plan_fleet(fleet, 1).values()] == [1, 1]


def test_a_group_asked_for_is_one_layer_for_all_that_hold_it_alike() -> None:
    common = {"python3-3": 10, "python3-yaml-6": 20, "libc-2": 30}
    fleet = {
        "a": closure_of({**common, "x-1": 5}),
        "b": closure_of({**common, "python3-z-1": 6}),
        "c": closure_of(common),
    }
    plans = plan_fleet(fleet, 4, [GroupRule(("python3*",))])
    held = {
        name: [layer for layer in plan.layers if any(path.name.startswith("python3") for path in layer.paths)]
        for name, plan in plans.items()
    }
    assert [len(layers) for layers in held.values()] == [1, 1, 1]
    assert held["a"] == held["c"]
    assert [path.name for path in sorted(held["b"][0].paths, key=lambda path: path.name)] == [
        "python3-3",
        "python3-yaml-6",
        "python3-z-1",
    ]
    assert held["a"][0].reason.startswith("asked for")


def test_more_groups_than_a_system_has_room_for_are_refused() -> None:
    with pytest.raises(SpecError, match="cannot plan 2 explicit layer groups"):
        plan_fleet({"a": closure_of({"a-1": 1, "b-1": 1, "c-1": 1})}, 3, [GroupRule(("a*",)), GroupRule(("b*",))])


def test_every_layer_of_a_fleet_says_how_often_it_is_pulled() -> None:
    day = 86400
    busy = closure_of(
        {"busy-1": 10 * MB, "idle-1": 10 * MB},
        changed={"busy-1": tuple(14 * day * at for at in range(1, 27)), "idle-1": (14 * day,)},
    )
    pulls = {layer.paths[0].name: layer.pulls_per_year for layer in plan_fleet({"a": busy}, 5)["a"].layers}
    assert 20 < (pulls["busy-1"] or 0) <= 27
    assert 0 < (pulls["idle-1"] or 0) < 5


def test_a_group_is_kept_apart_where_layers_have_to_be_joined() -> None:
    fleet = {
        "a": closure_of({"python3-3": 1, "w-1": 5000, "x-1": 5000, "y-1": 5000}),
        "b": closure_of({"python3-3": 1, "w-1": 5000, "x-1": 5000}),
        "c": closure_of({"python3-3": 1, "w-1": 5000, "y-1": 5000}),
    }
    for plan in plan_fleet(fleet, 3, [GroupRule(("python3*",))]).values():
        assert ["python3-3"] in [[path.name for path in layer.paths] for layer in plan.layers]
        assert len(plan.layers) == 2
