"""The pipeline on one screen: spec, store, tree, plan, layers, image, and where the image goes."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from sysimage import bases
from sysimage.blobs import BlobDirectory
from sysimage.closure import Closure
from sysimage.destinations import DOCKER_ARCHIVE, WrittenImage, stream_docker_archive, write_archive, write_oci_layout
from sysimage.errors import SpecError
from sysimage.image import HealthCheck, Image, ImageConfig, ImageName, make_image, rfc3339
from sysimage.layerplan import Favour, LayerPlan, plan_fleet, plan_layers
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
class Neighbour:
    """Another system, whose image is to hold the same layers where it holds the same items."""

    spec: SystemSpec
    spec_dir: Path
    lock_file: Path


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
    from_image: Path | None = None
    """The base image, instead of the spec's."""
    history: tuple[Closure, ...] = ()
    """Earlier closures of the system, oldest first."""
    previous: LayerPlan | None = None
    together: tuple[Neighbour, ...] = ()
    """Systems that are planned with this one; planned together, each draws the same layers for what it shares."""
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
    base: bases.BaseImage | None = None
    """What the image begins with."""


@dataclass(frozen=True, slots=True)
class BuildResult:
    """An image that is where it was wanted."""

    planned: Planned
    written: WrittenImage


def plan(spec: SystemSpec, spec_dir: Path, options: BuildOptions, progress: Progress = silent) -> Planned:
    """Make the system's store and decide what goes into which layer; nothing is written but the cache."""
    base = open_base(spec, spec_dir, options, progress)
    realised = provide(spec, spec_dir, options, base, progress)
    closure = Closure(realised.items, realised.roots)
    layer_plan = divide(spec, closure, options, base, progress)
    return Planned(
        spec=spec,
        realised=realised,
        closure=closure,
        tree=customization(spec, realised, closure, base),
        plan=bases.without_items_of(base, layer_plan, closure) if base else layer_plan,
        compression=Compression.parse(options.compression or spec.compression),
        names=options.names or tuple(ImageName(spec.name, tag) for tag in spec.tags),
        created=options.created if options.created is not None else _newest(closure),
        base=base,
    )


def divide(
    spec: SystemSpec,
    closure: Closure,
    options: BuildOptions,
    base: bases.BaseImage | None = None,
    progress: Progress = silent,
) -> LayerPlan:
    """Draw the layer boundaries: for this system alone, or for all that are planned together with it."""
    base_layers = len(base.layers) if base else 0
    if not options.together:
        return plan_layers(
            closure,
            max_layers=options.max_layers or spec.max_layers,
            history=options.history,
            previous=options.previous,
            favour=options.favour,
            groups=tuple(group.patterns for group in spec.layer_groups),
            base_layers=base_layers,
        )
    closures = {spec.name: closure}
    for other in options.together:
        if other.spec.name in closures:
            raise SpecError(
                f"cannot plan systems together: two are called {other.spec.name}", hint="give each its own name"
            )
        realised = provide(other.spec, other.spec_dir, replace(options, lock_file=other.lock_file), None, progress)
        closures[other.spec.name] = Closure(realised.items, realised.roots)
    # One budget for all, or each system would draw other lines.
    smallest = min(spec.max_layers, *(other.spec.max_layers for other in options.together))
    return plan_fleet(closures, options.max_layers or smallest, base_layers=base_layers)[spec.name]


def open_base(
    spec: SystemSpec, spec_dir: Path, options: BuildOptions, progress: Progress = silent
) -> bases.BaseImage | None:
    """The image that this one begins with, if there is one; with too many layers it is refused before any work."""
    path = options.from_image or (spec_dir / spec.from_image if spec.from_image else None)
    if path is None:
        return None
    base = bases.read_base_image(path, spec.architecture, spec.store.store_dir, progress=progress)
    bases.check_room(base, options.max_layers or spec.max_layers)
    return base


def provide(
    spec: SystemSpec,
    spec_dir: Path,
    options: BuildOptions,
    base: bases.BaseImage | None = None,
    progress: Progress = silent,
) -> SystemResult:
    """The system: found in a store, or made of packages. From here on nothing can tell which it was."""
    if spec.from_store is not None:
        return open_stored(
            spec,
            spec.from_store,
            spec_dir,
            check=options.check_store,
            base_accounts=base.accounts if base else None,
            progress=progress,
        )
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


def customization(
    spec: SystemSpec, realised: SystemResult, closure: Closure, base: bases.BaseImage | None = None
) -> Tree:
    """Everything of the image that is no store item, on top of the base."""
    schema = Schema.GUIX if spec.store.kind is StoreKind.GUIX else Schema.NIX
    database = None
    if spec.store.database:
        database = store_database(bases.merged(closure, base, spec.store) if base else closure, schema)
    tree = provision(
        spec,
        realised.system,
        closure,
        realised.accounts,
        realised.entries,
        database,
        generation=bases.generation_on(base, spec.store) if base else 1,
    )
    return bases.place_on(tree, base, spec.store) if base else tree


def build(spec: SystemSpec, spec_dir: Path, options: BuildOptions, progress: Progress = silent) -> BuildResult:
    """Build the image that ``spec`` describes and write it to ``options.output``.

    Errors are those of the rooms it goes through; whatever happens, the output is there whole or not at all.
    """
    planned = plan(spec, spec_dir, options, progress)
    return BuildResult(planned, write(planned, options, progress))


def write(planned: Planned, options: BuildOptions, progress: Progress = silent) -> WrittenImage:
    """Build the layers that are not known yet, and write the image."""
    uid, gid = planned.spec.store.uid, planned.spec.store.gid
    base = planned.base
    base_layers = len(base.layers) if base else 0
    sources = layer_sources(planned.plan, planned.closure, planned.tree, base_layers=base_layers, uid=uid, gid=gid)

    def assemble(layers: Sequence[LayerBlob]) -> Image:
        return make_image(
            image_config(planned),
            layers,
            annotations=image_annotations(planned),
            base_layers=base_layers,
            base_history=bases.base_history(base) if base else (),
        )

    if (
        base is None
        and isinstance(options.output, int)
        and options.format == DOCKER_ARCHIVE
        and planned.compression.kind == "none"
    ):
        return stream_docker_archive(sources, assemble, options.output, names=planned.names, progress=progress)
    with _layer_store(options) as store:
        blobs = [store.blobs if isinstance(store, LayerCache) else store]
        layers = build_layers(
            sources, store, compression=planned.compression, workers=options.workers, progress=progress
        )
        if base:
            bases.take_layers(base, blobs[0])
            layers = bases.stacked(base, layers)
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
    says_directory = planned.base is None or "working_directory" in spec.model_fields_set
    config = ImageConfig(
        architecture=spec.architecture,
        variant="v8" if spec.architecture == "arm64" else None,
        created=planned.created,
        entrypoint=defaults.entry_point,
        cmd=defaults.command,
        env=tuple(defaults.environment.items()),
        working_dir=spec.working_directory if says_directory else None,
        user=spec.user,
        exposed_ports=spec.exposed_ports,
        volumes=spec.volumes,
        labels=tuple(sorted(spec.labels.items())),
        stop_signal=defaults.stop_signal,
        healthcheck=None
        if check is None
        else HealthCheck(check.command, check.interval, check.timeout, check.start_period, check.retries),
    )
    return bases.overlaid(config, planned.base, has_init=spec.has_init) if planned.base else config


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
