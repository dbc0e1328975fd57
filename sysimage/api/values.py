"""What the functions return, where no room has a value that is already small and lasting.

Sizes are in bytes, times in seconds since 1970. Names and store paths are texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.digest import Digest

if TYPE_CHECKING:
    from sysimage.destinations.written_image import Transfer
    from sysimage.image import ImageName
    from sysimage.layerplan import PlannedLayer as RoomsLayer
    from sysimage.pipeline.build import BuildResult, PlannedBuild
    from sysimage.pipeline.platforms import PlatformsResult
    from sysimage_bootstrap.packages.lock import LockFile


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """One layer of store items, before it is made."""

    paths: tuple[str, ...]
    """Store paths, sorted; never empty."""
    nar_size: int
    """Bytes of the items, uncompressed."""
    reason: str
    """One sentence for people: why these are together."""
    pulls_per_year: float | None
    """How often a client that follows updates is expected to fetch this layer again, where that is known."""
    customized: bool = False
    """Whether the customization layer is part of it: the last one, at most."""


@dataclass(frozen=True, slots=True)
class LeftOutFile:
    """A file of a package that its slim item lacks."""

    item: str
    """The item's store path."""
    path: str
    """Relative to the item."""
    what: str
    """The kind of file, such as ``manuals``."""
    size: int
    """Bytes; 0 for a link."""


@dataclass(frozen=True, slots=True)
class UnreadScriptLine:
    """A line of a package's maintainer script that was not understood: the image may lack what it does."""

    package: str
    script: str
    """``preinst``, ``config`` or ``postinst``."""
    line: int
    text: str
    why: str
    """What is not known."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would go into which layer of an image, and why."""

    names: tuple[str, ...]
    """What the image is called: ``web:latest``."""
    platform: str
    """``linux/amd64``."""
    architecture: str
    """``amd64`` or ``arm64``."""
    store_kind: str
    """``guix`` or ``nix``."""
    store_directory: str
    """Such as ``/gnu/store``."""
    system: str
    """The store path of the system item; empty for an image of other items."""
    items: int
    """Store items in the image."""
    nar_size: int
    """Bytes of all items, uncompressed."""
    created: int
    """When the image says it was made: seconds since 1970."""
    max_layers: int
    """The most layers that the image may have."""
    layers: tuple[PlannedLayer, ...]
    """Of items, bottom first. The customization layer, on top of them, is not among them, but may be part of the last.
    """
    layer_count: int
    """Of all layers, without those of a base image."""
    customization_entries: int
    """Files, directories and links of the customization layer: accounts, database, boot program, /etc."""
    customization_size: int
    """Bytes of its files."""
    first_pull_seconds: float
    """About how long a client waits for all layers, at 100 Mbit/s."""
    updates_per_year_seconds: float | None
    """About how long it waits for a year's updates; None where it is not known how often items change."""
    left_out: tuple[LeftOutFile, ...]
    """What the packages hold and a slim image does not, by item and path."""
    unread: tuple[UnreadScriptLine, ...]
    """Lines of maintainer scripts that were not understood, in the order of configuration."""
    updates_per_year: float | None = None
    """How often anything is expected to change; None where it is not known how often items change."""
    update_size: float | None = None
    """Bytes, uncompressed, that a client is expected to pull for each of these updates: an estimate."""
    update_sizes_by_rule: Mapping[str, float] = field(default_factory=dict)
    """The same where layers were drawn by another rule: ``single`` (one layer), ``guix-size``, ``popularity``."""
    update_steps: int = 0
    """From how many fortnights of changes that is estimated."""

    @classmethod
    def of(cls, planned: PlannedBuild, *, estimated: bool = False) -> Plan:
        """What the pipeline has planned. ``estimated`` is whether to compare it with other rules, which takes time."""
        from sysimage.layerplan.estimate import PLANNED, outlook

        layers = planned.plan.layers
        size = sum(entry.size() for entry in planned.tree)
        first, a_year = _waits(planned, size)
        ahead = outlook(planned.plan, planned.closure, base_layers=len(planned.base.layers)) if estimated else None
        moved = {} if ahead is None else dict(ahead.moved)
        return cls(
            names=tuple(str(name) for name in planned.names),
            platform=planned.spec.platform,
            architecture=planned.spec.architecture,
            store_kind=planned.spec.store.kind.value,
            store_directory=planned.spec.store.store_dir,
            system=str(planned.realised.system or ""),
            items=len(planned.closure),
            nar_size=planned.closure.nar_size,
            created=planned.created,
            max_layers=planned.plan.max_layers,
            layers=tuple(_layer(layer) for layer in layers),
            layer_count=planned.plan.count,
            customization_entries=len(planned.tree),
            customization_size=size,
            first_pull_seconds=first,
            updates_per_year_seconds=a_year,
            left_out=tuple(
                LeftOutFile(item, file.path, file.why, file.size)
                for item, files in sorted(planned.realised.left_out.items())
                for file in files
            ),
            unread=tuple(
                UnreadScriptLine(one.package, one.script, one.line, one.text, one.why)
                for one in planned.realised.unread
            ),
            updates_per_year=None if ahead is None else ahead.updates_per_year,
            update_size=moved.pop(PLANNED, None),
            update_sizes_by_rule=moved,
            update_steps=0 if ahead is None else ahead.steps,
        )


