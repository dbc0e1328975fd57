"""Move single units to layers where they cost less."""

from __future__ import annotations

from collections.abc import Sequence

from sysimage.layerplan.layer_draft import LayerDraft, Unit
from sysimage.layerplan.prices import Prices
from sysimage.layerplan.rates import union

SWEEPS = 5
TOO_MANY = 300_000
"""Units times layers above which one sweep would take too long."""


def refine(drafts: Sequence[LayerDraft], room: int, prices: Prices) -> list[LayerDraft]:
    """The same units, no more layers than ``room``, never a higher cost."""
    layers = [LayerDraft(list(d.units), d.size, d.ahead, d.kept, d.fixed) for d in drafts]
    where = {id(unit): layer for layer in layers for unit in layer.units}
    units = sorted(
        (unit for layer in layers if not layer.fixed for unit in layer.units), key=lambda u: (-u.size, u.members)
    )
    if takes_too_long(len(units), len(layers)):
        return layers
    for _ in range(SWEEPS):
        moved = False
        for unit in units:
            source = where[id(unit)]
            target = _better_place(unit, source, layers, room, prices)
            if target is not None:
                moved = True
                where[id(unit)] = target
                source.units.remove(unit)
                target.units.append(unit)
                if not target.size:
                    layers.append(target)
                if source.units:
                    _recount(source)
                else:
                    layers = [layer for layer in layers if layer is not source]
                _recount(target)
        if not moved:
            break
    return layers


def takes_too_long(units: int, layers: int) -> bool:
    """Whether so many units in so many layers are left where they are."""
    return units * layers > TOO_MANY


def _better_place(
    unit: Unit, source: LayerDraft, layers: list[LayerDraft], room: int, prices: Prices
) -> LayerDraft | None:
    """The layer, perhaps a new one, where ``unit`` costs least, if it costs less there than in its current layer."""
    others = len(source.units) - 1
    rest = union(other.ahead for other in source.units if other is not unit)
    # Taking it out saves this much.
    saved = source.cost(prices)
    if others:
        saved -= prices.cost(source.size - unit.size, rest, mixed=others > 1, kept=False)
    lowest = saved - 1e-6 * abs(saved) - 1e-6
    best: LayerDraft | None = None
    if others and len(layers) < room:
        alone = prices.cost(unit.size, unit.ahead, mixed=False, kept=False)
        if alone < lowest:
            lowest, best = alone, LayerDraft.of([])
    size, ahead = unit.size, unit.ahead
    for layer in layers:
        if layer is source or layer.fixed:
            continue
        weight = layer.size + prices.layer
        cost: float = (weight + size) * (layer.ahead | ahead).bit_count() - weight * layer.ahead.bit_count()
        cost += (prices.aloof + prices.fresh) * size
        if len(layer.units) == 1:
            cost += prices.aloof * layer.size
        if layer.kept:
            cost += prices.fresh * layer.size
        if cost < lowest:
            lowest, best = cost, layer
    return best


def _recount(layer: LayerDraft) -> None:
    layer.ahead = union(unit.ahead for unit in layer.units)
    layer.size, layer.kept = sum(unit.size for unit in layer.units), False
