"""What changes with everything is with the customization, and takes nothing else along."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sysimage.closure import Closure
from sysimage.layerplan import from_json, plan_layers, to_json
from sysimage.layerplan.constant import changing_with_everything, hangs_everything
from sysimage.layerplan.planner import Favour
from tests.layerplan.closures import closure_of

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


def test_an_image_in_one_layer_and_one_of_many_roots_have_nothing_of_the_kind() -> None:
    (only,) = plan_layers(system(), 1).layers
    assert not only.customized
    several = closure_of({"a": 10, "b": 10}, {})
    assert hangs_everything(several) == ()
    assert changing_with_everything(several, {item.path: 1 for item in several}, ()) == ()
