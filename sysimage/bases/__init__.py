"""Images that ours begin with: read with a verifier's eyes, kept byte for byte, and built upon."""

from sysimage.bases.base_image import BaseImage, BaseImageError, BaseLayer, check_room
from sysimage.bases.overlay import base_history, overlaid
from sysimage.bases.placing import place_on
from sysimage.bases.read import read_base_image
from sysimage.bases.stores import generation_on, merged, without_items_of
from sysimage.bases.take import stacked, take_layers

__all__ = [
    "BaseImage",
    "BaseImageError",
    "BaseLayer",
    "base_history",
    "check_room",
    "generation_on",
    "merged",
    "overlaid",
    "place_on",
    "read_base_image",
    "stacked",
    "take_layers",
    "without_items_of",
]
