"""What a destination says when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sysimage.digest import Digest
from sysimage.image import Image, ImageName


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

    @property
    def digest(self) -> Digest:
        """Of the manifest: what a registry and a pinned reference call the image."""
        return self.image.manifest.descriptor.digest

    @property
    def image_id(self) -> Digest:
        """Of the configuration: what Docker lists as the image's ID."""
        return self.image.config.descriptor.digest
