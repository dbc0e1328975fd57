"""Plan several systems together."""

from __future__ import annotations

from collections.abc import Mapping

from sysimage.closure import Closure
from sysimage.layerplan.plan import LayerPlan
from sysimage.layerplan.planner import plan_layers


def plan_fleet(closures: Mapping[str, Closure], max_layers: int = 100) -> dict[str, LayerPlan]:
    """Plan several systems together, so that they hold the same layers where they hold the same items."""
    return {name: plan_layers(closures[name], max_layers, favour="sharing") for name in sorted(closures)}
