"""Bottom first: what is below changes less often, because some engines pull everything above a change again."""

from __future__ import annotations

from collections.abc import Sequence

from sysimage.layerplan.draft import Draft


def stack(drafts: Sequence[Draft], bottom: int = 0) -> list[Draft]:
    """``drafts`` with the first ``bottom`` left in place, then always the layer that adds the fewest possibilities
    of a change for its size."""
    stacked, left = list(drafts[:bottom]), list(drafts[bottom:])
    below = 0
    for draft in stacked:
        below |= draft.ahead
    left.sort(key=lambda draft: (draft.ahead.bit_count() / draft.size, -draft.size, draft.units[0].members))
    while left:
        known = below.bit_count()
        at = min(range(len(left)), key=lambda i: (((below | left[i].ahead).bit_count() - known) / left[i].size, i))
        below |= left[at].ahead
        stacked.append(left.pop(at))
    return stacked
