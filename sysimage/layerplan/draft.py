"""Layers while they are being drawn, and what they are expected to cost.

The cost of a layer, in bytes times possibilities (of `forecast.POSSIBILITIES`), over the steps that a plan lasts:

    size × (possibilities in which any of its items changes)    it is pulled again
  + size × aloof, if it is not one unit                         other systems are unlikely to hold the same mixture
  + size × fresh, if it is not a layer of the previous plan     everybody pulls it now, whether or not an item changed

The last is paid for by layers that were kept until now only: what a change has broken already is pulled anyway,
so among the broken ones boundaries move for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """Items that the planner does not take apart: most often one."""

    members: tuple[int, ...]
    """Places of the items in the closure's order."""
    size: int
    """Bytes."""
    ahead: int
    """The possibilities in which any of them changes."""


@dataclass(frozen=True, slots=True)
class Prices:
    aloof: float
    fresh: float


@dataclass(slots=True)
class Draft:
    """One layer."""

    units: list[Unit]
    size: int
    ahead: int
    kept: bool
    """Whether the previous plan has exactly this layer."""
    fixed: bool = False
    """Whether it must stay as it is: the user asked for it."""

    @classmethod
    def of(cls, units: Sequence[Unit], *, kept: bool = False, fixed: bool = False) -> Draft:
        ahead = 0
        for unit in units:
            ahead |= unit.ahead
        return cls(list(units), sum(unit.size for unit in units), ahead, kept, fixed)

    @property
    def pulls(self) -> int:
        """Bytes times possibilities."""
        return self.size * self.ahead.bit_count()

    def surcharge(self, prices: Prices) -> float:
        """What mixing it with anything costs beside the pulls."""
        return self.size * ((prices.aloof if len(self.units) == 1 else 0.0) + (prices.fresh if self.kept else 0.0))
