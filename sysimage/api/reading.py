"""Reading images: what they say about themselves, and whether it is true."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.api.arguments import Place, reported, whole_name
from sysimage.progress import Progress, silent

if TYPE_CHECKING:
    from sysimage.verify import ImageSummary, VerifiedImage


def verify(
    image: Place, *, platform: str | None = None, name: str | None = None, progress: Progress = silent
) -> VerifiedImage:
    """Read an archive or an OCI layout whole and recompute everything that the image says about itself.

    ``platform`` (``linux/arm64``) and ``name`` (``web:1.0``) choose where there are several images. An `IntegrityError`
    has every fault as an issue; what engines take, and a careful writer avoids, is in the value's ``notes``. An image
    that cannot be read is a `MachineError`.
    """
    from sysimage.verify import verify_image  # what a build has no use for

    with reported():
        return verify_image(Path(image), progress, platform=platform, name=whole_name(name))


def inspect(image: Place, *, platform: str | None = None, name: str | None = None) -> ImageSummary:
    """What an archive or an OCI layout says about itself: names, digests, configuration, layers.

    Digests of its documents are checked; layers are not read but for the topmost one, to count the store's items.
    Arguments and errors are those of `verify`.
    """
    from sysimage.verify import inspect_image

    with reported():
        return inspect_image(Path(image), platform=platform, name=whole_name(name))
