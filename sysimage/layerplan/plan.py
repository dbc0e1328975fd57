"""The layer plan: which store paths share a layer, bottom first, and why."""

from __future__ import annotations

from dataclasses import dataclass

from sysimage.errors import SpecError
from sysimage.store.paths import StorePath

MOST_LAYERS = 125
"""Docker's overlay2 driver refuses deeper images ("max depth exceeded"): 128 less its own init layers."""


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """One layer of store items."""

    paths: tuple[StorePath, ...]
    """Sorted; never empty."""
    nar_size: int
    """Bytes of the items' NARs."""
    reason: str
    """One sentence for people: why these are together."""
    pulls_per_year: float | None = None
    """How often a client that follows updates is expected to fetch this layer again."""
    customized: bool = False
    """Whether the customization goes into it, which changes with every update; only the last layer of a plan can have
    it."""


@dataclass(frozen=True, slots=True)
class ChangeHistory:
    """What a line of plans has seen change, so that the plan alone is worth a long history of closures.

    Bit t of a set belongs to the t-th step, oldest first; a step leads from one planned closure to the next.
    """

    steps: int = 0
    """The number of steps in the bit sets."""
    own: tuple[tuple[StorePath, int], ...] = ()
    """The steps in which each item of the plan changed by itself, sorted by path."""
    present: tuple[tuple[StorePath, int], ...] = ()
    """The steps before and after which it was there, sorted by path."""
    propagates: bool = True
    """Whether an item changes whenever something it refers to does."""


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """Layers bottom first. A partition of the closure: every path exactly once."""

    layers: tuple[PlannedLayer, ...]
    max_layers: int
    """The whole image's budget: base layers, these, and the customization layer on top. When it leaves room for one
    layer only, there is one group and the customization goes into it."""
    memory: ChangeHistory = ChangeHistory()
    """History for the next plan of this system."""

    @property
    def count(self) -> int:
        """Layers of the image on top of a base: of items, and the customization layer if that is one of its own."""
        customized = any(layer.customized for layer in self.layers)
        return len(self.layers) + (self.max_layers > 1 and not customized)


def check_max_layers(max_layers: int) -> None:
    """Refuse a budget that no image or no runtime can meet."""
    if not 1 <= max_layers <= MOST_LAYERS:
        raise SpecError(
            f"cannot plan {max_layers} layers: the number must be from 1 to {MOST_LAYERS}",
            hint="Docker refuses deeper images; 100 leaves room for images built on top",
        )
