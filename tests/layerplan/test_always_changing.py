"""What changes with everything is with the customization, and takes nothing else along."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sysimage.closure import Closure
from sysimage.layerplan import from_json, plan_layers, to_json
from sysimage.layerplan.always_changing import changing_with_everything, hangs_everything
from sysimage.layerplan.planner import Favour
from sysimage.layerplan.prices import WORTH_A_LAYER
from tests.layerplan.closures import closure_of, updated

SIZES = {"system": 20_000, "etc": 30_000, "boot": 1_000, "web": 90_000, "tool": 80_000, "lib": 5_000_000, "calm": 9_000}
REFERENCES = {
    "system": ["etc", "boot", "web", "tool", "calm"],
    "etc": ["web", "tool"],
    "boot": ["tool"],
    "web": ["lib"],
    "tool": ["lib"],
}
OWN = {"system", "etc", "boot", "calm"}
DATES = {name: tuple(range(1_600_000_000, 1_700_000_000, 5_000_000)) for name in ("web", "tool", "lib")}


def system(**sizes: int) -> Closure:
    """A system of three packages and its own parts, of which ``calm`` never changes."""
    closure = closure_of({**SIZES, **sizes}, REFERENCES, changed=DATES)
    packages = [replace(item, source=None if item.path.name in OWN else item.path.name) for item in closure]
    roots = [item.path for item in closure if item.path.name == "system"]
    return Closure(packages, roots)


def names(paths: object) -> set[str]:
    return {path.name for path in paths}  # type: ignore[attr-defined]


@pytest.mark.parametrize("favour", ["both", "updates", "sharing"])
def test_the_system_and_its_parts_share_the_last_layer_with_no_package(favour: Favour) -> None:
    closure = system()
    plan = plan_layers(closure, 10, favour=favour)
    *others, last = plan.layers
    assert last.customized
    assert {"system", "etc", "boot"} <= names(last.paths) <= OWN
    assert last.paths == tuple(sorted(last.paths))
    assert not any(layer.customized for layer in others)
    assert sorted(path for layer in plan.layers for path in layer.paths) == sorted(item.path for item in closure)
    assert plan.count == len(plan.layers)
    assert from_json(to_json(plan, closure)).plan == plan


def test_what_is_large_has_a_layer_by_itself_even_if_it_changes_with_everything() -> None:
    plan = plan_layers(system(system=3_000_000), 10)
    assert "system" not in names(path for layer in plan.layers if layer.customized for path in layer.paths)


def test_what_was_with_the_customization_is_not_a_layer_to_be_kept() -> None:
    closure = system()
    first = plan_layers(closure, 10)
    assert plan_layers(closure, 10, previous=first).layers[-1].paths == first.layers[-1].paths
    larger = system(etc=2_000_000)
    grown = plan_layers(larger, 10, previous=first)
    assert names(grown.layers[-1].paths) == names(first.layers[-1].paths) - {"etc"}
    assert "kept" not in next(layer.reason for layer in grown.layers if "etc" in names(layer.paths))


def test_what_another_part_refers_to_as_well_is_not_the_systems_alone() -> None:
    references = {**REFERENCES, "system": [*REFERENCES["system"], "shared"], "web": ["lib", "shared"]}
    closure = closure_of({**SIZES, "shared": 5_000}, references, changed=DATES)
    items = [replace(item, source=None if item.path.name in OWN | {"shared"} else item.path.name) for item in closure]
    closure = Closure(items, [item.path for item in items if item.path.name == "system"])
    ahead = {item.path: 0b11 for item in closure}
    assert names(changing_with_everything(closure, ahead, ())) == OWN
    taken = {item.path for item in closure if item.path.name == "etc"}
    assert names(changing_with_everything(closure, ahead, taken)) == OWN - {"etc"}


def test_what_is_worth_a_layer_by_its_size_is_not_with_the_customization() -> None:
    for size, own in ((WORTH_A_LAYER - 1, OWN), (WORTH_A_LAYER, OWN - {"etc"})):
        closure = system(etc=size)
        assert names(changing_with_everything(closure, {item.path: 0b11 for item in closure}, ())) == own


def test_of_several_that_everything_hangs_from_the_one_that_changes_most_counts() -> None:
    closure = closure_of({"profile": 9, "system": 9, "etc": 9}, {"profile": ["system"], "system": ["etc"]})
    ahead = {item.path: {"profile": 0b1, "system": 0b1111, "etc": 0b11}[item.path.name] for item in closure}
    assert hangs_everything(closure) == tuple(item.path for item in reversed(closure.items))
    assert names(changing_with_everything(closure, ahead, ())) == {"system", "etc"}


def test_a_part_that_changes_half_as_often_as_the_system_still_changes_with_it() -> None:
    closure = system()
    ahead = {item.path: {"system": 0b1111, "etc": 0b11, "boot": 0b1}.get(item.path.name, 0) for item in closure}
    assert names(changing_with_everything(closure, ahead, ())) == {"system", "etc"}


def test_what_grew_out_of_the_customization_is_where_it_costs_least() -> None:
    first = plan_layers(system(), 10)
    closure = closure_of(
        {**SIZES, "system": 3_000_000, "etc": 3_000_000, "boot": 3_000_000, "news": 3_000_000},
        {**REFERENCES, "system": [*REFERENCES["system"], "news"]},
        changed=DATES,
    )
    order = [names(layer.paths) for layer in plan_layers(closure, 10, previous=first).layers]
    assert order.index({"news"}) < order.index({"system"})


def test_an_image_in_one_layer_and_one_of_many_roots_have_nothing_of_the_kind() -> None:
    (only,) = plan_layers(system(), 1).layers
    assert not only.customized
    several = closure_of({"a": 10, "b": 10}, {})
    assert hangs_everything(several) == ()
    assert changing_with_everything(several, {item.path: 1 for item in several}, ()) == ()


def test_the_layer_of_the_customization_is_pulled_when_anything_in_it_changes() -> None:
    """Where rebuilds do not propagate, each part changes in steps of its own."""
    parts = ("boot", "system", "users")
    closure = closure_of(dict.fromkeys(parts, 20_000), {"system": ["users", "boot"]})
    past = [closure]
    for step in range(30):
        changed = parts[step % 3]
        past.append(updated(past[-1], [changed], propagates=False, salt=step))
    (last,) = plan_layers(past[-1], 10, past[:-1]).layers
    assert last.customized
    assert tuple(path.name for path in last.paths) == parts, "sorted"
    often = 365.25 / 14
    assert last.pulls_per_year is not None
    assert last.pulls_per_year > 0.6 * often, "each of three changes in a third of the steps"
