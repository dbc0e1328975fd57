"""What a build is asked for beside the spec, in small values: each function takes the one that it uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sysimage.image import ImageName
from sysimage.pipeline.history import History

if TYPE_CHECKING:
    from sysimage.destinations.daemon import Engine
    from sysimage.destinations.registry import PushTarget, Registries
    from sysimage.layerplan import Favour
    from sysimage.spec.model import SystemSpec
    from sysimage_bootstrap.packages.choose import ArchiveChoice, Stale

OCI_DIR = "oci-dir"
OWN_STRATEGY = "sysimage"
"""The strategy that is not a rule of thumb."""
OutputFormat = Literal["archive", "docker-archive", "oci-dir"]


@dataclass(frozen=True, slots=True)
class DeclaredSystem:
    """A system.json, and the files that belong to it."""

    spec: SystemSpec
    """What is to be built: what the file says, with the flags' values in place of its own."""
    spec_dir: Path
    """What paths in the spec are relative to."""
    lock_file: Path | None
    """Where the packages of the system may be locked; None leaves them to what the archive has."""
    written: SystemSpec
    """What the file says. A system made of packages has it inside, and must not become another system because its image
    is compressed or divided otherwise."""

    files: tuple[Path, ...] = ()
    """The files that the spec includes."""

    @classmethod
    def of(
        cls, spec: SystemSpec, spec_dir: Path, lock_file: Path | None, files: tuple[Path, ...] = ()
    ) -> DeclaredSystem:
        """The system of a spec that no flag changes."""
        return cls(spec, spec_dir, lock_file, spec, files)


@dataclass(frozen=True, slots=True)
class BuildSources:
    """Where a system comes from, and what is kept of it."""

    cache_dir: Path
    """Packages, the store and plans are kept here and used again."""
    archive: ArchiveChoice
    locked: bool = False
    """Refuse to build without a lock file, or with other trees than it says."""
    stale: Stale = "refuse"
    """What becomes of a lock file that was made for another spec."""
    keeps_ids: bool = False
    """Whether lock files get the IDs that are chosen for accounts."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What pip reads of the environment."""
    workers: int = 1
    """How many processes read and make items."""
    registries: Callable[[], Registries] | None = None
    """How registries are reached that hold base images; None where the network is off."""

    def compares_inputs(self, system: DeclaredSystem) -> bool:
        """Whether what a spec takes besides packages is compared with its lock file: what another lock names always;
        trees and jars if nothing but what is locked may be built, or the lock is to be brought up to date."""
        if system.lock_file is None or not system.lock_file.exists() or self.stale == "preview":
            return False
        locks = system.spec.python is not None or system.spec.node is not None
        return locks or self.locked or self.stale == "update"


@dataclass(frozen=True, slots=True)
class Identity:
    """What an image is called and dated."""

    names: tuple[ImageName, ...]
    """At least one."""
    created: int | None = None
    """Seconds since the epoch; None is when the newest of the packages changed."""

    @classmethod
    def of(cls, spec: SystemSpec) -> Identity:
        """The identity that the spec declares."""
        return cls(tuple(ImageName(spec.name, tag) for tag in spec.tags))


@dataclass(frozen=True, slots=True)
class Planning:
    """How layer boundaries are drawn."""

    strategy: str = OWN_STRATEGY
    """The rule: `OWN_STRATEGY`, or one of `sysimage.layerplan.STRATEGIES`."""
    favour: Favour = "both"
    history: History = field(default_factory=History)
    """Earlier builds of the system. Part of the inputs: another history may give another plan."""
    together: tuple[DeclaredSystem, ...] = ()
    """Systems that are planned with this one; planned together, each draws the same layers for what it shares."""


@dataclass(frozen=True, slots=True)
class Proofs:
    """What is proven while layers are written, beside that items have the hashes that the spec wants compared."""

    references: bool = False
    """That items have their hashes, and that each mentions no other item of the image but its references."""


@dataclass(frozen=True, slots=True)
class LayerStorage:
    """Where layers are kept between builds, so that those that do not change are never read again."""

    directory: Path | None = None
    """None keeps none."""
    most_bytes: int | None = None
    """Forget the layers that were not used for the longest time until what is kept is at most this; None forgets
    nothing."""


@dataclass(frozen=True, slots=True)
class PushRequest:
    """A repository in a registry that gets the image."""

    target: PushTarget
    registries: Registries


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where the image goes: to every one of these places."""

    output: Path | int | None = Path("image.tar")
    """A file, a directory (`OCI_DIR`), an open descriptor such as standard output's, or nothing."""
    format: OutputFormat = "archive"
    pushes: tuple[PushRequest, ...] = ()
    load: Engine | None = None
    """The container engine of this machine that gets the image."""
    record: bool = False
    """Write the record of the build beside the output, too; where the image cannot carry it, it is written always."""

    @property
    def writes_record(self) -> bool:
        """Whether the record is written whatever is in it: a docker-archive has no place for it."""
        return self.record or self.format == "docker-archive"


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """Everything that one build is asked for."""

    system: DeclaredSystem
    sources: BuildSources
    identity: Identity
    planning: Planning = Planning()
    proofs: Proofs = Proofs()
    layers: LayerStorage = LayerStorage()
    delivery: Delivery = Delivery()
