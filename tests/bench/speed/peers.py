"""The peers' ways: what others do to make the same image, with their programs or written again as they do it."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tarfile
import threading
from pathlib import Path
from typing import IO

from sysimage.layers import LayerSource, write_layer
from sysimage.process import run
from sysimage.streams.sink import plain_sink
from tests.bench.speed.job import NONE, Job

# ---- peers -----------------------------------------------------------------------------------------------------------


class _Sink:
    """A file that hashes and counts what it is given."""

    def __init__(self) -> None:
        self.hasher = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.hasher.update(data)
        self.size += len(data)
        return len(data)


def _reset(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = 1
    return member


def _tarfile_layer(source: LayerSource, sink: _Sink | IO[bytes]) -> None:
    with tarfile.open(fileobj=sink, mode="w|") as layer:  # type: ignore[call-overload]
        for item in source.items:
            top = item.location or Path()
            for path in sorted([top, *top.rglob("*")]):
                member = _reset(layer.gettarinfo(path, arcname=str(item.path) + str(path)[len(str(top)) :]))
                if member.islnk():  # nixpkgs, too, hides which files a store has linked to one another
                    member.type, member.linkname, member.size = tarfile.REGTYPE, "", path.lstat().st_size
                if member.isreg():
                    with path.open("rb") as content:
                        layer.addfile(member, content)
                else:
                    layer.addfile(member)


def _tarfile_twice(job: Job, target: Path) -> None:
    """Every layer is archived to learn its digest and size, and archived again into the image, through a pipe from
    another thread: as nixpkgs does it."""
    with target.open("wb") as out, tarfile.open(fileobj=out, mode="w|") as image:
        for source in job.sources:
            learned = _Sink()
            _tarfile_layer(source, learned)
            member = tarfile.TarInfo(learned.hasher.hexdigest() + "/layer.tar")
            member.size = learned.size
            read_end, write_end = os.pipe()
            with open(read_end, "rb") as reader, open(write_end, "wb") as writer:

                def produce(source: LayerSource = source, writer: IO[bytes] = writer) -> None:
                    _tarfile_layer(source, writer)
                    writer.close()

                threading.Thread(target=produce).start()
                image.addfile(member, reader)


def tarfile_twice(job: Job) -> None:
    _tarfile_twice(job, Path(os.devnull))


def tarfile_twice_file(job: Job) -> None:
    _tarfile_twice(job, job.scratch / "image.tar")


def _nixpkgs(job: Job, target: Path) -> None:
    if job.nixpkgs_script is None:
        raise RuntimeError("no script was named")
    last = job.scratch / "last"
    last.mkdir()
    (last / "layer.tar").write_bytes(bytes(10240))
    (last / "checksum").write_text(hashlib.sha256(bytes(10240)).hexdigest())
    layers = [[str(item.location) for item in source.items] for source in job.sources]
    said: dict[str, object] = {
        "architecture": "amd64", "config": {}, "created": "1970-01-01T00:00:01+00:00", "customisation_layer": str(last),
        "from_image": None, "gid": 0, "gname": "root", "mtime": "1970-01-01T00:00:01+00:00", "repo_tag": "bench:latest",
        "store_dir": "/", "store_layers": layers, "uid": 0, "uname": "root",
    }  # fmt: skip
    (job.scratch / "conf.json").write_text(json.dumps(said))
    command = '"$0" "$1" "$2" >"$3" 2>/dev/null'
    run(["sh", "-c", command, sys.executable, job.nixpkgs_script, job.scratch / "conf.json", target])


def nixpkgs_script(job: Job) -> None:
    """nixpkgs' own stream_layered_image.py, output thrown away."""
    _nixpkgs(job, Path(os.devnull))


def nixpkgs_script_file(job: Job) -> None:
    """The same, into a file."""
    _nixpkgs(job, job.scratch / "image.tar")


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
        write_layer(LayerSource("all", tuple(job.items)), NONE, plain_sink(out.write))


def zstd_program(job: Job) -> None:
    run(["zstd", "-q", "-3", f"-T{job.workers}", job.scratch / "ready.tar", "-o", job.scratch / "ready.tar.zst"])


def gzip_9(job: Job) -> None:
    """What Guix adds to its archive: gzip -9n of the whole."""
    run(["sh", "-c", f"gzip -9n <'{job.scratch}/ready.tar' >'{job.scratch}/ready.tar.gz'"])


def gzip_program(job: Job) -> None:
    run(["sh", "-c", f"gzip -6n <'{job.scratch}/ready.tar' >'{job.scratch}/ready.tar.gz'"])


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


def buildah_copy(job: Job) -> None:
    """Everything copied into one layer and committed, uncompressed, by buildah."""
    places = " ".join(f"'{item.location}'" for item in job.items)
    buildah = f"buildah --root '{job.scratch}/root' --runroot '{job.scratch}/run' --storage-driver vfs"
    made = f"{buildah} copy --quiet $name {places} /gnu/store/"
    into = f"dir:{job.scratch}/image"
    run(
        ["sh", "-ec", f"name=$({buildah} from scratch); {made}; {buildah} commit -q --disable-compression $name {into}"]
    )
