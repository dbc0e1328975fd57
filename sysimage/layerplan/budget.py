"""How many layers of store items an image has room for."""

from __future__ import annotations

from sysimage.errors import SpecError
from sysimage.layerplan.plan import check_max_layers


def room_for_items(max_layers: int, base_layers: int) -> int:
    """The customization layer takes one of ``max_layers``, unless only one is left; a base image takes its own."""
    check_max_layers(max_layers)
    left = max_layers - base_layers
    if left < 1:
        raise SpecError(
            f"cannot plan {max_layers} layers: the base image has {base_layers} already",
            hint="raise max_layers or choose a base with fewer layers",
        )
    return max(1, left - 1)
