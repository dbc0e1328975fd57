"""What is measured: our own ways and the peers', each a function that does the whole of one job.

A case gets a `Job` and returns nothing; the time around the call is what counts. Everything a case needs beforehand
is done by a function of the same name in `PREPARE`, outside the time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from sysimage.blobs import BlobDirectory
from sysimage.destinations import (
    DOCKER_ARCHIVE,
    stream_docker_archive,
    write_archive,
    write_archive_directly,
    write_oci_layout,
)
from sysimage.image import Image, ImageConfig, ImageName, make_image
from sysimage.layers import Compression, LayerBlob, LayerCache, LayerSource, build_layers, tar_size, write_layer
from sysimage.layers.workers import Report, run_tasks
from sysimage.process import run, spawn
from sysimage.store import StoreItem
from sysimage.store.nar import nar_hash_and_size
from sysimage.store.scan import scan_and_hash
from tests.bench.speed.tree import layers_of

NAMES = (ImageName("bench"),)
NONE = Compression.parse("none")


@dataclass(frozen=True)
class Job:
    """One run of one case."""

    items: Sequence[StoreItem]
    scratch: Path
    """An empty directory of its own."""
    workers: int

    @cached_property
    def sources(self) -> list[LayerSource]:
        return layers_of(self.items)

    @cached_property
    def bytes(self) -> int:
        """What all layers' archives hold together."""
        return sum(tar_size(source) for source in self.sources)


def assemble(layers: Sequence[LayerBlob]) -> Image:
    return make_image(ImageConfig("amd64"), layers)


# ---- the limit -------------------------------------------------------------------------------------------------------


def limit(job: Job) -> None:
    """H: SHA-256 of as many bytes as the layers hold, one thread, one buffer."""
    hasher = hashlib.sha256()
    buffer = memoryview(bytes(1 << 20))
    for _ in range(job.bytes >> 20):
        hasher.update(buffer)
    hasher.update(buffer[: job.bytes & 0xFFFFF])


# ---- ours ------------------------------------------------------------------------------------------------------------


def diff_ids(job: Job) -> None:
    """All layers' diff IDs, output thrown away."""

    def work(number: int, report: Report) -> LayerBlob:
        return write_layer(job.sources[number], NONE, len, moved=report)

    order = sorted(range(len(job.sources)), key=lambda number: -job.sources[number].weight)
    run_tasks(order, work, job.workers, abs)


def diff_ids_checked(job: Job) -> None:
    """The same, with the items' NAR hashes proven from the same read."""
    for source in job.sources:
        write_layer(source, NONE, len, check=True)


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

    run_tasks(range(len(job.items)), work, job.workers, abs)


def nar_and_references(job: Job) -> None:
    candidates = [item.path for item in job.items]

    def work(number: int, report: Report) -> object:
        return scan_and_hash(job.items[number].location or Path(), candidates)

    run_tasks(range(len(job.items)), work, job.workers, abs)


# ---- peers -----------------------------------------------------------------------------------------------------------


class _Sink:
    """A file that hashes and counts what it is given, and hands it on if there is somewhere to."""

    def __init__(self, out: IO[bytes] | None = None) -> None:
        self.hasher = hashlib.sha256()
        self.size = 0
        self.out = out

    def write(self, data: bytes) -> int:
        self.hasher.update(data)
        self.size += len(data)
        return self.out.write(data) if self.out else len(data)


