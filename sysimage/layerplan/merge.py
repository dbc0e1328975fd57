"""Join layers, the cheapest pair first, until they fit the budget and each is worth its price."""

from __future__ import annotations

from collections.abc import Sequence

from sysimage.layerplan.layer_draft import LayerDraft
from sysimage.layerplan.prices import Prices

EXACT = 700
"""Above this many layers, small ones are first joined in batches, without looking at every pair."""
BATCH = 300


def merge_to_fit(drafts: Sequence[LayerDraft], room: int, prices: Prices) -> list[LayerDraft]:
    """At most ``room`` layers (or all that are fixed, if those are more), and fewer while a pair costs less joined. The
    result depends on the order given only where costs are equal."""
    fixed = [draft for draft in drafts if draft.fixed]
    free = [draft for draft in drafts if not draft.fixed]
    room = max(room - len(fixed), 1)
    while len(free) > max(EXACT, room):
        free = merge_in_batches(free, max(EXACT, room), prices)
    return _merge_pairs(free, room, prices, paying=True) + fixed


def is_coarse(drafts: int, room: int) -> bool:
    """Whether so many layers are joined in batches."""
    return drafts > max(EXACT, room)


def merge_in_batches(drafts: list[LayerDraft], goal: int, prices: Prices) -> list[LayerDraft]:
    """About halve the number of layers that are not among the largest, ``goal`` / 2 of them: each is joined with such
    as change about as often."""
    ranked = sorted(drafts, key=lambda draft: -draft.size)
    large, small = ranked[: goal // 2], ranked[goal // 2 :]
    small.sort(key=lambda draft: draft.ahead.bit_count())
    joined = []
    for start in range(0, len(small), BATCH):
        batch = small[start : start + BATCH]
        joined += _merge_pairs(batch, max(1, len(batch) // 2), prices)
    return large + joined


def _merge_pairs(drafts: Sequence[LayerDraft], room: int, prices: Prices, *, paying: bool = False) -> list[LayerDraft]:
    """Join the cheapest pair until there are ``room`` layers; with ``paying``, further while that costs less."""
    pairs = _Pairs(drafts, prices)
    while len(pairs.alive) > 1:
        first, cost = pairs.cheapest()
        if len(pairs.alive) <= room and not (paying and cost < 0):
            break
        pairs.join_or_look_again(first)
    return pairs.joined()


class _Pairs:
    """Layers by number, and what it costs to join two of them.

    Every layer remembers its best partner among those after it. When the partner is gone, what it cost remains as a
    lower bound: the layer looks again only when no other pair is cheaper.
    """

    def __init__(self, drafts: Sequence[LayerDraft], prices: Prices) -> None:
        self._drafts, self._layer = drafts, prices.layer
        self._sizes = [draft.size for draft in drafts]
        self._bits = [draft.ahead for draft in drafts]
        # A joined layer is a new mixture: besides the pulls it costs a fixed amount for each byte, and the price of a
        # layer. What a pair costs is then the pulls of the union less this of each, and its price.
        mixed, self._price = prices.aloof + prices.fresh, prices.layer * prices.first
        self._gains = [draft.cost(prices) - draft.size * mixed for draft in drafts]
        self._parts: list[tuple[int, ...]] = [(at,) for at in range(len(drafts))]
        self.alive = list(range(len(drafts)))
        self._costs: dict[int, float] = {}
        self._partners: dict[int, int | None] = {}
        """Of each that has a cost; None where it is gone."""
        for place, at in enumerate(self.alive):
            self._look(at, self.alive[place + 1 :])

    def cheapest(self) -> tuple[int, float]:
        """The first layer of the pair that costs least, and what that is at least."""
        first = min(self._costs, key=self._costs.__getitem__)
        return first, self._costs[first] + self._price

    def join_or_look_again(self, first: int) -> None:
        """Join a layer with its partner, or find it another if that is gone."""
        second = self._partners[first]
        if second is None:
            self._look(first, self.alive[self.alive.index(first) + 1 :])
            return
        self._sizes.append(self._sizes[first] + self._sizes[second])
        self._bits.append(self._bits[first] | self._bits[second])
        self._gains.append((self._sizes[-1] + self._layer) * self._bits[-1].bit_count() + self._price)
        self._parts.append(self._parts[first] + self._parts[second])
        for gone in (first, second):
            self.alive.remove(gone)
            self._costs.pop(gone, None)
        self._offer(len(self._sizes) - 1, (first, second))

    def joined(self) -> list[LayerDraft]:
        """The layers that are left."""
        parts = [self._parts[at] for at in self.alive]
        return [
            self._drafts[of[0]]
            if len(of) == 1
            else LayerDraft.of([unit for part in of for unit in self._drafts[part].units])
            for of in parts
        ]

    def _look(self, at: int, after: Sequence[int]) -> None:
        """Find a layer's best partner. Nearly all of the time is spent here and in `_offer`, so what their loops use is
        local."""
        sizes, bits, gains = self._sizes, self._bits, self._gains
        weight, ahead = sizes[at] + self._layer, bits[at]
        lowest: float | None = None
        partner: int | None = None
        for other in after:
            cost = (weight + sizes[other]) * (ahead | bits[other]).bit_count() - gains[other]
            if lowest is None or cost < lowest:
                lowest, partner = cost, other
        if lowest is None:
            self._costs.pop(at, None)
        else:
            self._costs[at], self._partners[at] = lowest - gains[at], partner

    def _offer(self, new: int, gone: tuple[int, int]) -> None:
        """Let the others see a joined layer, and forget the two that it was made of."""
        sizes, bits, gains, costs, partners = self._sizes, self._bits, self._gains, self._costs, self._partners
        weight, ahead, gain = sizes[new] + self._layer, bits[new], gains[new]
        for at in self.alive:
            cost = (weight + sizes[at]) * (ahead | bits[at]).bit_count() - gain - gains[at]
            if at not in costs or cost < costs[at]:
                costs[at], partners[at] = cost, new
            elif partners[at] in gone:
                partners[at] = None
        self.alive.append(new)
