"""Say why a layer exists."""

from __future__ import annotations

from collections.abc import Sequence

from sysimage.layerplan.forecast import POSSIBILITIES
from sysimage.layerplan.layer_draft import LayerDraft
from sysimage.layerplan.lineage import package_name
from sysimage.layerplan.plan import PlannedLayer
from sysimage.store.items import StoreItem

DAYS_A_YEAR = 365.25
ASKED_FOR = "asked for: a group of the specification"


def explain(draft: LayerDraft, items: Sequence[StoreItem], days_between: float, note: str = "") -> PlannedLayer:
    """The layer of ``draft``. ``items`` are the items of the closure, in its order."""
    places = sorted(place for unit in draft.units for place in unit.members)
    return PlannedLayer(
        paths=tuple(sorted(items[place].path for place in places)),
        nar_size=draft.size,
        reason=_reason(draft, items, places) + (", kept from the previous plan" if draft.kept else "") + note,
        pulls_per_year=pulls_per_year(draft.ahead, days_between),
    )


def pulls_per_year(ahead: int, days_between: float) -> float:
    """Expected pulls of a layer per year. ``ahead`` has a bit for each possible next step that changes the layer;
    steps are ``days_between`` days apart."""
    return round(ahead.bit_count() / POSSIBILITIES * DAYS_A_YEAR / days_between, 2)


def _reason(draft: LayerDraft, items: Sequence[StoreItem], places: Sequence[int]) -> str:
    if draft.fixed:
        return ASKED_FOR
    heavy = max(places, key=lambda place: (items[place].nar_size, -place))
    name = package_name(items[heavy].path.name)
    if len(places) == 1:
        return f"{name} alone: worth a layer by its size and how often it changes"
    if len(draft.units) == 1:
        return f"{name} and {len(places) - 1} items that other systems are likely to hold together with it"
    chances = [unit.ahead.bit_count() for unit in draft.units]
    each, all_ = max(chances), draft.ahead.bit_count()
    if all_ <= 1.25 * each:
        return f"{len(places)} items that change together, {name} the largest"
    calm = "seldom" if all_ < POSSIBILITIES / 4 else "about equally often"
    return f"{len(places)} small items that change {calm}, {name} the largest"
