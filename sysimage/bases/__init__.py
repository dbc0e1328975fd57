"""Images that ours begin with: read with a verifier's eyes, kept byte for byte, and built upon.

`read` is not imported here: it brings the verifier's readers with it, which no build without a base image has to load.
"""

from sysimage.bases.account_files import tell_lost_accounts
from sysimage.bases.base_image import NO_BASE, BaseImage, BaseImageError, BaseLayer, check_room
from sysimage.bases.base_layers import copy_layers, stacked, tell_sparse_files
from sysimage.bases.config_overlay import base_history, overlaid, variables_of
from sysimage.bases.customization import customization_on
from sysimage.bases.store_merge import merged, without_items_of
from sysimage.bases.tree_on_base import place_on
from sysimage.bases.volumes import check_volumes, tell_dropped_volumes

__all__ = [
    "NO_BASE",
    "BaseImage",
    "BaseImageError",
    "BaseLayer",
    "base_history",
    "check_room",
    "check_volumes",
    "copy_layers",
    "customization_on",
    "merged",
    "overlaid",
    "place_on",
    "stacked",
    "tell_dropped_volumes",
    "tell_lost_accounts",
    "tell_sparse_files",
    "variables_of",
    "without_items_of",
]