def _layer(layer: RoomsLayer) -> PlannedLayer:
    paths = tuple(map(str, layer.paths))
    return PlannedLayer(paths, layer.nar_size, layer.reason, layer.pulls_per_year, layer.customized)


def _waits(planned: PlannedBuild, customization_size: int) -> tuple[float, float | None]:
    """Seconds that a client waits for a first pull, and for a year's updates of the items where how often is known.

    Without the layers of a base image; the customization layer counts in the first pull.
    """
    from sysimage.layerplan import pull_seconds

    layers = planned.plan.layers
    size = planned.closure.nar_size + customization_size
    first = pull_seconds(size, planned.plan.count)
    pulls = [(layer.nar_size, layer.pulls_per_year) for layer in layers]
    if any(often is None for _, often in pulls):
        return first, None
    return first, sum(pull_seconds(size, 1) * (often or 0.0) for size, often in pulls)


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """One layer that was written."""

    digest: Digest
    """Of the blob as stored and transferred."""
    diff_id: Digest
    """Of the uncompressed tar."""
    media_type: str
    size: int
    """Bytes of the blob."""


@dataclass(frozen=True, slots=True)
class PushedImage:
    """What a push had to move."""

    names: tuple[str, ...]
    """What the image can be pulled as."""
    sent: int
    """Bytes that went to the registry."""
    size: int
    """Bytes of the whole image there."""
    layers: int
    """How many different layers it has."""
    layers_there: int
    """How many of them the registry had already."""

    @classmethod
    def of(cls, names: Iterable[ImageName], transfer: Transfer) -> PushedImage:
        """What was moved to one repository."""
        moved = (transfer.sent, transfer.total, transfer.layers, transfer.layers_there)
        return cls(tuple(map(str, names)), *moved)


