"""Images that ours begin with: read with a verifier's eyes, kept byte for byte, and built upon.

Its modules are imported when something of them is used: an image that begins with none does not pay for the verifier.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sysimage.bases.base_image import BaseImage, BaseImageError, BaseLayer, check_accounts, check_room
    from sysimage.bases.overlay import base_history, overlaid, variables_of
    from sysimage.bases.placing import place_on
    from sysimage.bases.read import read_base_image
    from sysimage.bases.stores import closed_database, generation_on, merged, roots_of, without_items_of
    from sysimage.bases.take import stacked, take_layers

__all__ = [
    "BaseImage",
    "BaseImageError",
    "BaseLayer",
    "base_history",
    "check_accounts",
    "check_room",
    "closed_database",
    "generation_on",
    "merged",
    "overlaid",
    "place_on",
    "read_base_image",
    "roots_of",
    "stacked",
    "take_layers",
    "variables_of",
    "without_items_of",
]

_MODULES = {
    "base_image": ("BaseImage", "BaseImageError", "BaseLayer", "check_accounts", "check_room"),
    "overlay": ("base_history", "overlaid", "variables_of"),
    "placing": ("place_on",),
    "read": ("read_base_image",),
    "stores": ("closed_database", "generation_on", "merged", "roots_of", "without_items_of"),
    "take": ("stacked", "take_layers"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
