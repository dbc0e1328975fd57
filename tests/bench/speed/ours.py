"""Our own ways, each a function that does the whole of one job; the time around the call is what counts."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sysimage.blobs import BlobDirectory
from sysimage.destinations.archive import write_archive
from sysimage.destinations.archive_format import DOCKER_ARCHIVE
from sysimage.destinations.layout import write_oci_layout
from sysimage.destinations.streamed_archive import stream_docker_archive, write_archive_directly
from sysimage.layers import (
    Check,
    Compression,
    LayerBlob,
    LayerCache,
    LayerChecks,
    LayerSource,
    build_layers,
    write_layer,
)
from sysimage.layers.prefetch import prefetching
from sysimage.process import spawn
from sysimage.store.nar import nar_hash_and_size
from sysimage.store.scan import Candidates, scan_and_hash
from sysimage.streams.sink import plain_sink
from sysimage.workers import Report, run_tasks
from tests.bench.speed.job import NAMES, NONE, Job, assemble

# ---- the limit -------------------------------------------------------------------------------------------------------


def limit(job: Job) -> None:
    """H: SHA-256 of as many bytes as the layers hold, one thread, one buffer."""
    hasher = hashlib.sha256()
    buffer = memoryview(bytes(1 << 20))
    for _ in range(job.bytes >> 20):
        hasher.update(buffer)
    hasher.update(buffer[: job.bytes & 0xFFFFF])


# ---- ours ------------------------------------------------------------------------------------------------------------


def _diff_ids(job: Job, check: Check | None = None) -> None:
    def work(number: int, report: Report) -> LayerBlob:
        return write_layer(job.sources[number], NONE, plain_sink(len), LayerChecks(check), moved=report)

    order = sorted(range(len(job.sources)), key=lambda number: -job.sources[number].weight)
    with prefetching([job.sources[number] for number in order]):
        run_tasks(order, work, job.workers, _silent)


def _silent(moved: int) -> None:
    pass


def diff_ids(job: Job) -> None:
    """All layers' diff IDs, output thrown away."""
    _diff_ids(job)


def diff_ids_nar(job: Job) -> None:
    """The same, with the items' NAR hashes from the same read."""
    _diff_ids(job, Check())


def diff_ids_nar_scan(job: Job) -> None:
    """The same, with NAR hashes and references from the same read."""
    _diff_ids(job, Check(Candidates(item.path for item in job.items)))


def docker_archive(job: Job) -> None:
    write_archive_directly(
        job.sources, assemble, job.scratch / "d.tar", archive_format=DOCKER_ARCHIVE, names=NAMES, workers=job.workers
    )


def archive(job: Job) -> None:
    write_archive_directly(job.sources, assemble, job.scratch / "a.tar", names=NAMES, workers=job.workers)


def stream(job: Job) -> None:
    """A docker-archive through a pipe to a process that throws it away."""
    reader = spawn(["dd", "of=/dev/null", "bs=1M", "status=none"], stdin=-1)
    if reader.stdin is None:
        raise RuntimeError("no pipe")
    stream_docker_archive(job.sources, assemble, reader.stdin.fileno(), names=NAMES)
    reader.stdin.close()
    reader.wait()


def _layout(job: Job, compression: str) -> None:
    blobs = BlobDirectory(job.scratch / "blobs")
    layers = build_layers(job.sources, blobs, compression=Compression.parse(compression), workers=job.workers)
    write_oci_layout(assemble(layers), [blobs], job.scratch / "layout")


def layout_none(job: Job) -> None:
    _layout(job, "none")


def layout_zstd(job: Job) -> None:
    _layout(job, "zstd:3")


def layout_gzip(job: Job) -> None:
    _layout(job, "gzip")


def one_layer_zstd(job: Job) -> None:
    """Everything in one layer: the compressor's threads have to use the cores."""
    blobs = BlobDirectory(job.scratch / "blobs")
    build_layers([LayerSource("all", tuple(job.items))], blobs, compression=Compression("zstd", 3), workers=job.workers)


def one_layer_gzip(job: Job) -> None:
    blobs = BlobDirectory(job.scratch / "blobs")
    build_layers([LayerSource("all", tuple(job.items))], blobs, compression=Compression("gzip", 1), workers=job.workers)


def _cached(job: Job) -> LayerCache:
    return LayerCache(job.scratch / "cache")


def fill_cache(job: Job) -> None:
    build_layers(job.sources, _cached(job), compression=NONE, workers=job.workers)


def nothing_changed(job: Job) -> None:
    cache = _cached(job)
    layers = build_layers(job.sources, cache, compression=NONE, workers=job.workers)
    write_oci_layout(assemble(layers), [cache.blobs], job.scratch / "layout", names=NAMES)


def one_changed(job: Job) -> None:
    """The layer in the middle has another owner, which is another layer."""
    sources = list(job.sources)
    middle = sources[len(sources) // 2]
    sources[len(sources) // 2] = LayerSource(middle.label, middle.items, uid=1)
    cache = _cached(job)
    layers = build_layers(sources, cache, compression=NONE, workers=job.workers)
    write_oci_layout(assemble(layers), [cache.blobs], job.scratch / "layout", names=NAMES)


def cached_archive(job: Job) -> None:
    """An archive from cached layers in a file."""
    cache = _cached(job)
    layers = build_layers(job.sources, cache, compression=NONE, workers=job.workers)
    write_archive(assemble(layers), [cache.blobs], job.scratch / "c.tar", names=NAMES)


def cached_stream(job: Job) -> None:
    """An archive from cached layers through a pipe."""
    cache = _cached(job)
    layers = build_layers(job.sources, cache, compression=NONE, workers=job.workers)
    reader = spawn(["dd", "of=/dev/null", "bs=1M", "status=none"], stdin=-1)
    if reader.stdin is None:
        raise RuntimeError("no pipe")
    write_archive(assemble(layers), [cache.blobs], reader.stdin.fileno(), names=NAMES)
    reader.stdin.close()
    reader.wait()


def nar_hashes(job: Job) -> None:
    def work(number: int, report: Report) -> object:
        return nar_hash_and_size(job.items[number].location or Path())

    run_tasks(range(len(job.items)), work, job.workers, _silent)


def nar_and_references(job: Job) -> None:
    candidates = Candidates(item.path for item in job.items)

    def work(number: int, report: Report) -> object:
        return scan_and_hash(job.items[number].location or Path(), candidates)

    run_tasks(range(len(job.items)), work, job.workers, _silent)
