"""What a plan is expected to move with every update, compared with what other rules would: an estimate, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sysimage.closure import Closure
from sysimage.layerplan.changes import Observed
from sysimage.layerplan.forecast import changes_ahead
from sysimage.layerplan.plan import LayerPlan
from sysimage.layerplan.rates import predict, union
from sysimage.layerplan.reasons import pulls_per_year
from sysimage.layerplan.strategies import STRATEGIES, plan_by
from sysimage.store.paths import StorePath

PLANNED = "sysimage"
"""The name of the plan itself among the rules."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What clients that follow updates are expected to pull."""

    updates_per_year: float
    """How often anything changes."""
    moved: Mapping[str, float]
    """Bytes for each update, uncompressed, by rule: `PLANNED`, ``single`` (everything in one layer), and others."""
    steps: int
    """From how many steps of history, or of dates in changelogs, this was learned."""


def outlook(plan: LayerPlan, closure: Closure, *, base_layers: int, days_between: float = 14.0) -> Outlook | None:
    """The outlook of a plan of ``closure``; None where nothing is known of how its items change.

    It comes from what the plan remembers, by the same model that drew it. An image on a base that holds some of the
    items is compared with nothing but one layer.
    """
    memory = plan.memory
    if not memory.steps or not memory.own:
        return None
    observed = Observed(memory.steps, dict(memory.own), dict(memory.present), memory.propagates)
    ahead = changes_ahead(closure, predict(closure, observed), propagates=memory.propagates)
    held = [path for layer in plan.layers for path in layer.paths]
    any_change = union(ahead[path] for path in held)
    if not any_change:
        return None
    sizes = {item.path: item.nar_size for item in closure}

    def moved(groups: Iterable[Iterable[StorePath]]) -> float:
        total = 0.0
        for group in groups:
            paths = list(group)
            total += sum(sizes[path] for path in paths) * union(ahead[path] for path in paths).bit_count()
        return total / any_change.bit_count()

    found = {PLANNED: moved(layer.paths for layer in plan.layers), "single": moved([held])}
    if len(held) == len(closure):
        for rule in STRATEGIES.keys() - found.keys():
            other = plan_by(rule, closure, plan.max_layers, base_layers=base_layers)
            found[rule] = moved(layer.paths for layer in other.layers)
    return Outlook(pulls_per_year(any_change, days_between), dict(sorted(found.items())), memory.steps)
