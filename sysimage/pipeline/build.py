"""The pipeline on one screen: spec, store, tree, plan, layers, image, and where the image goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sysimage import bases
from sysimage.closure import Closure
from sysimage.destinations.written_image import WrittenImage
from sysimage.files.locks import in_use
from sysimage.image import Image, ImageConfig, ImageName, config_of_spec, make_image, rfc3339
from sysimage.layerplan import LayerPlan, Record
from sysimage.layers import Check, Compression, LayerBlob, selected_check
from sysimage.layers.split_layers import layer_labels, layer_sources
from sysimage.pipeline.delivery import leave_record, write_image
from sysimage.pipeline.history import ANNOTATION, record_annotations
from sysimage.pipeline.image_plan import ImagePlan
from sysimage.pipeline.options import BuildRequest, BuildSources, DeclaredSystem, Identity, Planning, Proofs
from sysimage.pipeline.planning import draw_layers, rule
from sysimage.pipeline.repair import ItemRepair
from sysimage.pipeline.replaced_image import ReplacedImage, replaced_image
from sysimage.pipeline.systems import closures_of, open_base, provide
from sysimage.preflight import ImageDraft, check_draft, check_layers
from sysimage.progress import Progress, silent
from sysimage.rootfs.system import SystemResult
from sysimage.rootfs.tree import RootTree
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.store.item_store import ItemStore


@dataclass(frozen=True, slots=True)
class PlannedBuild:
    """Everything that is known before the first byte of a layer is written."""

    spec: SystemSpec
    realised: SystemResult
    closure: Closure
    tree: RootTree
    """The customization layer."""
    plan: LayerPlan
    compression: Compression
    names: tuple[ImageName, ...]
    created: int
    """Seconds since the epoch."""
    record: Record
    """What a later build may learn from."""
    annotations: Mapping[str, str]
    """What the manifest says about the image."""
    base: bases.BaseImage = bases.NO_BASE
    """What the image begins with."""


@dataclass(frozen=True, slots=True)
class BuildResult:
    """An image at its destinations."""

    planned: PlannedBuild
    delivered: tuple[WrittenImage, ...]
    """One for each place; never empty."""
    record: Path | None = None
    """Where the plan was written beside the output."""
    replaced: ReplacedImage | None = None
    """The image that was at the output before."""

    @property
    def written(self) -> WrittenImage:
        """The image in the first place."""
        return self.delivered[0]


def build(request: BuildRequest, progress: Progress = silent) -> BuildResult:
    """Build an image and write it to its destinations. Registries are tried first, so that what would refuse the image
    says so before any work.

    Errors are those of the rooms it goes through; whatever happens, the output is there whole or not at all.
    """
    system, sources = request.system, request.sources
    for push in request.delivery.pushes:
        push.registries.try_push(push.target)
    where = request.delivery
    with in_use(sources.cache_dir):
        planned = plan(system, sources, request.identity, request.planning, progress)
        replaced = replaced_image(where.output, planned.spec.platform, str(planned.names[0]))
        delivered = write_image(
            image_plan(planned, request.proofs, sources.workers),
            request.delivery,
            request.layers,
            item_repair(planned, system, sources, progress),
            progress,
        )
    # A label of the same name is not the record.
    carried = planned.annotations.get(ANNOTATION) != planned.spec.labels.get(ANNOTATION)
    return BuildResult(planned, delivered, leave_record(planned.record, where, carried=carried), replaced)


def plan(
    system: DeclaredSystem,
    sources: BuildSources,
    identity: Identity,
    planning: Planning = Planning(),  # noqa: B008 - a frozen value
    progress: Progress = silent,
) -> PlannedBuild:
    """Make the system's store and decide what goes into which layer; nothing is written but the cache.

    An image that would not run, or that readers of images would not take, is a `SpecError` with every fault.
    """
    spec = system.spec
    base = open_base(system, sources, progress)
    realised = provide(system, sources, base, progress)
    closure = Closure(realised.items, realised.roots)
    neighbours = closures_of(planning.together, sources, progress)
    base_layers = len(base.layers)
    layer_plan = draw_layers(spec, closure, planning, neighbours, sources.cache_dir, base_layers)
    created = _newest(closure) if identity.created is None else identity.created
    record = Record(closure, layer_plan, created, rule(spec, planning, base_layers))
    planned = PlannedBuild(
        spec=spec,
        realised=realised,
        closure=closure,
        tree=bases.customization_on(base, spec, realised, closure),
        plan=bases.without_items_of(base, layer_plan, closure),
        compression=Compression.parse(spec.compression),
        names=identity.names,
        created=created,
        record=record,
        annotations=image_annotations(spec, record),
        base=base,
    )
    check_draft(image_draft(planned))
    return planned


def image_draft(planned: PlannedBuild) -> ImageDraft:
    """The image as far as it is known before its first layer."""
    return ImageDraft(
        planned.spec,
        planned.closure,
        planned.tree,
        image_config(planned),
        layer_labels(planned.plan, base_layers=len(planned.base.layers)),
        planned.annotations,
        planned.names,
        planned.base,
    )


def image_plan(planned: PlannedBuild, proofs: Proofs, workers: int) -> ImagePlan:
    """The image as a description of how its layers are made, and of what it is then."""
    base, store = planned.base, planned.spec.store
    base_layers = len(base.layers)

    def assemble(layers: Sequence[LayerBlob]) -> Image:
        check_layers(planned.spec.name, layers)
        return make_image(
            image_config(planned),
            layers,
            annotations=planned.annotations,
            base_layers=base_layers,
            base_history=bases.base_history(base),
        )

    return ImagePlan(
        sources=layer_sources(
            planned.plan, planned.closure, planned.tree, base_layers=base_layers, uid=store.uid, gid=store.gid
        ),
        assemble=assemble,
        names=planned.names,
        compression=planned.compression,
        base=base,
        check=checks(planned, proofs),
        workers=workers,
    )


def checks(planned: PlannedBuild, proofs: Proofs) -> Check | None:
    """What is proven of the items: of our own store's always that they are what was made, of another's what is asked
    for."""
    source = planned.spec.from_store
    return selected_check(planned.closure, contents=source is None or source.check, references=proofs.references)


def item_repair(
    planned: PlannedBuild, system: DeclaredSystem, sources: BuildSources, progress: Progress = silent
) -> ItemRepair:
    """What makes damaged items of our own store again."""
    spec = planned.spec
    store = ItemStore(sources.cache_dir / "store", spec.store.store_dir) if spec.from_store is None else None
    return ItemRepair(planned.closure, store, partial(provide, system, sources, planned.base, progress))


def image_config(planned: PlannedBuild) -> ImageConfig:
    """How a container runs: what the spec says, what the system needs, and what the base says besides."""
    config = config_of_spec(planned.spec, planned.realised.image_defaults, planned.created)
    return bases.overlaid(config, planned.base, planned.spec)


def image_annotations(spec: SystemSpec, record: Record) -> dict[str, str]:
    """What the manifest says about the image to those that have not pulled it."""
    created = {"org.opencontainers.image.created": rfc3339(record.created)}
    return {**created, **spec.labels, **record_annotations(record)}


def _newest(closure: Closure) -> int:
    """When the newest of the packages changed: a true date that a rebuild does not move. 1 where it is unknown."""
    return max((moment for item in closure for moment in item.changed), default=1)
