"""An image before its first layer is written, as a value: how its layers are made, and what it is then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sysimage import bases
from sysimage.image import Image, ImageName
from sysimage.layers import Check, Compression, LayerBlob, LayerSource


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """An image whose layers are not made yet."""

    sources: Sequence[LayerSource]
    """Of the layers on top of those of the base, bottom first."""
    assemble: Callable[[Sequence[LayerBlob]], Image]
    """Describes all layers, those of the base at the bottom, as an image."""
    names: tuple[ImageName, ...]
    compression: Compression
    base: bases.BaseImage = bases.NO_BASE
    check: Check | None = None
    """What is proven of store items while they are written."""
    workers: int = 1
