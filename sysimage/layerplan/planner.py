"""Draw layer boundaries where clients are expected to wait least, and for few bytes."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Literal

from sysimage.closure import Closure
from sysimage.layerplan.always_changing import changing_with_everything
from sysimage.layerplan.budget import room_for_items
from sysimage.layerplan.changes import observe, observe_dates
from sysimage.layerplan.families import families, tolerated_risk
from sysimage.layerplan.forecast import POSSIBILITIES, changes_ahead
from sysimage.layerplan.groups import GroupRule, check_groups_fit, explicit_groups
from sysimage.layerplan.layer_draft import LayerDraft, Unit
from sysimage.layerplan.merge import is_coarse, merge_to_fit
from sysimage.layerplan.order import stack
from sysimage.layerplan.plan import LayerPlan, PlannedLayer
from sysimage.layerplan.prices import prices
from sysimage.layerplan.rates import predict, union
from sysimage.layerplan.reasons import explain, pulls_per_year
from sysimage.layerplan.refine import refine
from sysimage.layerplan.sharing import draft_alike
from sysimage.store.paths import StorePath

Favour = Literal["both", "updates", "sharing"]

PLAN_LASTS = 8
"""Steps over which moving a boundary must pay for itself."""
ALOOF = {"updates": 0.0, "both": 0.3}
"""What a byte in a mixture costs besides its pulls, in pulls a step: other systems will not hold the same one."""


def plan_layers(
    closure: Closure,
    max_layers: int = 100,
    history: Sequence[Closure] = (),
    previous: LayerPlan | None = None,
    favour: Favour = "both",
    groups: Sequence[GroupRule] = (),
    *,
    base_layers: int = 0,
    days_between: float = 14.0,
) -> LayerPlan:
    """Divide the closure's items among layers, bottom first.

    ``history`` holds earlier closures of the system, oldest first, ``days_between`` apart; ``previous`` is the plan one
    step before, kept where changing it does not pay; each of ``groups`` is a layer of its own; ``base_layers`` counts
    against the budget.
    """
    room = room_for_items(max_layers, base_layers)
    explicit, rest = explicit_groups(closure, groups)
    check_groups_fit(len(explicit), len(rest), room)
    observed = observe([*history, closure], previous)
    if observed.steps < 2:
        observed = observe_dates(closure, days_between) or observed
    rates = predict(closure, observed)
    ahead = changes_ahead(closure, rates, propagates=observed.propagates)
    note = ""
    alone = max_layers - base_layers == 1
    taken = {path for group in explicit for path in group}
    constant = () if alone else changing_with_everything(closure, ahead, taken)
    if favour == "sharing":
        # Sharing takes precedence over the previous plan: a plan with a history differs from one that is made today.
        drafts = draft_alike(closure, ahead, explicit, room, constant)
    else:
        asked = prices(POSSIBILITIES, aloof=ALOOF[favour], fresh=1 / PLAN_LASTS)
        shape: Sequence[Sequence[StorePath]] = [(item.path,) for item in closure]
        if favour == "both":
            shape = families(closure, rates.causes, tolerated_risk(room))
        drafts = _drafts(closure, ahead, shape, explicit, previous, frozenset(constant))
        note = "; joined in batches, the closure being large" if is_coarse(len(drafts), room) else ""
        drafts = refine(merge_to_fit(drafts, room, asked), room, asked)
    stacked = _restack(drafts, [item.path for item in closure], previous)
    layers = [explain(draft, closure.items, days_between, note if len(draft.units) > 1 else "") for draft in stacked]
    if constant:
        layers.append(_customized(closure, ahead, constant, days_between))
    return LayerPlan(tuple(layers), max_layers, observed.memory)


def _customized(
    closure: Closure, ahead: dict[StorePath, int], constant: Sequence[StorePath], days_between: float
) -> PlannedLayer:
    """The layer that the customization is part of."""
    return PlannedLayer(
        tuple(sorted(constant)),
        sum(closure[path].nar_size for path in constant),
        "change with everything, as the customization does",
        pulls_per_year(union(ahead[path] for path in constant), days_between),
        customized=True,
    )


def _drafts(
    closure: Closure,
    ahead: dict[StorePath, int],
    shape: Sequence[Sequence[StorePath]],
    explicit: Sequence[Sequence[StorePath]],
    previous: LayerPlan | None,
    apart: Container[StorePath],
) -> list[LayerDraft]:
    """The units of ``shape``, without what is ``apart``: in the layers of the previous plan that nothing has broken,
    in the groups asked for, and one by one."""
    place = {item.path: at for at, item in enumerate(closure)}
    box: dict[StorePath, int] = {path: -1 - number for number, group in enumerate(explicit) for path in group}
    for number, layer in enumerate(previous.layers if previous is not None else ()):
        if not layer.customized and all(path in place and path not in box for path in layer.paths):
            box |= dict.fromkeys(layer.paths, number)
    boxes: dict[int, list[Unit]] = {}
    drafts = []
    for family in shape:
        pieces: dict[int | None, list[StorePath]] = {}
        for path in family:
            if path in apart:
                continue
            pieces.setdefault(box.get(path), []).append(path)
        for number_or_none, members in pieces.items():
            bits = union(ahead[path] for path in members)
            unit = Unit(tuple(place[p] for p in members), sum(closure[p].nar_size for p in members), bits)
            if number_or_none is None:
                drafts.append(LayerDraft.of([unit]))
            else:
                boxes.setdefault(number_or_none, []).append(unit)
    drafts += [LayerDraft.of(units, kept=number >= 0, fixed=number < 0) for number, units in boxes.items()]
    drafts.sort(key=lambda draft: min(unit.members for unit in draft.units))
    return drafts


def _restack(drafts: Sequence[LayerDraft], paths: Sequence[StorePath], previous: LayerPlan | None) -> list[LayerDraft]:
    """What is unbroken at the bottom stays where it is; above the first change the order is free."""
    by_paths = {frozenset(paths[m] for unit in draft.units for m in unit.members): draft for draft in drafts}
    bottom: list[LayerDraft] = []
    for layer in previous.layers if previous is not None else ():
        if layer.customized:
            break
        draft = by_paths.pop(frozenset(layer.paths), None)
        if draft is None:
            break
        bottom.append(draft)
    return stack([*bottom, *by_paths.values()], len(bottom))
