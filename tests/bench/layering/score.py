"""How many bytes move because of where a rule drew the layer boundaries.

Every figure is a ratio to a plan with a layer for each store item, without limit and order; 1 is the bound.

update    what a client that holds the previous image pulls, summed over all steps and systems
chain     the same for an engine that knows a layer only on top of the layers below it
fleet     distinct layer bytes of all systems on the last day, planned one by one
together  the same, planned together
stacked   the same for an engine that shares a layer only on top of the same layers below it
wait      what a client waits for, in bytes: every layer that moves costs `LAYER_PRICE` besides its bytes, for one first
          pull and `UPDATES` updates; a ratio to the bytes alone
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sysimage.closure import Closure
from sysimage.digest import Digest
from sysimage.layerplan import LAYER_PRICE, LayerPlan, plan_fleet
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from tests.bench.layering.replay import PathInfo, Replay

DAY = datetime.timedelta(days=1)
STEP = 14
"""Days between two images."""
UPDATES = 12
"""For each first pull, in `Score.wait`."""
HISTORY = 26
"""Closures from before the first image that a rule may look at."""

Groups = Sequence[Sequence[str]]
"""Store paths, bottom layer first."""


@dataclass(frozen=True)
class Moment:
    """What a rule may know when it plans an image."""

    system: str
    day: datetime.date
    closure: Closure
    history: tuple[Closure, ...]
    max_layers: int
    previous: Any
    """What the rule returned one step before; None for the first image."""


Rule = Callable[[Moment], "LayerPlan | Groups"]


@dataclass(frozen=True)
class Score:
    """Ratios to the bound, layers, and seconds of planning."""

    update: float
    chain: float
    fleet: float
    together: float | None
    stacked: float | None
    wait: float
    layers: float
    """Of store items, on the last day, on average."""
    moving: float
    """Layers that an update moves, on average."""
    slowest: float
    """Seconds of the slowest plan."""


class UnfairPlanError(Exception):
    """A plan that is not a partition, or has too many layers."""


def closure_of(infos: Sequence[PathInfo]) -> Closure:
    """The closure of what a replay gives for one system on one day."""
    return Closure(
        StoreItem(
            StorePath.parse(info["path"]),
            Digest.parse(info["narHash"]),
            info["narSize"],
            tuple(sorted(map(StorePath.parse, info["references"]))),
        )
        for info in infos
    )


class Course:
    """Closures of some systems over some days, read once and run by many rules."""

    def __init__(
        self,
        *,
        propagates: bool,
        start: datetime.date,
        steps: int,
        systems: Sequence[str] = (),
        replay: Replay | None = None,
    ) -> None:
        self.replay = replay or Replay(propagates=propagates)
        self.systems = sorted(systems or self.replay.systems)
        self.days = [start + DAY * STEP * number for number in range(-HISTORY, steps)]
        self.closures = {
            (system, day): closure_of(self.replay.closure(system, day)) for system in self.systems for day in self.days
        }

    def run(self, rule: Rule, max_layers: int, *, fleet: bool = False, limited: bool = True) -> Score:
        """Plan every image of the course by ``rule``; with ``fleet``, also the last day's together."""
        moved = chained = bound = changed = 0
        slowest = 0.0
        last: dict[str, dict[frozenset[str], int]] = {}
        for system in self.systems:
            previous: LayerPlan | Groups | None = None
            held: dict[frozenset[str], int] | None = None
            for at in range(HISTORY, len(self.days)):
                closure = self.closures[system, self.days[at]]
                history = tuple(self.closures[system, day] for day in self.days[at - HISTORY : at])
                started = time.perf_counter()
                previous = rule(Moment(system, self.days[at], closure, history, max_layers, previous))
                slowest = max(slowest, time.perf_counter() - started)
                layers = fair_layers(previous, closure, max_layers if limited else None)
                if held is not None:
                    known = frozenset().union(*held)
                    kept = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(layers, held, strict=False)))
                    new = [size for layer, size in layers.items() if layer not in held]
                    moved, changed = moved + sum(new), changed + len(new)
                    chained += sum(list(layers.values())[kept:])
                    bound += sum(item.nar_size for item in closure if str(item.path) not in known)
                held = layers
            last[system] = held or {}
        closures = {system: self.closures[system, self.days[-1]] for system in self.systems}
        total = sum({item.path: item.nar_size for closure in closures.values() for item in closure}.values())
        alone = sum({layer: size for layers in last.values() for layer, size in layers.items()}.values())
        together = stacked = None
        if fleet:
            shared, stacks = fleet_bytes(plan_fleet(closures, max_layers=max_layers), closures, max_layers)
            together, stacked = shared / total, stacks / total
        steps = len(self.systems) * (len(self.days) - HISTORY - 1)
        count, first = sum(map(len, last.values())), sum(sum(layers.values()) for layers in last.values())
        updates = UPDATES * len(self.systems) / steps
        wait = (first + LAYER_PRICE * count + updates * (moved + LAYER_PRICE * changed)) / (first + updates * bound)
        return Score(
            update=moved / bound,
            chain=chained / bound,
            fleet=alone / total,
            together=together,
            stacked=stacked,
            wait=wait,
            layers=count / len(self.systems),
            moving=changed / steps,
            slowest=slowest,
        )


def fair_layers(plan: LayerPlan | Groups, closure: Closure, max_layers: int | None) -> dict[frozenset[str], int]:
    """Each layer's paths and bytes, bottom first; an `UnfairPlanError` unless a partition within the limit."""
    if isinstance(plan, LayerPlan):
        groups: Groups = [[str(path) for path in layer.paths] for layer in plan.layers]
    else:
        groups = plan
    sizes = {str(item.path): item.nar_size for item in closure}
    if sorted(path for group in groups for path in group) != sorted(sizes):
        raise UnfairPlanError("a plan must hold every store path exactly once")
    if not all(groups):
        raise UnfairPlanError("a layer must not be empty")
    if max_layers is not None and len(groups) > max(1, max_layers - 1):
        raise UnfairPlanError(f"{len(groups)} store layers, at most {max(1, max_layers - 1)} allowed")
    return {frozenset(group): sum(sizes[path] for path in group) for group in groups}


def fleet_bytes(plans: Mapping[str, LayerPlan], closures: Mapping[str, Closure], max_layers: int) -> tuple[int, int]:
    """Bytes of the distinct layers of all plans, and of the distinct stacks of layers."""
    shared: dict[frozenset[str], int] = {}
    stacks: dict[tuple[frozenset[str], ...], int] = {}
    for name, closure in closures.items():
        below: tuple[frozenset[str], ...] = ()
        for layer, size in fair_layers(plans[name], closure, max_layers).items():
            below = (*below, layer)
            shared[layer] = stacks[below] = size
    return sum(shared.values()), sum(stacks.values())
