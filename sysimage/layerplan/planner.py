"""Draw layer boundaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from sysimage.closure import Closure
from sysimage.errors import SpecError
from sysimage.layerplan.groups import check_groups_fit, explicit_groups
from sysimage.layerplan.plan import LayerPlan, PlannedLayer, check_max_layers
from sysimage.store.paths import StorePath

Favour = Literal["both", "updates", "sharing"]


def room_for_items(max_layers: int, base_layers: int = 0) -> int:
    """How many layers of store items fit: the customization layer takes one, unless only one is left."""
    check_max_layers(max_layers)
    left = max_layers - base_layers
    if left < 1:
        raise SpecError(
            f"cannot plan {max_layers} layers: the base image has {base_layers} already",
            hint="raise max_layers or choose a base with fewer layers",
        )
    return max(1, left - 1)


def plan_layers(
    closure: Closure,
    max_layers: int = 100,
    history: Sequence[Closure] = (),
    previous: LayerPlan | None = None,
    favour: Favour = "both",
    groups: Sequence[Sequence[str]] = (),
    *,
    base_layers: int = 0,
) -> LayerPlan:
    """Divide the closure's items among layers, bottom first.

    ``history`` holds earlier closures of the system, oldest first; ``previous`` is the plan one step before;
    ``groups`` are shell patterns on names, one sequence for each layer; ``base_layers`` counts against the budget.
    """
    room = room_for_items(max_layers, base_layers)
    explicit, rest = explicit_groups((item.path for item in closure), groups)
    check_groups_fit(len(explicit), len(rest), room)
    rest.sort(key=lambda path: (-closure[path].nar_size, path))
    free = room - len(explicit)
    singles, tail = (rest, []) if len(rest) <= free else (rest[: free - 1], rest[free - 1 :])
    layers = [PlannedLayer((path,), closure[path].nar_size, "large") for path in singles]
    if tail:
        layers.append(_layer(closure, tail, "all the smaller items"))
    layers += [_layer(closure, group, "asked for") for group in explicit]
    return LayerPlan(tuple(layers), max_layers)


def plan_fleet(closures: Mapping[str, Closure], max_layers: int = 100) -> dict[str, LayerPlan]:
    """Plan several systems together, so that they hold the same layers where they hold the same items."""
    return {name: plan_layers(closures[name], max_layers) for name in sorted(closures)}


def _layer(closure: Closure, paths: Sequence[StorePath], reason: str) -> PlannedLayer:
    return PlannedLayer(tuple(sorted(paths)), sum(closure[path].nar_size for path in paths), reason)
