"""Reading images: what they say about themselves, and whether it is true."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sysimage.api.arguments import Place, checked_name, reported
from sysimage.api.settings import Settings
from sysimage.progress import Progress, silent

if TYPE_CHECKING:
    from sysimage.pipeline.image_places import FoundImage
    from sysimage.verify import ImageSummary, VerifiedImage

DEFAULT = Settings()


def find(image: Place, settings: Settings = DEFAULT, *, whole: bool = False) -> FoundImage:
    """Where the image is that ``image`` names: an archive, an OCI layout (``DIR``, ``DIR:TAG``), or a name in a
    registry (``host/name:tag``, ``host/name@sha256:…``). ``whole`` fetches all of the last when a layer is read."""
    from sysimage.pipeline.image_places import find_image, is_on_this_machine

    text = os.fspath(image)
    if not is_on_this_machine(text):
        settings.require_network(text)
    return find_image(text, settings.registries, whole=whole)


def verify(
    image: Place,
    *,
    platform: str | None = None,
    name: str | None = None,
    settings: Settings = DEFAULT,
    progress: Progress = silent,
) -> VerifiedImage:
    """Read an image whole, an archive, an OCI layout or one in a registry, and recompute everything it says of itself.

    ``image`` is as for `inspect`. ``platform`` (``linux/arm64``) and ``name`` (``web:1.0``) choose where there are
    several images. An `IntegrityError` has every fault as an issue; what engines take, and a careful writer avoids, is
    in the value's ``notes``. An image that cannot be read is a `MachineError`, or a `RegistryError`.
    """
    from sysimage.verify import verify_image  # what a build has no use for

    with reported():
        found = find(image, settings, whole=True)
        return verify_image(found.place, progress, platform=platform, name=checked_name(name) or found.name)


def inspect(
    image: Place, *, platform: str | None = None, name: str | None = None, settings: Settings = DEFAULT
) -> ImageSummary:
    """What an image says about itself: names, digests, configuration, layers.

    ``image`` is an archive, an OCI layout (``DIR``, ``DIR:TAG``, ``DIR@sha256:…``), or the name of an image in a
    registry (``host/name:tag``, ``host/name@sha256:…``), which ``settings`` say how to reach.
    Digests of its documents are checked; of the layers only the topmost one is read, to count the items of the store.
    Arguments and errors are those of `verify`.
    """
    from sysimage.verify import inspect_image

    with reported():
        found = find(image, settings)
        return inspect_image(found.place, platform=platform, name=checked_name(name) or found.name)
