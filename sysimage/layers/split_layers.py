"""A layer plan and the customization tree become layer sources, bottom first."""

from __future__ import annotations

from sysimage.closure import Closure
from sysimage.layerplan.plan import LayerPlan, PlannedLayer
from sysimage.layers.source import LayerSource
from sysimage.rootfs.tree import Kind, Tree

CUSTOMIZATION = "customization: boot program, store database, GC roots, accounts and /etc"
"""Names the layer on top in the image's history."""
_NAMED = 4


def layer_sources(
    plan: LayerPlan, closure: Closure, tree: Tree, *, base_layers: int = 0, uid: int = 0, gid: int = 0
) -> tuple[LayerSource, ...]:
    """One source for each planned layer, and the tree as the customization layer on top; ``uid`` and ``gid`` own the
    store items.

    A plan with room for one layer beside ``base_layers`` has one group, and the tree goes into it: an image in one
    layer. The tree's directories are written in the same form in every layer that has something below them.
    """
    parents = tuple(entry for entry in tree if entry.kind is Kind.DIRECTORY)
    entries = tuple(tree)
    *labels, top = layer_labels(plan, base_layers=base_layers)
    if not labels and plan.layers:
        items = tuple(closure[path] for path in plan.layers[0].paths)
        return (LayerSource(top, items, entries, uid=uid, gid=gid),)
    sources = [
        LayerSource(label, tuple(closure[path] for path in layer.paths), parents=parents, uid=uid, gid=gid)
        for label, layer in zip(labels, plan.layers, strict=True)
    ]
    return (*sources, LayerSource(top, entries=entries))


def layer_labels(plan: LayerPlan, *, base_layers: int = 0) -> tuple[str, ...]:
    """The labels of the layers of `layer_sources`."""
    labels = [describe(layer) for layer in plan.layers]
    if plan.max_layers - base_layers == 1 and len(labels) == 1:
        return (f"everything: {labels[0]}; {CUSTOMIZATION}",)
    return (*labels, CUSTOMIZATION)


def describe(layer: PlannedLayer) -> str:
    """What a layer holds, in a few words: its items' names, or the first of them and how many more."""
    names = [path.name for path in layer.paths]
    more = len(names) - _NAMED
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:_NAMED])} and {more} more"
