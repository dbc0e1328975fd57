"""The pipeline on one screen: spec, store, tree, plan, layers, image, and where the image goes."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sysimage.blobs import BlobDirectory
from sysimage.closure import Closure
from sysimage.destinations import DOCKER_ARCHIVE, WrittenImage, stream_docker_archive, write_archive, write_oci_layout
from sysimage.image import HealthCheck, Image, ImageConfig, ImageName, make_image, rfc3339
from sysimage.layerplan import Favour, LayerPlan, plan_layers
from sysimage.layers import Compression, LayerBlob, LayerCache, build_layers
from sysimage.layers.divide import layer_sources
from sysimage.progress import Progress, silent
from sysimage.rootfs.provision import provision
from sysimage.rootfs.stored import open_stored
from sysimage.rootfs.system import SystemResult
from sysimage.rootfs.tree import Tree
from sysimage.spec.model import StoreKind, SystemSpec
from sysimage.store.database import Schema, store_database
from sysimage_bootstrap.choose import ArchiveChoice
from sysimage_bootstrap.realise import realise

OCI_LAYOUT = "oci-dir"
Format = Literal["archive", "docker-archive", "oci-dir"]


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What is not part of the system itself: how it is divided, where it comes from and where it goes."""

    cache_dir: Path
    """Packages, the store and layers are kept here and used again."""
    archive: ArchiveChoice
    lock_file: Path
    locked: bool = False
    """Refuse to build anything but what the lock file says."""
    output: Path | int = Path("image.tar")
    """A file, a directory (`OCI_LAYOUT`), or an open descriptor such as standard output's."""
    format: Format = "archive"
    names: tuple[ImageName, ...] = ()
    """Instead of the spec's name and tags."""
    max_layers: int | None = None
    """Instead of the spec's."""
    compression: str | None = None
    """Instead of the spec's."""
    created: int | None = None
    """Seconds since the epoch; by default when the newest of the packages changed."""
    favour: Favour = "both"
    history: tuple[Closure, ...] = ()
    """Earlier closures of the system, oldest first."""
    previous: LayerPlan | None = None
    check_store: bool = False
    """Compare every item of a store that is only read with the hash that the store says."""
    keep_layers: bool = True
    """Keep layers in the cache, so that those that do not change are never read again."""
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Planned:
    """Everything that is known before the first byte of a layer is written."""

    spec: SystemSpec
    realised: SystemResult
    closure: Closure
    tree: Tree
    """The customization layer."""
    plan: LayerPlan
    compression: Compression
    names: tuple[ImageName, ...]
    created: int
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class BuildResult:
    """An image that is where it was wanted."""

    planned: Planned
    written: WrittenImage


def plan(spec: SystemSpec, spec_dir: Path, options: BuildOptions, progress: Progress = silent) -> Planned:
    """Make the system's store and decide what goes into which layer; nothing is written but the cache."""
    realised = provide(spec, spec_dir, options, progress)
    closure = Closure(realised.items, realised.roots)
    schema = Schema.GUIX if spec.store.kind is StoreKind.GUIX else Schema.NIX
    database = store_database(closure, schema) if spec.store.database else None
    tree = provision(spec, realised.system, closure, realised.accounts, realised.entries, database)
    return Planned(
        spec=spec,
        realised=realised,
        closure=closure,
        tree=tree,
        plan=plan_layers(
            closure,
            max_layers=options.max_layers or spec.max_layers,
            history=options.history,
            previous=options.previous,
            favour=options.favour,
            groups=tuple(group.patterns for group in spec.layer_groups),
        ),
        compression=Compression.parse(options.compression or spec.compression),
        names=options.names or tuple(ImageName(spec.name, tag) for tag in spec.tags),
        created=options.created if options.created is not None else _newest(closure),
    )


def provide(spec: SystemSpec, spec_dir: Path, options: BuildOptions, progress: Progress = silent) -> SystemResult:
    """The system: found in a store, or made of packages. From here on nothing can tell which it was."""
    if spec.from_store is not None:
        return open_stored(spec, spec.from_store, spec_dir, check=options.check_store, progress=progress)
    return realise(
        spec,
        spec_dir,
        options.archive,
        options.lock_file,
        locked=options.locked,
        cache_dir=options.cache_dir,
        workers=options.workers,
        progress=progress,
    )


def build(spec: SystemSpec, spec_dir: Path, options: BuildOptions, progress: Progress = silent) -> BuildResult:
    """Build the image that ``spec`` describes and write it to ``options.output``.

    Errors are those of the rooms it goes through; whatever happens, the output is there whole or not at all.
    """
    planned = plan(spec, spec_dir, options, progress)
    return BuildResult(planned, write(planned, options, progress))


def write(planned: Planned, options: BuildOptions, progress: Progress = silent) -> WrittenImage:
    """Build the layers that are not known yet, and write the image."""
    uid, gid = planned.spec.store.uid, planned.spec.store.gid
    sources = layer_sources(planned.plan, planned.closure, planned.tree, uid=uid, gid=gid)

    def assemble(layers: Sequence[LayerBlob]) -> Image:
        return make_image(image_config(planned), layers, annotations=image_annotations(planned))

    if isinstance(options.output, int) and options.format == DOCKER_ARCHIVE and planned.compression.kind == "none":
        return stream_docker_archive(sources, assemble, options.output, names=planned.names, progress=progress)
    with _layer_store(options) as store:
        layers = build_layers(
            sources, store, compression=planned.compression, workers=options.workers, progress=progress
        )
        blobs = [store.blobs if isinstance(store, LayerCache) else store]
        if options.format == OCI_LAYOUT and isinstance(options.output, Path):
            return write_oci_layout(assemble(layers), blobs, options.output, names=planned.names)
        return write_archive(
            assemble(layers),
            blobs,
            options.output,
            archive_format=options.format,
            names=planned.names,
            progress=progress,
        )


def image_config(planned: Planned) -> ImageConfig:
    """How a container runs: what the spec says, and what the system needs where it says nothing."""
    spec, defaults = planned.spec, planned.realised.image_defaults
    check = spec.health_check
    return ImageConfig(
        architecture=spec.architecture,
        variant="v8" if spec.architecture == "arm64" else None,
        created=planned.created,
        entrypoint=defaults.entry_point,
        cmd=defaults.command,
        env=tuple(defaults.environment.items()),
        working_dir=spec.working_directory,
        user=spec.user,
        exposed_ports=spec.exposed_ports,
        volumes=spec.volumes,
        labels=tuple(sorted(spec.labels.items())),
        stop_signal=defaults.stop_signal,
        healthcheck=None
        if check is None
        else HealthCheck(check.command, check.interval, check.timeout, check.start_period, check.retries),
    )


def image_annotations(planned: Planned) -> dict[str, str]:
    """What the manifest says about the image to whoever has not pulled it."""
    return {"org.opencontainers.image.created": rfc3339(planned.created), **planned.spec.labels}


@contextlib.contextmanager
def _layer_store(options: BuildOptions) -> Iterator[LayerCache | BlobDirectory]:
    """Where layers are made: in the cache, or in a directory that is gone afterwards."""
    if options.keep_layers:
        yield LayerCache(options.cache_dir / "layers")
        return
    beside = options.output.parent if isinstance(options.output, Path) else None
    with tempfile.TemporaryDirectory(prefix=".sysimage-layers-", dir=beside) as directory:
        yield BlobDirectory(Path(directory))


def _newest(closure: Closure) -> int:
    """When the newest of the packages changed: a true date that a rebuild does not move. 1 where nobody knows."""
    return max((moment for item in closure for moment in item.changed), default=1)
