"""Where an image goes when its layers are known: a file, a directory, a stream, registries, a container engine."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sysimage.blobs import BlobDirectory
from sysimage.destinations import (
    ARCHIVE,
    DOCKER_ARCHIVE,
    WrittenImage,
    stream_docker_archive,
    write_archive,
    write_archive_directly,
    write_oci_layout,
)
from sysimage.destinations.sound import Keeper
from sysimage.history import record_beside, written
from sysimage.image import Image, ImageName
from sysimage.layerplan import Record
from sysimage.layers import BrokenPromiseError, Check, Compression, LayerBlob, LayerCache, LayerSource
from sysimage.mending import ItemMender
from sysimage.options import OCI_LAYOUT, BuildOptions
from sysimage.progress import Progress, silent
from sysimage.temporary import scratch_directory


def deliver(
    image: Image,
    blobs: Sequence[BlobDirectory],
    names: tuple[ImageName, ...],
    options: BuildOptions,
    keeper: Keeper,
    progress: Progress = silent,
) -> tuple[WrittenImage, ...]:
    """Write, push and load the image as ``options`` say, in this order; one result for each place.

    The ``keeper`` makes layers again that are found damaged on the way.
    """
    done = []
    if options.output is not None:
        if options.format == OCI_LAYOUT and isinstance(options.output, Path):
            done.append(write_oci_layout(image, blobs, options.output, names=names, keeper=keeper))
        else:
            form = options.format
            done.append(
                write_archive(
                    image, blobs, options.output, archive_format=form, names=names, keeper=keeper, progress=progress
                )
            )
    for push in options.pushes:
        from sysimage.destinations.registry import push_image

        with push.registries.session(push.target) as session:
            done.append(push_image(image, blobs, push.target, session, keeper=keeper, progress=progress))
    if options.load is not None:
        from sysimage.destinations.daemon import load_into

        def stream(fd: int) -> WrittenImage:
            return write_archive(
                image, blobs, fd, archive_format=ARCHIVE, names=names, keeper=keeper, progress=progress
            )

        done.append(load_into(options.load, stream))
    return tuple(done)


def deliver_directly(
    sources: Sequence[LayerSource],
    assemble: Callable[[Sequence[LayerBlob]], Image],
    names: tuple[ImageName, ...],
    compression: Compression,
    options: BuildOptions,
    items: ItemMender,
    check: Check | None = None,
    progress: Progress = silent,
) -> WrittenImage | None:
    """Write an archive whose layers lie nowhere else, reading every byte once; None where that cannot be done.

    It can for layers without compression that go to one place: into a pipe in the older form, or, when no layers are
    to be kept, into a file. A file begins again where ``items`` turn out to be damaged. What went into a pipe cannot be
    taken back: items that look damaged are made again before it, and one that only its bytes show to be damaged is
    forgotten with a `BrokenPromiseError`.
    """
    output = options.output
    if compression.kind != "none" or options.pushes or options.load is not None:
        return None
    if isinstance(output, int) and options.format == DOCKER_ARCHIVE:
        items.look_over()
        try:
            return stream_docker_archive(sources, assemble, output, names=names, check=check, progress=progress)
        except BrokenPromiseError as error:
            if items.drop(error):
                error.hint = "build again: what was damaged is made again then"
            raise
    regular = isinstance(output, Path) and (output.is_file() or not output.exists())
    if isinstance(output, Path) and regular and options.format != OCI_LAYOUT and not options.keep_layers:
        file = output
        return items.mended(
            lambda: write_archive_directly(
                sources,
                assemble,
                file,
                archive_format=options.format,
                names=names,
                workers=options.workers,
                check=check,
                progress=progress,
            )
        )
    return None


@contextlib.contextmanager
def layer_store(options: BuildOptions) -> Iterator[LayerCache | BlobDirectory]:
    """Where layers are made: in the cache, which nobody else makes smaller meanwhile and which is made smaller
    afterwards, or in a directory that is gone then."""
    if options.keep_layers:
        cache = LayerCache(options.cache_dir / "layers")
        with cache.in_use():
            yield cache
        if options.cache_bytes is not None and cache.size() > options.cache_bytes:
            cache.prune(options.cache_bytes)
        return
    beside = options.output.absolute().parent if isinstance(options.output, Path) else None
    with scratch_directory(beside or Path(tempfile.gettempdir()), ".sysimage-layers-") as directory:
        yield BlobDirectory(directory)


def leave_record(record: Record, output: Path | int | None) -> Path | None:
    """Write the record beside an output that stays; says where."""
    place = record_beside(output) if isinstance(output, Path) and output.exists() else None
    if place is None:
        return None
    from sysimage.destinations.publish import published
    from sysimage.streams.copying import write_all

    with published(place) as fd:
        write_all(fd, written(record).encode() + b"\n")
    return place
