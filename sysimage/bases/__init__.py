"""Images that ours begin with: read with a verifier's eyes, kept byte for byte, and built upon.

`read` stands aside: it brings the verifier's readers with it, which no build without a base image has to load.
"""

from sysimage.bases.base_image import NO_BASE, BaseImage, BaseImageError, BaseLayer, check_accounts, check_room
from sysimage.bases.base_layers import copy_layers, stacked
from sysimage.bases.config_overlay import base_history, overlaid, variables_of
from sysimage.bases.customization import customization_on
from sysimage.bases.store_merge import merged, without_items_of
from sysimage.bases.tree_on_base import place_on

__all__ = [
    "NO_BASE",
    "BaseImage",
    "BaseImageError",
    "BaseLayer",
    "base_history",
    "check_accounts",
    "check_room",
    "copy_layers",
    "customization_on",
    "merged",
    "overlaid",
    "place_on",
    "stacked",
    "variables_of",
    "without_items_of",
]
