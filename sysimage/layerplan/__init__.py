"""Where layer boundaries go, so that updates and sharing move few bytes, and few layers."""

from sysimage.layerplan.fleet import plan_fleet
from sysimage.layerplan.groups import GroupRule
from sysimage.layerplan.plan import MOST_LAYERS, ChangeHistory, LayerPlan, PlannedLayer, check_max_layers
from sysimage.layerplan.planner import Favour, plan_layers
from sysimage.layerplan.prices import LAYER, pull_seconds
from sysimage.layerplan.record import Record, from_json, to_json
from sysimage.layerplan.strategies import STRATEGIES, plan_by

__all__ = [
    "LAYER",
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
