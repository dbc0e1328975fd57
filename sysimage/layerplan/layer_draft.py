"""Layers while they are being drawn, and what they are expected to cost.

The cost of a layer, in bytes times possibilities (of `forecast.POSSIBILITIES`), over the steps that a plan lasts:

    (size + layer) × (possibilities in which any of its items changes)  it is pulled again
  + layer × first                                            a client that holds nothing pulls it too
  + size × aloof, if it is not one unit                      other systems are unlikely to hold the same mixture
  + size × fresh, if it is not a layer of the previous plan  every client pulls it now, changed or not

The last is paid for by layers that were kept until now only: what a change has broken already is pulled anyway, so
among the broken ones boundaries move for nothing. Nor does a broken layer pay ``layer`` for being pulled now: that cost
belongs to the old layer; otherwise parts that broke together would be joined for that reason alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sysimage.layerplan.prices import Prices
from sysimage.layerplan.rates import union


@dataclass(frozen=True, slots=True)
class Unit:
    """Items that the planner does not take apart: most often one."""

    members: tuple[int, ...]
    """Places of the items in the closure's order."""
    size: int
    """Bytes."""
    ahead: int
    """The possibilities in which any of them changes."""


@dataclass(slots=True)
class LayerDraft:
    """One layer."""

    units: list[Unit]
    size: int
    ahead: int
    kept: bool
    """Whether the previous plan has exactly this layer."""
    fixed: bool = False
    """Whether it must stay as it is: the user asked for it."""

    @classmethod
    def of(cls, units: Sequence[Unit], *, kept: bool = False, fixed: bool = False) -> LayerDraft:
        ahead = union(unit.ahead for unit in units)
        return cls(list(units), sum(unit.size for unit in units), ahead, kept, fixed)

    def cost(self, prices: Prices) -> float:
        """Bytes times possibilities."""
        return prices.cost(self.size, self.ahead, mixed=len(self.units) > 1, kept=self.kept)
