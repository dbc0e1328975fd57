"""The plan of an image as a report has it: the record that a build writes, without any file."""

from __future__ import annotations

from sysimage.layerplan import Record
from sysimage.report.facts import Facts, ItemFact, LayerFact


def plan_facts(record: Record, name: str) -> Facts:
    """``name`` is how the page calls it. Sizes of items and layers are those of NARs: nothing is compressed yet."""
    plan, closure = record.plan, record.closure
    layer_of = {path: number for number, layer in enumerate(plan.layers, 1) for path in layer.paths}
    layers = [
        LayerFact(
            "", "", layer.nar_size, ", ".join(sorted({path.name for path in layer.paths})), layer.reason,
            layer.pulls_per_year,
        )
        for layer in plan.layers
    ]  # fmt: skip
    if plan.count > len(layers):
        layers.append(LayerFact("", "", 0, "boot program, store database, GC roots, accounts and /etc"))
    items = (
        ItemFact(
            str(item.path),
            layer_of[item.path],
            item.nar_size,
            tuple(sorted(str(reference) for reference in item.references if reference != item.path)),
        )
        for item in closure
    )
    return Facts(
        kind="plan",
        name=name,
        facts=(("items", str(len(closure))), ("layers", f"{plan.count} of at most {plan.max_layers}")),
        layers=tuple(layers),
        items=tuple(sorted(items, key=lambda item: (item.base_name, item.path))),
        roots=tuple(map(str, closure.roots)),
        moves_always=len(layers),
        propagates=plan.memory.propagates,
    )