def _reset(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = 1
    return member


def _tarfile_layer(source: LayerSource, sink: _Sink) -> None:
    with tarfile.open(fileobj=sink, mode="w|") as layer:  # type: ignore[call-overload]
        for item in source.items:
            top = item.location or Path()
            for path in sorted([top, *top.rglob("*")]):
                member = _reset(layer.gettarinfo(path, arcname=str(item.path) + str(path)[len(str(top)) :]))
                if member.isreg():
                    with path.open("rb") as content:
                        layer.addfile(member, content)
                else:
                    layer.addfile(member)


def _tarfile_twice(job: Job, target: Path) -> None:
    """Every layer is archived to learn its digest and size, and archived again into the image, as nixpkgs does it."""
    with target.open("wb") as out:
        for source in job.sources:
            learned = _Sink()
            _tarfile_layer(source, learned)
            member = tarfile.TarInfo(learned.hasher.hexdigest() + "/layer.tar")
            member.size = learned.size
            out.write(member.tobuf())
            _tarfile_layer(source, _Sink(out))
            out.write(bytes(-learned.size % 512))
        out.write(bytes(1024))


def tarfile_twice(job: Job) -> None:
    _tarfile_twice(job, Path(os.devnull))


def tarfile_twice_file(job: Job) -> None:
    _tarfile_twice(job, job.scratch / "image.tar")


_TAR = "tar --format=gnu --mtime=@1 --owner=0 --group=0 --numeric-owner --sort=name"


def tar_openssl(job: Job) -> None:
    """GNU tar of everything, piped to openssl: one pass, one archive."""
    paths = " ".join(f"'{item.location}'" for item in job.items)
    run(["sh", "-c", f"{_TAR} -cPf - {paths} | openssl dgst -sha256 >/dev/null"])


def guix_like(job: Job) -> None:
    """A tar, a digest and an append per layer, as Guix makes layered images; nothing compressed."""
    image = job.scratch / "image.tar"
    run(["tar", "-cf", image, "-T", "/dev/null"])
    for number, source in enumerate(job.sources):
        layer = job.scratch / f"{number}.tar"
        places = [str(item.location) for item in source.items]
        run([*_TAR.split(), "-cPf", layer, *places])
        run(["openssl", "dgst", "-sha256", layer])
        run(["tar", "-C", job.scratch, "-rf", image, layer.name])
        layer.unlink()


def ready_tar(job: Job) -> None:
    with (job.scratch / "ready.tar").open("wb") as out:
        write_layer(LayerSource("all", tuple(job.items)), NONE, out.write)


def zstd_program(job: Job) -> None:
    run(["zstd", "-q", "-3", f"-T{job.workers}", job.scratch / "ready.tar", "-o", job.scratch / "ready.tar.zst"])


def gzip_program(job: Job) -> None:
    run(["sh", "-c", f"gzip -6n <'{job.scratch}/ready.tar' >'{job.scratch}/ready.tar.gz'"])


def image_to_convert(job: Job) -> None:
    docker_archive(job)


def skopeo_gzip(job: Job) -> None:
    """From a ready docker-archive to a gzip layout: what it costs to let skopeo do it."""
    run(["skopeo", "copy", "-q", "--insecure-policy", f"docker-archive:{job.scratch}/d.tar", f"oci:{job.scratch}/o:x"])


def umoci_insert(job: Job) -> None:
    """A layer per item group with umoci, gzip."""
    layout = job.scratch / "layout"
    run(["umoci", "init", "--layout", layout])
    run(["umoci", "new", "--image", f"{layout}:x"])
    for source in job.sources:
        for item in source.items:
            run(["umoci", "insert", "--rootless", "--image", f"{layout}:x", str(item.location), str(item.path)])


PREPARE: dict[str, Callable[[Job], None]] = {
    "nothing_changed": fill_cache,
    "one_changed": fill_cache,
    "cached_stream": fill_cache,
    "zstd_program": ready_tar,
    "gzip_program": ready_tar,
    "skopeo_gzip": image_to_convert,
}
PEERS = [
    "tarfile_twice",
    "tarfile_twice_file",
    "tar_openssl",
    "guix_like",
    "zstd_program",
    "gzip_program",
    "skopeo_gzip",
    "umoci_insert",
]
OURS = [
    "diff_ids",
    "diff_ids_checked",
    "docker_archive",
    "archive",
    "stream",
    "layout_none",
    "layout_zstd",
    "layout_gzip",
    "one_layer_zstd",
    "one_layer_gzip",
    "nothing_changed",
    "one_changed",
    "cached_stream",
    "nar_hashes",
    "nar_and_references",
]
LIKE = {
    f"{name}_alone": name
    for name in ("diff_ids", "diff_ids_checked", "nar_hashes", "nar_and_references", "layout_none")
}
"""Cases that are another one with one worker."""
CASES: dict[str, Callable[[Job], None]] = {
    "limit": limit,
    **{name: globals()[original] for name, original in LIKE.items()},
    **{name: globals()[name] for name in [*OURS, *PEERS]},
}


def clean(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
