"""The documents that describe layers as an image: configuration, manifest, index."""

from sysimage.image.config import HealthCheck, ImageConfig, rfc3339
from sysimage.image.documents import EncodedDocument, canonical_json
from sysimage.image.image import Image, ImageName, make_image
from sysimage.image.spec_config import config_of_spec

__all__ = [
    "EncodedDocument",
    "HealthCheck",
    "Image",
    "ImageConfig",
    "ImageName",
    "canonical_json",
    "config_of_spec",
    "make_image",
    "rfc3339",
]
