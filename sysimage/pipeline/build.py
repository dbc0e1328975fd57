"""The pipeline on one screen: spec, store, tree, plan, layers, image, and where the image goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sysimage import bases
from sysimage.closure import Closure
from sysimage.destinations import WrittenImage
from sysimage.image import Image, ImageConfig, ImageName, config_of_spec, make_image, rfc3339
from sysimage.kept import KeptTexts, in_use
from sysimage.layerplan import LayerPlan, Record
from sysimage.layers import Compression, LayerBlob, LayerCache, LayerSource, build_layers, wanted_check
from sysimage.layers.divide import layer_labels, layer_sources
from sysimage.pipeline.delivery import deliver, deliver_directly, layer_store, leave_record
from sysimage.pipeline.history import annotated
from sysimage.pipeline.options import OCI_LAYOUT, BuildOptions, Neighbour, Push
from sysimage.pipeline.planning import divide, rule
from sysimage.pipeline.repair import ItemMender, LayerMender
from sysimage.preflight import Draft, check_draft, check_layers
from sysimage.progress import Progress, silent
from sysimage.rootfs.stored import open_stored
from sysimage.rootfs.system import SystemResult
from sysimage.rootfs.tree import Tree
from sysimage.spec.model import SystemSpec
from sysimage.store.query import Memory
from sysimage_bootstrap.items.item_store import ItemStore
from sysimage_bootstrap.realise import realise

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
    base: bases.BaseImage = bases.NO_BASE
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
    base_layers = len(base.layers)
    layer_plan = divide(spec, closure, neighbours(options, progress), options, base_layers)
    created = options.created if options.created is not None else _newest(closure)
    planned = Planned(
        spec=spec,
        realised=realised,
        closure=closure,
        tree=bases.customization_on(base, spec, realised, closure),
        plan=bases.without_items_of(base, layer_plan, closure),
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
    return Draft(
        planned.spec,
        planned.closure,
        planned.tree,
        image_config(planned),
        layer_labels(planned.plan, base_layers=len(planned.base.layers)),
        image_annotations(planned),
        planned.names,
        planned.base,
    )


def open_base(spec: SystemSpec, spec_dir: Path, options: BuildOptions, progress: Progress = silent) -> bases.BaseImage:
    """The image that this one begins with; with too many layers it is refused before any work."""
    path = options.from_image or (spec_dir / spec.from_image if spec.from_image else None)
    if path is None:
        return bases.NO_BASE
    base = bases.read_base_image(path, spec.architecture, spec.store.store_dir, progress=progress)
    bases.check_room(base, options.max_layers or spec.max_layers)
    if spec.from_store is not None:  # a system made of packages has accounts of its own
        bases.check_accounts(base, spec)
    return base


def provide(
    spec: SystemSpec,
    spec_dir: Path,
    options: BuildOptions,
    base: bases.BaseImage,
    progress: Progress = silent,
) -> SystemResult:
    """The system: found in a store, or made of packages. From here on nothing can tell which it was."""
    if spec.from_store is not None:
        return open_stored(
            spec,
            spec.from_store,
            spec_dir,
            memory=Memory(KeptTexts(options.cache_dir / "measured"), options.workers),
            base_accounts=base.accounts,
            base_environment=bases.variables_of(base),
            is_base_directory=base.has_directory,
            keep_accounts=base.has_accounts,
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
        realised = provide(
            other.spec, other.spec_dir, replace(options, lock_file=other.lock_file), bases.NO_BASE, progress
        )
        closures[other.spec.name] = Closure(realised.items, realised.roots)
    return closures


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
    base_layers = len(base.layers)
    source = planned.spec.from_store
    # What our own store has is always compared: its items are cheap to make again.
    contents = source is None or source.check or options.check_store
    check = wanted_check(planned.closure, contents=contents, references=options.check_references)
    sources = layer_sources(planned.plan, planned.closure, planned.tree, base_layers=base_layers, uid=uid, gid=gid)

    def assemble(layers: Sequence[LayerBlob]) -> Image:
        check_layers(planned.spec.name, layers)
        return make_image(
            image_config(planned),
            layers,
            annotations=image_annotations(planned),
            base_layers=base_layers,
            base_history=bases.base_history(base),
        )

    if not base.layers:
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
        bases.take_layers(base, blobs)
        keeper = LayerMender(sources, own, store, planned.compression, built, base)
        return deliver(assemble(bases.stacked(base, own)), [blobs], planned.names, options, keeper, progress)


def image_config(planned: Planned) -> ImageConfig:
    """How a container runs: what the spec says, what the system needs, and what the base says beside."""
    config = config_of_spec(planned.spec, planned.realised.image_defaults, planned.created)
    return bases.overlaid(config, planned.base, planned.spec)


def image_annotations(planned: Planned) -> dict[str, str]:
    """What the manifest says about the image to whoever has not pulled it."""
    created = {"org.opencontainers.image.created": rfc3339(planned.created)}
    return {**created, **planned.spec.labels, **annotated(planned.record)}


def _newest(closure: Closure) -> int:
    """When the newest of the packages changed: a true date that a rebuild does not move. 1 where nobody knows."""
    return max((moment for item in closure for moment in item.changed), default=1)
