"""Pushing the images of tests."""

from __future__ import annotations

import functools
from typing import Any

from sysimage.blobs import BlobDirectory
from sysimage.destinations.image_content import ImageContent
from sysimage.destinations.registry import PushTarget, RegistrySession, push_content
from sysimage.destinations.verified_blobs import verified_blob
from sysimage.destinations.written_image import Transfer
from sysimage.image import Image


def push_image(
    image: Image, blobs: BlobDirectory, target: PushTarget, session: RegistrySession, **options: Any
) -> Transfer:
    """Push an image whose blobs are in one directory, as a build does."""
    return push_content(ImageContent.of(image), functools.partial(verified_blob, [blobs]), target, session, **options)
