"""Rereads an image and recomputes everything it says about itself. Shares no code with what writes images."""

from sysimage.verify.image import VerifiedImage, VerifiedLayer, verify_image
from sysimage.verify.summary import ImageSummary, LayerSummary, inspect_image

__all__ = ["ImageSummary", "LayerSummary", "VerifiedImage", "VerifiedLayer", "inspect_image", "verify_image"]
