"""Where layer boundaries go, so that updates and sharing move few bytes, and few layers.

The planner is loaded when it is needed: a system that did not change uses its stored plan.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sysimage.layerplan.plan import MOST_LAYERS, ChangeHistory, LayerPlan, PlannedLayer, check_max_layers
from sysimage.layerplan.record import Record, from_json, to_json

if TYPE_CHECKING:
    from sysimage.layerplan.fleet import plan_fleet
    from sysimage.layerplan.groups import GroupRule
    from sysimage.layerplan.planner import Favour, plan_layers
    from sysimage.layerplan.prices import LAYER_PRICE, pull_seconds
    from sysimage.layerplan.strategies import STRATEGIES, plan_by

__all__ = [
    "LAYER_PRICE",
    "MOST_LAYERS",
    "STRATEGIES",
    "ChangeHistory",
    "Favour",
    "GroupRule",
    "LayerPlan",
    "PlannedLayer",
    "Record",
    "check_max_layers",
    "from_json",
    "plan_by",
    "plan_fleet",
    "plan_layers",
    "pull_seconds",
    "to_json",
]
_MODULES = {
    "plan_fleet": "fleet",
    "GroupRule": "groups",
    "Favour": "planner",
    "plan_layers": "planner",
    "LAYER_PRICE": "prices",
    "pull_seconds": "prices",
    "STRATEGIES": "strategies",
    "plan_by": "strategies",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
