"""How an image is written and where it goes: a file, a directory, a stream, registries, a container engine.

Its layers are made first, in the cache or in a directory that is gone afterwards; or, where they need not be anywhere
else, they are written straight into the one archive.
"""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage import bases
from sysimage.blobs import BlobDirectory
from sysimage.destinations.archive import write_archive
from sysimage.destinations.archive_format import ARCHIVE, DOCKER_ARCHIVE
from sysimage.destinations.image_content import ImageContent
from sysimage.destinations.layout import write_oci_layout
from sysimage.destinations.streamed_archive import stream_docker_archive, write_archive_directly
from sysimage.destinations.verified_blobs import BlobRepair, verified_blob
from sysimage.destinations.written_image import WrittenImage
from sysimage.files.temporary import scratch_directory
from sysimage.image import Image, ImageName
from sysimage.layerplan import Record
from sysimage.layers import BrokenPromiseError, LayerBlob, LayerCache, LayerSource, build_layers
from sysimage.pipeline.history import is_record_or_absent, record_beside, record_text
from sysimage.pipeline.image_plan import ImagePlan
from sysimage.pipeline.options import OCI_DIR, Delivery, LayerStorage, PushRequest
from sysimage.pipeline.repair import ItemRepair, LayerRepair
from sysimage.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class IntoPipe:
    """Layers are written straight into a pipe, in one pass, as a docker-archive."""

    fd: int


@dataclass(frozen=True, slots=True)
class IntoFile:
    """Layers are written straight to their places in an archive, which is a file."""

    path: Path
    format: str


@dataclass(frozen=True, slots=True)
class ThroughStorage:
    """Layers are made and stored first, and copied from there to every place."""


Route = IntoPipe | IntoFile | ThroughStorage
"""How the bytes of layers reach the destinations of the image."""


def choose_route(image: ImagePlan, delivery: Delivery, layers: LayerStorage) -> Route:
    """The shortest way for layers: without storage where they are not compressed and go to one archive alone; into a
    file only when none are to be kept."""
    only_output = not delivery.pushes and delivery.load is None
    if image.compression.kind != "none" or image.base.layers or not only_output:
        return ThroughStorage()
    output, form = delivery.output, delivery.format
    if isinstance(output, int):
        return IntoPipe(output) if form == DOCKER_ARCHIVE else ThroughStorage()
    if output is None or form == OCI_DIR or layers.directory is not None:
        return ThroughStorage()
    is_regular = output.is_file() or not output.exists()
    return IntoFile(output, form) if is_regular else ThroughStorage()


def write_image(
    image: ImagePlan, delivery: Delivery, layers: LayerStorage, items: ItemRepair, progress: Progress = silent
) -> tuple[WrittenImage, ...]:
    """Make the layers that are not stored yet, and write the image to every destination.

    Items that turn out to be damaged are made again by ``items``, and the work begins again.
    """
    match choose_route(image, delivery, layers):
        case IntoPipe(fd):
            return (_write_into_pipe(image, fd, items, progress),)
        case IntoFile(path, archive_format):
            return (_write_into_file(image, path, archive_format, items, progress),)
        case ThroughStorage():
            return _write_through_storage(image, delivery, layers, items, progress)


def _write_into_pipe(image: ImagePlan, fd: int, items: ItemRepair, progress: Progress) -> WrittenImage:
    """What went into a pipe cannot be taken back: items that look damaged are made again first, and one that only its
    bytes show to be damaged is forgotten with a `BrokenPromiseError`."""
    items.repair_visible()
    try:
        return stream_docker_archive(
            image.sources, image.assemble, fd, names=image.names, check=image.check, progress=progress
        )
    except BrokenPromiseError as error:
        if items.forget_damaged(error):
            error.hint = "build again: what was damaged is made again then"
        raise


def _write_into_file(
    image: ImagePlan, path: Path, archive_format: str, items: ItemRepair, progress: Progress
) -> WrittenImage:
    return items.retrying(
        lambda: write_archive_directly(
            image.sources,
            image.assemble,
            path,
            archive_format=archive_format,
            names=image.names,
            workers=image.workers,
            check=image.check,
            progress=progress,
        )
    )


