"""The pipeline on one screen: spec, store, tree, plan, layers, image, and where the image goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sysimage import bases, from_store
from sysimage.closure import Closure
from sysimage.delivery import deliver, deliver_directly, layer_store, leave_record
from sysimage.destinations import WrittenImage
from sysimage.history import annotated
from sysimage.image import HealthCheck, Image, ImageConfig, ImageName, make_image, rfc3339
from sysimage.kept import in_use
from sysimage.layerplan import LayerPlan, Record
from sysimage.layers import Check, Compression, LayerBlob, LayerCache, LayerSource, build_layers
from sysimage.layers.divide import layer_labels, layer_sources
from sysimage.mending import ItemMender, LayerMender
from sysimage.options import OCI_LAYOUT, BuildOptions, Neighbour, Push
from sysimage.plans import divide, rule
from sysimage.preflight import Draft, check_draft, check_layers
from sysimage.progress import Progress, silent
from sysimage.rootfs.provision import provision
from sysimage.rootfs.system import SystemResult
from sysimage.rootfs.tree import Tree
from sysimage.spec.model import StoreKind, SystemSpec
from sysimage.store.database import Schema, store_database
from sysimage.store.scan import Candidates
from sysimage_bootstrap.realise import realise
from sysimage_bootstrap.store.item_store import ItemStore

__all__ = [
    "OCI_LAYOUT",
    "BuildOptions",
    "BuildResult",
    "Neighbour",
    "Planned",
    "Push",
    "build",
    "plan",
]


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
    record: Record
    """What a later build may learn from."""
    base: bases.BaseImage | None = None
    """What the image begins with."""


@dataclass(frozen=True, slots=True)
class BuildResult:
    """An image that is where it was wanted."""

    planned: Planned
    delivered: tuple[WrittenImage, ...]
    """One for each place; never empty."""
    record: Path | None = None
    """Where the plan was written beside the output."""

    @property
    def written(self) -> WrittenImage:
        """The image in the first place."""
        return self.delivered[0]


def plan(spec: SystemSpec, spec_dir: Path, options: BuildOptions, progress: Progress = silent) -> Planned:
    """Make the system's store and decide what goes into which layer; nothing is written but the cache.

    An image that would not run, or that readers of images would not take, is a `SpecError` with every fault.
    """
    base = open_base(spec, spec_dir, options, progress)
    realised = provide(spec, spec_dir, options, base, progress)
    closure = Closure(realised.items, realised.roots)
    base_layers = len(base.layers) if base else 0
    layer_plan = divide(spec, closure, neighbours(options, progress), options, base_layers)
    created = options.created if options.created is not None else _newest(closure)
    planned = Planned(
        spec=spec,
        realised=realised,
        closure=closure,
        tree=customization(spec, realised, closure, base),
        plan=bases.without_items_of(base, layer_plan, closure) if base else layer_plan,
        compression=Compression.parse(options.compression or spec.compression),
        names=options.names or tuple(ImageName(spec.name, tag) for tag in spec.tags),
        created=created,
        record=Record(closure, layer_plan, created, rule(spec, options, base_layers)),
        base=base,
    )
    check_draft(draft(planned))
    return planned


def draft(planned: Planned) -> Draft:
    """The image as far as it is known before its first layer."""
    base_layers = len(planned.base.layers) if planned.base else 0
    return Draft(
        planned.spec,
        planned.closure,
        planned.tree,
        image_config(planned),
        layer_labels(planned.plan, base_layers=base_layers),
        image_annotations(planned),
        planned.names,
        planned.base,
    )


def open_base(
    spec: SystemSpec, spec_dir: Path, options: BuildOptions, progress: Progress = silent
) -> bases.BaseImage | None:
    """The image that this one begins with, if there is one; with too many layers it is refused before any work."""
    path = options.from_image or (spec_dir / spec.from_image if spec.from_image else None)
    if path is None:
        return None
    base = bases.read_base_image(path, spec.architecture, spec.store.store_dir, progress=progress)
    bases.check_room(base, options.max_layers or spec.max_layers)
    if spec.from_store is not None:  # a system made of packages has accounts of its own
        bases.check_accounts(base, spec)
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
        return from_store.realise(
            spec,
            spec_dir,
            cache_dir=options.cache_dir,
            workers=options.workers,
            base_accounts=base.accounts if base else None,
            base_environment=bases.variables_of(base) if base else {},
            is_base_directory=base.has_directory if base else lambda path: False,
            keep_accounts=base is not None and base.has_accounts,
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


def neighbours(options: BuildOptions, progress: Progress = silent) -> dict[str, Closure]:
    """The closures of the systems that are planned with this one, by name."""
    closures: dict[str, Closure] = {}
    for other in options.together:
        realised = provide(other.spec, other.spec_dir, replace(options, lock_file=other.lock_file), None, progress)
        closures[other.spec.name] = Closure(realised.items, realised.roots)
    return closures


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
    if base is None:
        return tree
    beside = [*bases.roots_of(base, spec.store), *bases.closed_database(base, spec.store)] if database else []
    return bases.place_on(Tree([*tree, *beside]), base, spec.store)


def build(spec: SystemSpec, spec_dir: Path, options: BuildOptions, progress: Progress = silent) -> BuildResult:
    """Build the image that ``spec`` describes and write it to ``options.output``.

    Errors are those of the rooms it goes through; whatever happens, the output is there whole or not at all.
    """
    with in_use(options.cache_dir):
        planned = plan(spec, spec_dir, options, progress)
        provide_again = partial(provide, spec, spec_dir, options, planned.base, progress)
        store = ItemStore(options.cache_dir / "store", spec.store.store_dir) if spec.from_store is None else None
        mender = ItemMender(planned.closure, store, provide_again)
        delivered = write(planned, options, mender, progress)
    return BuildResult(planned, delivered, leave_record(planned.record, options.output))


def write(
    planned: Planned, options: BuildOptions, items: ItemMender, progress: Progress = silent
) -> tuple[WrittenImage, ...]:
    """Build the layers that are not known yet, and write the image to every place where it is wanted."""
    uid, gid = planned.spec.store.uid, planned.spec.store.gid
    base = planned.base
    base_layers = len(base.layers) if base else 0
    check = wanted_check(planned, options)
    sources = layer_sources(planned.plan, planned.closure, planned.tree, base_layers=base_layers, uid=uid, gid=gid)

    def assemble(layers: Sequence[LayerBlob]) -> Image:
        check_layers(planned.spec.name, layers)
        return make_image(
            image_config(planned),
            layers,
            annotations=image_annotations(planned),
            base_layers=base_layers,
            base_history=bases.base_history(base) if base else (),
        )

    if base is None:
        direct = deliver_directly(
            sources, assemble, planned.names, planned.compression, options, items, check, progress
        )
        if direct is not None:
            return (direct,)
    with layer_store(options) as store:
        blobs = store.blobs if isinstance(store, LayerCache) else store

        def built(sources: Sequence[LayerSource]) -> tuple[LayerBlob, ...]:
            return items.mended(
                lambda: build_layers(
                    sources,
                    store,
                    compression=planned.compression,
                    workers=options.workers,
                    check=check,
                    progress=progress,
                )
            )

        own = built(sources)
        layers = own
        if base:
            bases.take_layers(base, blobs)
            layers = bases.stacked(base, own)
        keeper = LayerMender(sources, own, store, planned.compression, built, base)
        return deliver(assemble(layers), [blobs], planned.names, options, keeper, progress)


def wanted_check(planned: Planned, options: BuildOptions) -> Check | None:
    """What is to be proven of the items while they are written into layers: of our own store's that they are what was
    made, of another's what is asked for."""
    if options.check_references:
        return Check(Candidates(item.path for item in planned.closure))
    source = planned.spec.from_store
    return Check() if source is None or source.check or options.check_store else None


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
    if planned.base is None:
        return config
    specified = {*spec.environment, *(["LANG"] if "locale" in spec.model_fields_set else [])}
    return bases.overlaid(config, planned.base, has_init=spec.has_init, specified=specified)


def image_annotations(planned: Planned) -> dict[str, str]:
    """What the manifest says about the image to whoever has not pulled it."""
    created = {"org.opencontainers.image.created": rfc3339(planned.created)}
    return {**created, **planned.spec.labels, **annotated(planned.record)}


def _newest(closure: Closure) -> int:
    """When the newest of the packages changed: a true date that a rebuild does not move. 1 where nobody knows."""
    return max((moment for item in closure for moment in item.changed), default=1)
