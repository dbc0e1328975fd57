"""Archives of layers that are stored already: the same bytes by every way, of layers of any length."""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import os
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sysimage.blobs import BlobDirectory
from sysimage.destinations.archive import widen_pipe, write_archive
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, MachineError
from sysimage.image import Image, ImageConfig, ImageName, make_image
from sysimage.layers import Compression, LayerSource, build_layers
from sysimage.rootfs import Entry
from tests.destinations.test_archives import leftovers, through_a_pipe
from tests.support.refusing import refuse

SIZES = [0, 100, (1 << 20) - 2048, 1 << 20, 3_500_000]
"""Of the files in the layers: less and more than a piece, and such that a layer is as long as one."""


@pytest.fixture
def image(blobs: BlobDirectory) -> Image:
    sources = [
        LayerSource(f"{number}", (), (Entry.file(f"/{number}", os.urandom(size)),)) for number, size in enumerate(SIZES)
    ]
    return make_image(ImageConfig("amd64"), build_layers(sources, blobs, compression=Compression("none", 0)))


@pytest.mark.parametrize("archive_format", ["archive", "docker-archive"])
def test_a_file_has_the_bytes_that_a_pipe_gets(
    image: Image, blobs: BlobDirectory, tmp_path: Path, archive_format: str
) -> None:
    write = partial(write_archive, image, [blobs], archive_format=archive_format)
    piped, streamed = through_a_pipe(write)
    written = write(tmp_path / "web.tar")

    assert (tmp_path / "web.tar").read_bytes() == piped
    assert written.size == streamed.size == len(piped)


@pytest.mark.parametrize("archive_format", ["archive", "docker-archive"])
def test_a_file_is_written_in_whole_pieces_except_for_its_end(
    image: Image, blobs: BlobDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive_format: str
) -> None:
    real, parts, lengths = os.pwrite, [], set()

    def noted(fd: int, data: Any, offset: int) -> int:
        parts.append((offset, len(data)))
        lengths.add(os.fstat(fd).st_size)
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", noted)
    size = write_archive(image, [blobs], tmp_path / "web.tar", archive_format=archive_format).size

    assert lengths == {size}, "it has its length from the first piece on"
    whole = size >> 20
    assert parts[:whole] == [(number << 20, 1 << 20) for number in range(whole)]
    assert len(parts) <= whole + 2, "whole pages of the last piece, and what is left"


def test_a_blob_cut_short_while_the_archive_is_written_is_reported_and_leaves_nothing(
    image: Image, blobs: BlobDirectory, tmp_path: Path
) -> None:
    last = blobs.path(image.layers[-1].descriptor.digest)

    def cut(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        last.chmod(0o600)
        os.truncate(last, 3_000_000)

    with pytest.raises(IntegrityError, match=r"cannot (find|read) "):
        write_archive(image, [blobs], tmp_path / "web.tar", progress=cut)
    assert not (tmp_path / "web.tar").exists()
    assert leftovers(tmp_path) == []


Step = tuple[str, int, int | None, str]


class Steps(list[Step]):
    """What was reported."""

    def __call__(self, stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        self.append((stage, done, total, unit))


@pytest.mark.parametrize("archive_format", ["archive", "docker-archive"])
def test_how_far_an_archive_is_is_reported_after_each_of_its_members(
    image: Image, blobs: BlobDirectory, tmp_path: Path, archive_format: str
) -> None:
    steps = Steps()
    size = write_archive(image, [blobs], tmp_path / "web.tar", archive_format=archive_format, progress=steps).size
    with tarfile.open(tmp_path / "web.tar") as archive:
        sizes = [member.size for member in archive]
    assert steps == [("archive", done, size, "bytes") for done in (*itertools.accumulate(sizes), size)]


def test_a_blob_that_has_gone_is_an_error_before_a_pipe_gets_anything(image: Image, blobs: BlobDirectory) -> None:
    blobs.remove(image.layers[-1].descriptor.digest)
    reading, writing = os.pipe()
    with pytest.raises(IntegrityError, match="cannot find blob"):
        write_archive(image, [blobs], writing)
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert pipe.read() == b""


@pytest.mark.parametrize("order", [(0, 1, 0), (0, 0, 1), (1, 0, 0, 1)])
@pytest.mark.parametrize("archive_format", ["archive", "docker-archive"])
def test_a_layer_that_an_image_has_twice_is_written_under_each_of_its_names(
    image: Image, blobs: BlobDirectory, tmp_path: Path, archive_format: str, order: tuple[int, ...]
) -> None:
    """In a layout's form it has one name, that of its digest."""
    twice = make_image(ImageConfig("amd64"), [image.layers[at] for at in order], base_layers=len(order))
    write = partial(write_archive, twice, [blobs], archive_format=archive_format, names=[ImageName("web")])
    piped, _ = through_a_pipe(write)
    write(tmp_path / "web.tar")
    assert (tmp_path / "web.tar").read_bytes() == piped
    with tarfile.open(tmp_path / "web.tar") as archive:
        members = {one.name: file.read() for one in archive if (file := archive.extractfile(one))}
        assert len(members) == len([one for one in archive if one.isfile()]), "each name is there once"
    (entry,) = json.loads(members["manifest.json"])
    assert [Digest.of(members[name]) for name in entry["Layers"]] == [one.descriptor.digest for one in twice.layers]
    assert entry["RepoTags"] == ["web:latest"]


def test_a_pipe_gets_room_for_a_whole_piece_and_other_files_stay_as_they_are(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    widen_pipe(writing)
    assert fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ) == 1 << 20
    os.close(reading)
    os.close(writing)
    with (tmp_path / "file").open("wb") as file:
        widen_pipe(file.fileno())


def test_a_full_disk_is_reported_with_the_archives_name_and_leaves_nothing(
    image: Image, blobs: BlobDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, ["pwrite"], errno.ENOSPC)
    with pytest.raises(MachineError, match=f"cannot write {tmp_path}/web.tar: No space left on device"):
        write_archive(image, [blobs], tmp_path / "web.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blobs"]


def test_every_byte_of_a_layer_is_read_once(
    image: Image, blobs: BlobDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, read = os.readv, [0]

    def counted(fd: int, buffers: Any) -> int:
        read[0] += (count := real(fd, buffers))
        return count

    monkeypatch.setattr(os, "readv", counted)
    write_archive(image, [blobs], tmp_path / "web.tar")
    assert read[0] == sum(layer.descriptor.size for layer in image.layers)
