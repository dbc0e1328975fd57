"""What is said beside the system itself: how it is divided, where it comes from and where it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sysimage.history import History

if TYPE_CHECKING:
    from sysimage.destinations.daemon import Engine
    from sysimage.destinations.registry import Registries, RegistryTarget
    from sysimage.image import ImageName
    from sysimage.layerplan import Favour
    from sysimage.spec.model import SystemSpec
    from sysimage_bootstrap.packages.choose import ArchiveChoice

OCI_LAYOUT = "oci-dir"
OURS = "sysimage"
"""The strategy that is not a rule of thumb."""
Format = Literal["archive", "docker-archive", "oci-dir"]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another system, whose image is to hold the same layers where it holds the same items."""

    spec: SystemSpec
    spec_dir: Path
    lock_file: Path


@dataclass(frozen=True, slots=True)
class Push:
    """A repository in a registry that gets the image."""

    target: RegistryTarget
    registries: Registries


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What `sysimage.build` takes beside the spec."""

    cache_dir: Path
    """Packages, the store and layers are kept here and used again."""
    archive: ArchiveChoice
    lock_file: Path
    locked: bool = False
    """Refuse to build anything but what the lock file says."""
    output: Path | int | None = Path("image.tar")
    """A file, a directory (`OCI_LAYOUT`), an open descriptor such as standard output's, or nothing."""
    format: Format = "archive"
    pushes: tuple[Push, ...] = ()
    load: Engine | None = None
    """The container engine of this machine that gets the image."""
    names: tuple[ImageName, ...] = ()
    """Instead of the spec's name and tags."""
    max_layers: int | None = None
    """Instead of the spec's."""
    compression: str | None = None
    """Instead of the spec's."""
    created: int | None = None
    """Seconds since the epoch; by default when the newest of the packages changed."""
    strategy: str = OURS
    """The rule by which layer boundaries are drawn: `OURS`, or one of `sysimage.layerplan.STRATEGIES`."""
    favour: Favour = "both"
    from_image: Path | None = None
    """The base image, instead of the spec's."""
    history: History = field(default_factory=History)
    """Earlier builds of the system. Part of the inputs: another history may give another plan."""
    together: tuple[Neighbour, ...] = ()
    """Systems that are planned with this one; planned together, each draws the same layers for what it shares."""
    check_store: bool = False
    """Compare every item of the image with its hash; a spec may say so too."""
    check_references: bool = False
    """That, and that an item mentions no other of the image but its references."""
    keep_layers: bool = True
    """Keep layers in the cache, so that those that do not change are never read again."""
    cache_bytes: int | None = None
    """Forget the layers that were not used for the longest time until what is kept is at most this; None forgets
    nothing."""
    workers: int = 1