@dataclass(frozen=True, slots=True)
class CopiedImage:
    """An image, or an index of images for several platforms, that is in another place now."""

    digest: Digest
    """Of the manifest, or of the index."""
    size: int
    """Bytes of all its blobs and documents."""
    layers: int
    """How many different layers it has."""
    transfers: tuple[PushedImage, ...]
    """What had to be sent to each of the repositories; empty for a file, a layout or an engine."""
    source: str
    """Where it came from, as it was named."""
    targets: tuple[str, ...]
    """Where it went, as each was named."""


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image at its destinations."""

    digest: Digest
    """Of the manifest: what a registry and a pinned reference call the image."""
    image_id: Digest
    """Of the configuration: what Docker lists as the image's ID."""
    size: int
    """Bytes of the archive, or of all blobs and documents."""
    format: str
    """How it was written to the first of its places: ``archive``, ``docker-archive``, ``oci-dir``, ``registry``."""
    output: Path | None
    """The file or directory; None if it went to a stream, registries or an engine alone."""
    record: Path | None
    """The record of the build beside the output, for a later build's ``previous``."""
    pushed: tuple[str, ...]
    """What it can be pulled as."""
    transfers: tuple[PushedImage, ...]
    """What had to be sent to each of the repositories."""
    loaded: tuple[str, ...]
    """The engines that have it."""
    layers: tuple[BuiltLayer, ...]
    """Bottom first, those of a base image included."""
    plan: Plan
    """What was planned for it."""

    @classmethod
    def of(cls, result: BuildResult) -> BuiltImage:
        """What the pipeline has built."""
        written = result.written
        return cls(
            digest=written.digest,
            image_id=written.image_id,
            size=written.size,
            format=written.format,
            output=written.path,
            record=result.record,
            pushed=tuple(str(name) for one in result.delivered if one.format == "registry" for name in one.names),
            transfers=tuple(
                PushedImage.of(one.names, one.transfer) for one in result.delivered if one.transfer is not None
            ),
            loaded=tuple(one.format.removesuffix(" load") for one in result.delivered if one.format.endswith(" load")),
            layers=tuple(
                BuiltLayer(layer.descriptor.digest, layer.diff_id, layer.descriptor.media_type, layer.descriptor.size)
                for layer in written.image.layers
            ),
            plan=Plan.of(result.planned),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """What the image is called."""
        return self.plan.names


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """Images of one system for several platforms, and the index that names them, at its destinations."""

    digest: Digest
    """Of the index: what a registry and a pinned reference call them together."""
    size: int
    """Bytes of all blobs and documents, each counted once."""
    shared: int
    """Bytes of layers that more than one of the images has, counted once."""
    format: str
    """How it was written to the first of its places: ``archive``, ``oci-dir``, ``registry``, ``docker load``."""
    output: Path | None
    """The file or directory; None if it went to a stream, registries or an engine alone."""
    pushed: tuple[str, ...]
    """What it can be pulled as."""
    transfers: tuple[PushedImage, ...]
    """What had to be sent to each of the repositories."""
    loaded: tuple[str, ...]
    """The engines that have it."""
    images: tuple[BuiltImage, ...]
    """One for each platform, in the order in which they were asked for; they have no places of their own."""

    @classmethod
    def of(cls, result: PlatformsResult) -> BuiltIndex:
        """What the pipeline has built."""
        return cls(
            digest=result.digest,
            size=result.size,
            shared=result.shared,
            format=result.format,
            output=result.output,
            pushed=tuple(str(name) for names, _ in result.pushed for name in names),
            transfers=tuple(PushedImage.of(*one) for one in result.pushed),
            loaded=result.loaded,
            images=tuple(replace(BuiltImage.of(one), output=None) for one in result.images),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called."""
        return self.images[0].names


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """One package that a system is made of."""

    name: str
    version: str
    architecture: str
    size: int
    """Bytes of the package file."""
    digest: Digest
    """Of the package file."""


@dataclass(frozen=True, slots=True)
class LockedPackages:
    """Exactly the packages that a spec resolves to."""

    lock_file: Path | None
    """Where that was written; None if nowhere."""
    packages: tuple[LockedPackage, ...]
    """Sorted by name."""

    @classmethod
    def of(cls, lock: LockFile, path: Path | None) -> LockedPackages:
        """What was locked, and where it was written."""
        found = (
            LockedPackage(package.name, package.version, package.architecture, package.size, package.digest)
            for package in lock.resolution.packages
        )
        return cls(path, tuple(found))

    @property
    def size(self) -> int:
        """Bytes of all package files."""
        return sum(package.size for package in self.packages)
