"""Rereads an image and recomputes everything it says about itself. Shares no code with what writes images.

What is asked for here is loaded then: builds use single modules of this room, and need not load them all.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sysimage.verify.image import VerifiedImage, VerifiedLayer, verify_image
    from sysimage.verify.summary import ImageSummary, LayerSummary, inspect_image

__all__ = ["ImageSummary", "LayerSummary", "VerifiedImage", "VerifiedLayer", "inspect_image", "verify_image"]
_MODULES = {
    **dict.fromkeys(("VerifiedImage", "VerifiedLayer", "verify_image"), "image"),
    **dict.fromkeys(("ImageSummary", "LayerSummary", "inspect_image"), "summary"),
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
