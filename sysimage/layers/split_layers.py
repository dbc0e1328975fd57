"""A layer plan and the customization tree become layer sources, bottom first."""

from __future__ import annotations

from collections import defaultdict

from sysimage.closure import Closure
from sysimage.layerplan.plan import LayerPlan, PlannedLayer
from sysimage.layers.shown_files import is_in_usr
from sysimage.layers.source import LayerSource
from sysimage.rootfs.tree import NOBODYS, Entry, Kind, RootTree
from sysimage.store.paths import StorePath

CUSTOMIZATION = "customization: boot program, store database, GC roots, accounts and /etc"
"""Names the layer on top in the image's history."""
_NAMED = 4


def layer_sources(
    plan: LayerPlan, closure: Closure, tree: RootTree, *, base_layers: int = 0, uid: int = 0, gid: int = 0
) -> tuple[LayerSource, ...]:
    """One source for each planned layer, and the tree as the customization layer on top; ``uid`` and ``gid`` own the
    store items.

    A plan with room for one layer beside ``base_layers`` has one group, and the tree goes into it: an image in one
    layer; so it does with a last layer that says so. What follows from an item is in the item's layer. The tree's
    directories are written in the same form in every layer that has something below them; but those below /usr that the
    system asks for are only in the topmost layer, so that the layer of an item depends on it alone.
    """
    labels = layer_labels(plan, base_layers=base_layers)
    parents = tuple(entry for entry in tree if entry.kind is Kind.DIRECTORY and not _is_asked_for_in_usr(entry))
    planned = {path for layer in plan.layers for path in layer.paths}
    of_items: defaultdict[StorePath, list[Entry]] = defaultdict(list)
    rest = []
    for entry in tree:
        if entry.item in planned and entry.kind is not Kind.DIRECTORY:
            of_items[entry.item].append(entry)
        else:
            rest.append(entry)
    groups = [(layer.paths, [entry for path in layer.paths for entry in of_items[path]]) for layer in plan.layers]
    if _customizes_last(plan, base_layers):
        groups[-1][1].extend(rest)
    else:
        groups.append(((), rest))
    return tuple(
        LayerSource(label, tuple(closure[path] for path in paths), tuple(entries), parents, uid=uid, gid=gid)
        for label, (paths, entries) in zip(labels, groups, strict=True)
    )


def _is_asked_for_in_usr(entry: Entry) -> bool:
    return is_in_usr(entry.path) and entry.owner != NOBODYS


def layer_labels(plan: LayerPlan, *, base_layers: int = 0) -> tuple[str, ...]:
    """The labels of the layers of `layer_sources`."""
    labels = [describe(layer) for layer in plan.layers]
    if not _customizes_last(plan, base_layers):
        return (*labels, CUSTOMIZATION)
    whole = "" if plan.layers[-1].customized else "everything: "
    return (*labels[:-1], f"{whole}{labels[-1]}; {CUSTOMIZATION}")


def _customizes_last(plan: LayerPlan, base_layers: int) -> bool:
    """Whether the tree goes into the last layer of items."""
    only = plan.max_layers - base_layers == 1 and len(plan.layers) == 1
    return only or any(layer.customized for layer in plan.layers[-1:])


def describe(layer: PlannedLayer) -> str:
    """What a layer holds, in a few words: its items' names, or the first of them and how many more."""
    names = [path.name for path in layer.paths]
    more = len(names) - _NAMED
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:_NAMED])} and {more} more"
