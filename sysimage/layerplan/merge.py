"""Join layers, the cheapest pair first, until they fit the budget and each is worth its price."""

from __future__ import annotations

from collections.abc import Sequence

from sysimage.layerplan.draft import Draft
from sysimage.layerplan.prices import Prices

EXACT = 700
"""Above this many layers, small ones are first joined in batches, without looking at every pair."""
BATCH = 300
UNKNOWN = -1


def merge_to_fit(drafts: Sequence[Draft], room: int, prices: Prices) -> list[Draft]:
    """At most ``room`` layers (or all that are fixed, if those are more), and fewer while a pair costs less joined. The
    result depends on the order given only where costs are equal."""
    fixed = [draft for draft in drafts if draft.fixed]
    free = [draft for draft in drafts if not draft.fixed]
    room = max(room - len(fixed), 1)
    while len(free) > max(EXACT, room):
        free = _merge_in_batches(free, max(EXACT, room), prices)
    return _merge_pairs(free, room, prices, paying=True) + fixed


def is_coarse(drafts: int, room: int) -> bool:
    """Whether so many layers are joined in batches."""
    return drafts > max(EXACT, room)


def _merge_in_batches(drafts: list[Draft], goal: int, prices: Prices) -> list[Draft]:
    """Halve the number of small layers among neighbours in the order of how often they change."""
    ranked = sorted(drafts, key=lambda draft: -draft.size)
    large, small = ranked[: goal // 2], ranked[goal // 2 :]
    small.sort(key=lambda draft: draft.ahead.bit_count())
    joined = []
    for start in range(0, len(small), BATCH):
        batch = small[start : start + BATCH]
        joined += _merge_pairs(batch, max(1, len(batch) // 2), prices)
    return large + joined


def _merge_pairs(drafts: Sequence[Draft], room: int, prices: Prices, *, paying: bool = False) -> list[Draft]:
    """Join the cheapest pair until there are ``room`` layers; with ``paying``, further while a pair costs less joined.

    Every layer remembers its best partner among those after it. When the partner is gone, what it cost remains as a
    lower bound: the layer looks again only when no other pair is cheaper.
    """
    count = len(drafts)
    if count <= room and not paying:
        return list(drafts)
    sizes = [draft.size for draft in drafts]
    bits = [draft.ahead for draft in drafts]
    # A joined layer is a mixture and was not there before: beside the pulls it costs so much for each byte, wherever it
    # comes from, and its price. What a pair costs is then the pulls of the union less this of each, and its price.
    mixed, price = prices.aloof + prices.fresh, prices.layer * prices.first
    gains = [draft.cost(prices) - draft.size * mixed for draft in drafts]
    parts: list[tuple[int, ...]] = [(at,) for at in range(count)]
    alive = list(range(count))
    costs: dict[int, float] = {}
    partners: dict[int, int] = {}

    def look(at: int, after: Sequence[int]) -> None:
        weight, ahead = sizes[at] + prices.layer, bits[at]
        lowest, partner = None, -1
        for other in after:
            cost = (weight + sizes[other]) * (ahead | bits[other]).bit_count() - gains[other]
            if lowest is None or cost < lowest:
                lowest, partner = cost, other
        if lowest is None:
            costs.pop(at, None)
            partners.pop(at, None)
        else:
            costs[at], partners[at] = lowest - gains[at], partner

    for place, at in enumerate(alive):
        look(at, alive[place + 1 :])
    while len(alive) > 1:
        first = min(costs, key=costs.__getitem__)
        if len(alive) <= room and not (paying and costs[first] + price < 0):
            break
        second = partners[first]
        if second == UNKNOWN:
            look(first, alive[alive.index(first) + 1 :])
            continue
        new = len(sizes)
        sizes.append(sizes[first] + sizes[second])
        bits.append(bits[first] | bits[second])
        gains.append((sizes[new] + prices.layer) * bits[new].bit_count() + price)
        parts.append(parts[first] + parts[second])
        for gone in (first, second):
            alive.remove(gone)
            costs.pop(gone, None)
            partners.pop(gone, None)
        weight, ahead, gain = sizes[new] + prices.layer, bits[new], gains[new]
        for at in alive:
            cost = (weight + sizes[at]) * (ahead | bits[at]).bit_count() - gain - gains[at]
            if at not in costs or cost < costs[at]:
                costs[at], partners[at] = cost, new
            elif partners[at] in (first, second):
                partners[at] = UNKNOWN
        alive.append(new)
    merged = []
    for at in alive:
        if len(parts[at]) == 1:
            merged.append(drafts[parts[at][0]])
        else:
            merged.append(Draft.of([unit for part in parts[at] for unit in drafts[part].units]))
    return merged
