"""Archives of layers that are stored already: the same bytes by every way, of layers of any length."""

from __future__ import annotations

import errno
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sysimage.blobs import BlobDirectory
from sysimage.destinations.archive import write_archive
from sysimage.errors import IntegrityError, MachineError
from sysimage.image import Image, ImageConfig, make_image
from sysimage.layers import Compression, LayerSource, build_layers
from sysimage.rootfs import Entry
from tests.destinations.test_archives import leftovers, through_a_pipe
from tests.support.refusing import refuse

SIZES = [0, 100, (1 << 20) - 2048, 1 << 20, 3_500_000]
"""Of the files in the layers: less and more than a piece, and such that a layer is as long as one."""


@pytest.fixture
def blobs(tmp_path: Path) -> BlobDirectory:
    return BlobDirectory(tmp_path / "blobs")


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
def test_a_file_is_written_in_whole_pieces_but_for_its_end(
    image: Image, blobs: BlobDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive_format: str
) -> None:
    real, parts = os.pwrite, []

    def noted(fd: int, data: Any, offset: int) -> int:
        parts.append((offset, len(data)))
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", noted)
    size = write_archive(image, [blobs], tmp_path / "web.tar", archive_format=archive_format).size

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
