"""A plan and a tree become layers: what follows from an item is with it, the rest on top."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.closure import Closure
from sysimage.layerplan.plan import LayerPlan, PlannedLayer
from sysimage.layers.split_layers import CUSTOMIZATION, describe, layer_labels, layer_sources
from sysimage.rootfs.tree import Entry, RootTree
from tests.support.stores import make_item, store_path


@pytest.fixture
def closure(tmp_path: Path) -> Closure:
    items = [make_item(tmp_path, name, {"file": name}) for name in ("a", "b")]
    return Closure(items, [item.path for item in items])


def planned(closure: Closure, max_layers: int = 9, *, customized: bool = False) -> LayerPlan:
    layers = [PlannedLayer((item.path,), item.nar_size, "") for item in closure]
    return LayerPlan((layers[0], replace(layers[1], customized=customized)), max_layers)


def tree(closure: Closure) -> RootTree:
    a, b = (item.path for item in closure)
    return RootTree(
        [
            Entry.directory("/rows", 0o700),
            replace(Entry.file("/rows/a", b"a"), item=a),
            replace(Entry.file("/rows/b", b"b"), item=b),
            replace(Entry.file("/rows/x", b"x"), item=store_path("of-a-base")),
            Entry.file("/etc/x", b""),
        ]
    )


def contents(closure: Closure, plan: LayerPlan) -> list[tuple[list[str], list[str]]]:
    """Names of items and paths of files, layer by layer."""
    return [
        (
            [item.path.name for item in source.items],
            [entry.path for entry in source.entries if entry.content is not None],
        )
        for source in layer_sources(plan, closure, tree(closure))
    ]


def test_what_follows_from_an_item_is_in_its_layer(closure: Closure) -> None:
    assert contents(closure, planned(closure)) == [
        (["a"], ["/rows/a"]),
        (["b"], ["/rows/b"]),
        ([], ["/etc/x", "/rows/x"]),
    ]


def test_directories_look_the_same_in_every_layer(closure: Closure) -> None:
    for source in layer_sources(planned(closure), closure, tree(closure)):
        (rows,) = (part for part in source.parts() if isinstance(part, Entry) and part.path == "/rows")
        assert rows.mode == 0o700


def test_the_customization_goes_into_a_last_layer_that_says_so(closure: Closure) -> None:
    plan = planned(closure, customized=True)
    assert contents(closure, plan) == [(["a"], ["/rows/a"]), (["b"], ["/rows/b", "/etc/x", "/rows/x"])]
    assert layer_labels(plan) == ("a", f"b; {CUSTOMIZATION}")
    assert plan.count == 2


def test_what_the_spec_asks_for_in_usr_is_in_the_topmost_layer_alone(closure: Closure) -> None:
    a, _ = (item.path for item in closure)
    directories = [
        Entry.directory("/usr", 0o711),
        Entry.directory("/usr/lib", 0o700, owner="/directories"),
        Entry.directory("/usrs", 0o700, owner="/directories"),
        replace(Entry.directory("/usr/of-an-item", 0o700), item=a),
    ]
    first, second, top = layer_sources(planned(closure), closure, RootTree(directories), uid=3, gid=4)
    assert [(source.uid, source.gid) for source in (first, second, top)] == [(3, 4)] * 3
    expected = (Entry.directory("/"), directories[0], directories[3], directories[2])
    assert first.parents == second.parents == top.parents == expected
    assert (first.entries, second.entries) == ((), ())
    assert [entry.path for entry in top.entries] == ["/", "/usr", "/usr/lib", "/usr/of-an-item", "/usrs"]


def test_a_layer_is_called_by_the_names_of_its_items_up_to_five() -> None:
    def described(count: int) -> str:
        return describe(PlannedLayer(tuple(store_path(f"item-{number}") for number in range(count)), 1, ""))

    assert described(1) == "item-0"
    assert described(4) == "item-0, item-1, item-2, item-3"
    assert described(5) == "item-0, item-1, item-2, item-3, item-4"
    assert described(6) == "item-0, item-1, item-2, item-3 and 2 more"


def test_the_one_layer_that_a_base_leaves_has_everything(closure: Closure) -> None:
    both = PlannedLayer(tuple(item.path for item in closure), 1, "")
    plan = LayerPlan((both,), 4)
    assert len(layer_sources(plan, closure, tree(closure), base_layers=3)) == 1
    assert layer_labels(plan, base_layers=3) == (f"everything: a, b; {CUSTOMIZATION}",)
    assert layer_labels(plan, base_layers=2) == layer_labels(plan) == ("a, b", CUSTOMIZATION)
    assert layer_labels(LayerPlan((), 4), base_layers=3) == (CUSTOMIZATION,)


def test_everything_goes_into_the_only_layer(closure: Closure) -> None:
    both = PlannedLayer(tuple(item.path for item in closure), 1, "")
    plan = LayerPlan((both,), 1)
    assert contents(closure, plan) == [(["a", "b"], ["/rows/a", "/rows/b", "/etc/x", "/rows/x"])]
    assert layer_labels(plan) == (f"everything: a, b; {CUSTOMIZATION}",)
