"""Where layer boundaries go, so that updates and sharing move few bytes."""

from sysimage.layerplan.fleet import plan_fleet
from sysimage.layerplan.plan import MOST_LAYERS, LayerPlan, PlannedLayer, check_max_layers
from sysimage.layerplan.planner import Favour, plan_layers

__all__ = ["MOST_LAYERS", "Favour", "LayerPlan", "PlannedLayer", "check_max_layers", "plan_fleet", "plan_layers"]