def _write_through_storage(
    image: ImagePlan, delivery: Delivery, layers: LayerStorage, items: ItemRepair, progress: Progress
) -> tuple[WrittenImage, ...]:
    output = delivery.output
    beside = output.absolute().parent if isinstance(output, Path) else Path(tempfile.gettempdir())
    with layer_store(layers, beside) as store:
        blobs = store.blobs if isinstance(store, LayerCache) else store

        def built(sources: Sequence[LayerSource]) -> tuple[LayerBlob, ...]:
            return items.retrying(
                lambda: build_layers(
                    sources,
                    store,
                    compression=image.compression,
                    workers=image.workers,
                    check=image.check,
                    progress=progress,
                )
            )

        own = built(image.sources)
        bases.copy_layers(image.base, blobs)
        keeper = LayerRepair(image, own, store, built)
        assembled = image.assemble(bases.stacked(image.base, own))
        return deliver(assembled, [blobs], image.names, delivery, keeper, progress)


def deliver(
    image: Image,
    blobs: Sequence[BlobDirectory],
    names: tuple[ImageName, ...],
    delivery: Delivery,
    keeper: BlobRepair,
    progress: Progress = silent,
) -> tuple[WrittenImage, ...]:
    """Write, push and load the image, in this order; one result for each place.

    The ``keeper`` makes damaged layers again.
    """

    def archive(target: Path | int, archive_format: str, progress: Progress = progress) -> WrittenImage:
        return write_archive(
            image, blobs, target, archive_format=archive_format, names=names, keeper=keeper, progress=progress
        )

    done = []
    if delivery.output is not None:
        if delivery.format == OCI_DIR and isinstance(delivery.output, Path):
            done.append(write_oci_layout(image, blobs, delivery.output, names=names, keeper=keeper))
        else:
            done.append(archive(delivery.output, delivery.format))
    done += [_pushed(image, blobs, push, keeper, progress) for push in delivery.pushes]
    if delivery.load is not None:
        from sysimage.destinations.daemon import load_into

        done.append(load_into(delivery.load, lambda fd, loading: archive(fd, ARCHIVE, loading), progress))
    return tuple(done)


def _pushed(
    image: Image, blobs: Sequence[BlobDirectory], push: PushRequest, keeper: BlobRepair, progress: Progress
) -> WrittenImage:
    from sysimage.destinations.registry import push_content

    content = ImageContent.of(image)
    provide = functools.partial(verified_blob, blobs)
    with push.registries.session(push.target.repository, actions="pull,push") as session:
        transfer = push_content(content, provide, push.target, session, keeper=keeper, progress=progress)
    return WrittenImage(image, "registry", None, content.size, push.target.names(), transfer)


@contextlib.contextmanager
def layer_store(layers: LayerStorage, scratch: Path) -> Iterator[LayerCache | BlobDirectory]:
    """Where layers are made: in the cache, which no other process prunes meanwhile and which is pruned
    afterwards, or in a directory below ``scratch`` that is removed afterwards."""
    if layers.directory is not None:
        cache = LayerCache(layers.directory)
        with cache.in_use():
            yield cache
        if layers.most_bytes is not None and cache.size() > layers.most_bytes:
            cache.prune(layers.most_bytes)
        return
    with scratch_directory(scratch, ".sysimage-layers-") as directory:
        yield BlobDirectory(directory)


def leave_record(record: Record, delivery: Delivery, *, carried: bool) -> Path | None:
    """Write the record beside an output that stays, where that is asked for or the image has not ``carried`` it;
    returns where it is, None where it is not written."""
    output = delivery.output
    place = record_beside(output) if isinstance(output, Path) and output.exists() else None
    if place is None or not (delivery.writes_record or (not carried and is_record_or_absent(place))):
        return None
    from sysimage.files.output import output_file
    from sysimage.streams.copying import write_all

    with output_file(place) as fd:
        write_all(fd, record_text(record).encode() + b"\n")
    return place
