"""What a destination says when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sysimage.digest import Digest
from sysimage.image import Image, ImageName


@dataclass(frozen=True, slots=True)
class Transfer:
    """What of an image went to a place that may have had some of it."""

    sent: int
    """Bytes of blobs and documents that went there."""
    total: int
    """Bytes of all of them."""
    layers: int
    """How many different ones the image has."""
    layers_there: int
    """How many of them the place had, or took from another repository of its own."""


@dataclass(frozen=True, slots=True)
class WrittenImage:
    """An image that is completely written to one destination."""

    image: Image
    format: str
    """``oci-dir``, ``archive`` (the one every loader reads), ``docker-archive`` or ``registry``."""
    path: Path | None
    """The file or directory; None for a stream or a registry."""
    size: int
    """Bytes of the archive, or of all blobs and documents."""
    names: tuple[ImageName, ...]
    transfer: Transfer | None = None
    """What went to a registry."""

    @property
    def digest(self) -> Digest:
        """Of the manifest: what a registry and a pinned reference call the image."""
        return self.image.manifest.descriptor.digest

    @property
    def image_id(self) -> Digest:
        """Of the configuration: what Docker lists as the image's ID."""
        return self.image.config.descriptor.digest
