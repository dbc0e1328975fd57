"""Bottom first: what is below changes less often, because some engines pull everything above a change again."""

from __future__ import annotations

from collections.abc import Sequence

from sysimage.layerplan.layer_draft import LayerDraft
from sysimage.layerplan.rates import union

ORDER_ROUNDS = 6


def stack(drafts: Sequence[LayerDraft], bottom: int = 0) -> list[LayerDraft]:
    """``drafts`` with the first ``bottom`` left in place and the others where the fewest bytes are above a change.

    They are placed one by one, the layer that adds the fewest possibilities of a change for its size next; then
    single layers are moved for as long as it helps: what rests on changes anyway may go further up, and the greedy
    choice does not see that two layers share their changes.
    """
    fixed, left = list(drafts[:bottom]), list(drafts[bottom:])
    below = union(draft.ahead for draft in fixed)
    return fixed + _move(_place(left, below), below)


def _place(drafts: Sequence[LayerDraft], below: int) -> list[LayerDraft]:
    left = sorted(drafts, key=lambda draft: (draft.ahead.bit_count() / draft.size, -draft.size, draft.units[0].members))
    placed: list[LayerDraft] = []
    while left:
        known = below.bit_count()
        at = min(range(len(left)), key=lambda i: (((below | left[i].ahead).bit_count() - known) / left[i].size, i))
        below |= left[at].ahead
        placed.append(left.pop(at))
    return placed


def _move(placed: Sequence[LayerDraft], below: int) -> list[LayerDraft]:
    order = list(placed)
    for _ in range(ORDER_ROUNDS):
        before = [id(draft) for draft in order]
        for draft in sorted(order, key=lambda draft: (-draft.size, draft.units[0].members)):
            at = next(i for i, other in enumerate(order) if other is draft)
            del order[at]
            costs = _costs(order, draft, below)
            to = min(range(len(costs)), key=lambda i: (costs[i], i != at, i))
            order.insert(to, draft)
        if before == [id(draft) for draft in order]:
            break
    return order


def _costs(order: Sequence[LayerDraft], draft: LayerDraft, below: int) -> list[int]:
    """What the stack costs with ``draft`` put into each of its places, in bytes times possibilities.

    A layer is pulled again when anything in it or below it changes.
    """
    size, ahead = draft.size, draft.ahead
    stacked, union = [], below
    for other in order:
        union |= other.ahead
        stacked.append((other.size, union))
    above = sum(bytes_ * (union | ahead).bit_count() for bytes_, union in stacked)
    under = 0
    costs = [above + size * (below | ahead).bit_count()]
    for bytes_, union in stacked:
        above -= bytes_ * (union | ahead).bit_count()
        under += bytes_ * union.bit_count()
        costs.append(under + above + size * (union | ahead).bit_count())
    return costs
