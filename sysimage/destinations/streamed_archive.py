"""An archive written straight from layer sources, uncompressed: every byte read once, nothing stored beside the result.

How long a layer's archive is follows from metadata, so its place is known before any of its files is opened. In a file
each layer is written at its place by whichever process is free, and the headers, which need digests, follow. Into a
pipe the older form goes in one pass: its layers' names need no digest and its documents come last.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from sysimage.blobs import Descriptor, media_types
from sysimage.destinations.archive import widen_pipe
from sysimage.destinations.archive_format import (
    ARCHIVE,
    DOCKER_ARCHIVE,
    ArchiveMember,
    archive_size,
    docker_documents,
    layer_name,
    members,
)
from sysimage.destinations.written_image import WrittenImage
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.files.output import output_file
from sysimage.image import Image, ImageName
from sysimage.layers import Check, Compression, LayerBlob, LayerChecks, LayerSource, write_layer
from sysimage.layers.build import Reporter, run_layer_tasks
from sysimage.layers.headers import END
from sysimage.layers.layer_sizes import BackgroundSizes, background_sizes, tar_sizes
from sysimage.layers.prefetch import prefetching
from sysimage.progress import Progress, silent
from sysimage.streams.copying import write_all
from sysimage.streams.direct_io import PAGE, DirectWriter, set_length, write_at
from sysimage.streams.sink import background_sink, streaming_sink
from sysimage.workers import Report, biggest_first

Assemble = Callable[[Sequence[LayerBlob]], Image]
"""Describes layers as an image; called a second time with other digests of the same length."""

_NONE = Compression("none", 0)


@dataclass(frozen=True, slots=True)
class _LayerPosition:
    """Where in an archive a layer is."""

    number: int
    offset: int
    """Of the layer's first byte."""
    size: int


def write_archive_directly(
    sources: Sequence[LayerSource],
    assemble: Assemble,
    target: Path,
    *,
    archive_format: str = ARCHIVE,
    names: Sequence[ImageName] = (),
    annotations: Mapping[str, str] | None = None,
    workers: int = 1,
    check: Check | None = None,
    progress: Progress = silent,
) -> WrittenImage:
    """Write an image with uncompressed layers to a file, which appears whole or not at all.

    The bytes are those that `sysimage.destinations.write_archive` writes from stored blobs. Errors as there and in
    `sysimage.layers.build_layers`.
    """
    weights = [source.weight for source in sources]
    report = Reporter(progress, sum(weights))
    with (
        output_file(target, sum(weights)) as fd,
        prefetching([sources[number] for number in biggest_first(weights)]),
        _placing(sources, assemble, fd, archive_format, names, annotations, workers) as places,
    ):

        def work(place: _LayerPosition, moved: Report) -> LayerBlob:
            with (
                DirectWriter(fd) as writer,
                background_sink(writer.writer_from(place.offset), lead=place.offset % PAGE) as sink,
            ):
                return write_layer(sources[place.number], _NONE, sink, LayerChecks(check, place.size), moved=moved)

        built = run_layer_tasks(places, work, workers, report, lambda place: sources[place.number].label)
        image = assemble([built[place] for place in sorted(built, key=attrgetter("number"))])
        parts = members(image, archive_format, names, annotations)
        if set(_places(parts)) != set(built):
            raise IntegrityError("cannot place the layers: the image's documents have another length than expected")
        _write_around(fd, parts)
    report.finish()
    return WrittenImage(image, archive_format, target, archive_size(parts), tuple(names))


def stream_docker_archive(
    sources: Sequence[LayerSource],
    assemble: Callable[[Sequence[LayerBlob]], Image],
    fd: int,
    *,
    names: Sequence[ImageName] = (),
    check: Check | None = None,
    progress: Progress = silent,
) -> WrittenImage:
    """Write an image with uncompressed layers to a pipe in one pass, with nothing on disk."""
    widen_pipe(fd)
    weight = sum(source.weight for source in sources)
    report = Reporter(progress, weight)
    built: list[LayerBlob] = []
    parts: list[ArchiveMember] = []
    with (
        prefetching(sources),
        background_sizes(sources) as sizes,
        streaming_sink(lambda piece: write_all(fd, piece), weight) as sink,
    ):
        for number, (source, size) in enumerate(zip(sources, sizes, strict=True)):
            part = ArchiveMember(layer_name(number), number, size)
            write_all(fd, part.header)
            built.append(write_layer(source, _NONE, sink, LayerChecks(check, size), moved=report))
            write_all(fd, part.padding)
            parts.append(part)
    image = assemble(built)
    for part in docker_documents(image, names):
        write_all(fd, part.header + (part.content if isinstance(part.content, bytes) else b"") + part.padding)
        parts.append(part)
    write_all(fd, END)
    report.finish()
    return WrittenImage(image, DOCKER_ARCHIVE, None, archive_size(parts), tuple(names))


def _stand_ins(sources: Sequence[LayerSource], sizes: Sequence[int]) -> list[LayerBlob]:
    """Layers with the right sizes and made-up digests, all different: documents made of them have the right length."""
    digests = [Digest.of(b"layer %d" % number) for number in range(len(sources))]
    return [
        LayerBlob(Descriptor(media_types.LAYER, digest, size), digest, size, source.label)
        for source, size, digest in zip(sources, sizes, digests, strict=True)
    ]


@contextlib.contextmanager
def _placing(
    sources: Sequence[LayerSource],
    assemble: Assemble,
    fd: int,
    archive_format: str,
    names: Sequence[ImageName],
    annotations: Mapping[str, str] | None,
    workers: int,
) -> Iterator[Iterable[_LayerPosition]]:
    """The layers' places in a file that is as long as it has to be for them; the biggest first, as far as is known.

    If documents come before the layers, no position is known before all sizes are known. Otherwise the position of a
    layer is known as soon as the sizes of the earlier layers are, and layers are written while the sizes of others are
    computed.
    """
    if archive_format == DOCKER_ARCHIVE:
        with background_sizes(sources) as sizes:
            yield _places_as_known(sizes, len(sources), fd)
        return
    expected = members(assemble(_stand_ins(sources, tar_sizes(sources, workers))), archive_format, names, annotations)
    set_length(fd, archive_size(expected))
    yield sorted(_places(expected), key=lambda place: (-place.size, place.number))


def _places_as_known(sizes: BackgroundSizes, count: int, fd: int) -> Iterator[_LayerPosition]:
    known: list[tuple[int, int, _LayerPosition]] = []
    offset = number = 0
    while number < count or known:
        while number < count and (not known or sizes.ready()):
            part = ArchiveMember(layer_name(number), number, next(sizes))
            place = _LayerPosition(number, offset + len(part.header), part.size)
            heapq.heappush(known, (-place.size, number, place))
            offset = place.offset + part.size + len(part.padding)
            number += 1
        set_length(fd, offset)
        yield heapq.heappop(known)[-1]


def _places(parts: Sequence[ArchiveMember]) -> list[_LayerPosition]:
    """Where each layer is in the archive with these members."""
    places = []
    offset = 0
    for part in parts:
        offset += len(part.header)
        if isinstance(part.content, int):
            places.append(_LayerPosition(part.content, offset, part.size))
        offset += part.size + len(part.padding)
    return places


def _write_around(fd: int, parts: Sequence[ArchiveMember]) -> None:
    """Everything but the layers' bytes, at its place."""
    offset = 0
    for part in parts:
        offset += write_at(fd, part.header, offset)
        if isinstance(part.content, bytes):
            write_at(fd, part.content, offset)
        offset += part.size
        offset += write_at(fd, part.padding, offset)
    write_at(fd, END, offset)
