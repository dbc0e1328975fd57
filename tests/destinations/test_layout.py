"""A layout that cannot be written: reported with its name, and nothing but what was there is left."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.blobs import BlobDirectory, media_types
from sysimage.destinations.image_content import ImageContent, Referrer
from sysimage.destinations.layout import write_content_to_layout, write_oci_layout
from sysimage.errors import MachineError
from sysimage.image import Document, Image, ImageConfig, make_image
from sysimage.layers import Compression, LayerSource, build_layers
from sysimage.rootfs import Entry
from tests.support.refusing import refuse

FULL = r"No space left on device; it needs 1 MB, and its file system has \d+ MB left"


@pytest.fixture
def blobs(tmp_path: Path) -> BlobDirectory:
    return BlobDirectory(tmp_path / "blobs")


def image(blobs: BlobDirectory, *contents: bytes) -> Image:
    sources = [LayerSource(f"{content!r}", (), (Entry.file("/file", content),)) for content in contents]
    return make_image(ImageConfig("amd64"), build_layers(sources, blobs, compression=Compression("none", 0)))


def files(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def let_the_disk_be_full_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file system is another one, so blobs are copied, and takes that many of them and of documents."""
    left = [writes]
    real = {call: getattr(os, call) for call in ("copy_file_range", "pwrite")}

    def full(call: str) -> Any:
        def write(*arguments: object, **named: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real[call](*arguments, **named)

        return write

    refuse(monkeypatch, ["link"], errno.EXDEV)
    for call in real:
        monkeypatch.setattr(os, call, full(call))


@pytest.mark.parametrize("writes", range(4))
def test_a_new_layout_on_a_full_disk_leaves_nothing(
    blobs: BlobDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    new = image(blobs, b"one", b"two")
    let_the_disk_be_full_after(writes, monkeypatch)

    with pytest.raises(
        MachineError,
        match=rf"^cannot write {tmp_path}/layout: {FULL}$",
    ):
        write_oci_layout(new, [blobs], tmp_path / "layout")
    assert [path.name for path in tmp_path.iterdir()] == ["blobs"]


@pytest.mark.parametrize("writes", range(3))
def test_a_layout_that_cannot_be_replaced_stays_as_it_was(
    blobs: BlobDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    write_oci_layout(image(blobs, b"shared", b"old"), [blobs], tmp_path / "layout")
    before = files(tmp_path / "layout")
    new = image(blobs, b"shared", b"new")
    let_the_disk_be_full_after(writes, monkeypatch)

    with pytest.raises(
        MachineError,
        match=rf"^cannot write {tmp_path}/layout: {FULL}$",
    ):
        write_oci_layout(new, [blobs], tmp_path / "layout")
    assert files(tmp_path / "layout") == before


def test_an_image_is_copied_with_what_refers_to_it_and_each_is_named_once(blobs: BlobDirectory, tmp_path: Path) -> None:
    made = image(blobs, b"one", b"two")
    blobs.put(made.config.data, made.config.descriptor.media_type)
    subject = made.manifest.descriptor
    signature = Document.of({"artifactType": "signature", "subject": subject.as_json()}, media_types.MANIFEST)
    content = replace(ImageContent.of(made), referrers=(Referrer(subject.digest, (signature,), ()),))
    layout = tmp_path / "layout"
    for _ in range(2):
        write_content_to_layout(content, lambda blob: blobs.path(blob.digest), layout, {"org.example": "a"})
        assert {Path(path).name for path in files(layout) if path.startswith("blobs/")} == {
            digest.hex
            for digest in (signature.descriptor.digest, subject.digest, *(one.digest for one in made.descriptors()))
        }
        named = json.loads((layout / "index.json").read_bytes())["manifests"]
        assert sorted(one["digest"] for one in named) == sorted([str(subject.digest), str(signature.descriptor.digest)])
