"""A layout that cannot be written: reported with its name, and nothing but what was there is left."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.blobs import BlobDirectory, Descriptor, media_types
from sysimage.destinations.image_content import ImageContent, Referrer
from sysimage.destinations.layout import write_content_to_layout, write_oci_layout
from sysimage.errors import IntegrityError, MachineError, SpecError
from sysimage.image import EncodedDocument, Image, ImageConfig, ImageName, make_image
from sysimage.layers import Compression, LayerSource, build_layers
from sysimage.notices import listen_to_notices
from sysimage.rootfs import Entry
from tests.support.damaged import flip_a_byte
from tests.support.refusing import refuse

FULL = r"No space left on device; it needs 1 MB, and its file system has \d+ MB left"


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


def test_the_names_of_a_layout_are_on_the_disk_when_it_is_there_and_no_file_has_a_name_before_its_content(
    blobs: BlobDirectory, tmp_path: Path, disk: list[tuple[str, int]]
) -> None:
    layout = tmp_path / "layout"
    images = [image(blobs, b"one"), image(blobs, b"two")]
    for one in images:
        disk.clear()
        write_oci_layout(one, [blobs], layout)
        renamed = [(at, inode) for at, (step, inode) in enumerate(disk) if step == "renamed"]
        linked = {path.stat().st_ino for path in blobs.root.rglob("*")}
        assert len(renamed) >= 4, "layer, configuration, manifest and index at least"
        for at, inode in renamed:
            assert inode in linked or ("written out", inode) in disk[:at]
        files_and_directories = {path.stat().st_ino: path for path in (layout, *layout.rglob("*"))}
        for at, inode in renamed:
            above = files_and_directories[inode].parent.stat().st_ino
            assert ("written out", above) in disk[at:], files_and_directories[inode]


def test_what_is_in_the_way_of_a_layout_is_named(blobs: BlobDirectory, tmp_path: Path) -> None:
    made = image(blobs, b"one")
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    for name in "dbca":
        (tmp_path / "full" / name).touch()
    (tmp_path / "new").mkdir()
    (tmp_path / "new/oci-layout").write_text('{"imageLayoutVersion": "1.1.0"}')
    hint = "name a directory that does not exist yet, is empty, or is a layout"
    for name, cause, expected in (
        ("file", "it is not a directory", None),
        ("full", "it contains a, b, c and is not a layout", hint),
        ("new", "its oci-layout has no known version", hint),
    ):
        before = files(tmp_path)
        with pytest.raises(SpecError) as caught:
            write_oci_layout(made, [blobs], tmp_path / name)
        assert (caught.value.message, caught.value.hint) == (
            f"cannot write an OCI layout to {tmp_path}/{name}: {cause}",
            expected,
        )
        assert files(tmp_path) == before
    with pytest.raises(MachineError, match=rf"^cannot write {tmp_path}/none/layout: No such file or directory$"):
        write_oci_layout(made, [blobs], tmp_path / "none/layout")


def test_an_empty_directory_becomes_a_layout_and_is_named_as_the_user_says_it(
    blobs: BlobDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    written = write_oci_layout(image(blobs, b"one"), [blobs], Path("link"), names=[ImageName.parse("web:1")])
    assert (written.path, written.format, written.transfer) == (tmp_path / "link", "oci-dir", None)
    assert written.names == (ImageName.parse("web:1"),)
    assert written.size == sum(map(len, files(tmp_path / "real").values()))
    again = write_oci_layout(image(blobs, b"two"), [blobs], Path("real"), names=written.names)
    assert again.size == sum(map(len, files(tmp_path / "real").values()))
    assert files(tmp_path / "real")["oci-layout"] == b'{"imageLayoutVersion":"1.0.0"}'


def test_another_writer_is_waited_for_with_a_notice(blobs: BlobDirectory, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    write_oci_layout(image(blobs, b"one"), [blobs], layout)
    for held in (layout, tmp_path):
        other = os.open(held, os.O_RDONLY)
        fcntl.flock(other, fcntl.LOCK_EX)
        seen: list[str] = []

        def waits(text: str, fd: int = other, seen: list[str] = seen) -> None:
            seen.append(text)
            os.close(fd)

        with listen_to_notices(waits):
            write_oci_layout(image(blobs, b"two"), [blobs], layout)
        assert seen == [f"waiting for another build that writes to {held}"]


def test_what_a_killed_writer_did_not_finish_is_removed_by_the_next(blobs: BlobDirectory, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    write_oci_layout(image(blobs, b"one"), [blobs], layout)
    unfinished = [
        *(tmp_path / ".layout.0123456789ab.part", layout / ".index.json.0123456789ab.part"),
        layout / "blobs/sha256/.blob.0123456789ab.part",
    ]
    for path in unfinished:
        path.touch()
    (layout / ".added.0123456789ab.part").write_text("no digest\n")
    write_oci_layout(image(blobs, b"two"), [blobs], layout)
    assert not any(path.exists() for path in unfinished)
    assert sorted(path.name for path in layout.iterdir()) == ["blobs", "index.json", "oci-layout"]


def test_a_damaged_layer_without_a_keeper_is_an_error_and_leaves_nothing(
    blobs: BlobDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = image(blobs, b"one", b"two")
    flip_a_byte(blobs.path(made.layers[1].descriptor.digest))
    refuse(monkeypatch, ["link"], errno.EXDEV)
    with pytest.raises(IntegrityError, match=str(made.layers[1].descriptor.digest)):
        write_oci_layout(made, [blobs], tmp_path / "layout")
    assert [path.name for path in tmp_path.iterdir()] == ["blobs"]


def test_a_copy_that_fails_leaves_nothing_of_what_refers_to_the_image(blobs: BlobDirectory, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    write_oci_layout(image(blobs, b"old"), [blobs], layout)
    before = files(layout)
    made = image(blobs, b"new")
    blobs.put(made.config.data, made.config.descriptor.media_type)
    subject = made.manifest.descriptor
    referrers = []
    for name in (b"an sbom", b"a signature"):
        blob = blobs.put(name, "text/plain")
        document = EncodedDocument.of({"layers": [blob.as_json()], "subject": subject.as_json()}, media_types.MANIFEST)
        referrers.append(Referrer(subject.digest, (document,), (blob,)))
    content = replace(ImageContent.of(made), referrers=tuple(referrers))

    def provide(blob: Descriptor) -> Path:
        if blob == referrers[1].blobs[0]:
            raise IntegrityError("it is damaged")
        return blobs.path(blob.digest)

    with pytest.raises(IntegrityError, match="it is damaged"):
        write_content_to_layout(content, provide, layout, {})
    assert files(layout) == before


def test_an_image_is_copied_with_what_refers_to_it_and_each_is_named_once(blobs: BlobDirectory, tmp_path: Path) -> None:
    made = image(blobs, b"one", b"two")
    config = blobs.put(made.config.data, made.config.descriptor.media_type)
    subject = made.manifest.descriptor
    sbom = blobs.put(b"an sbom", "text/plain")
    value = {"artifactType": "signature", "layers": [sbom.as_json()], "subject": subject.as_json()}
    signature = EncodedDocument.of(value, media_types.MANIFEST)
    content = replace(ImageContent.of(made), referrers=(Referrer(subject.digest, (signature,), (sbom,)),))
    layout = tmp_path / "layout"
    asked: list[Descriptor] = []

    def provide(blob: Descriptor) -> Path:
        asked.append(blob)
        return blobs.path(blob.digest)

    for _ in range(2):
        write_content_to_layout(content, provide, layout, {"org.example": "a"})
        own = BlobDirectory(layout)
        assert set(own.digests()) == {one.digest for one in (signature.descriptor, sbom, subject, *made.descriptors())}
        assert own.path(sbom.digest).read_bytes() == b"an sbom"
        named = json.loads((layout / "index.json").read_bytes())["manifests"]
        assert sorted(named, key=str) == sorted(
            [
                {**subject.as_json(), "annotations": {"org.example": "a"}},
                {**signature.descriptor.as_json(), "artifactType": "signature"},
            ],
            key=str,
        )
        assert sorted(asked, key=str) == sorted([config, sbom, *(one.descriptor for one in made.layers)], key=str)
    other = image(blobs, b"three")
    blobs.put(other.config.data, other.config.descriptor.media_type)
    write_content_to_layout(ImageContent.of(other), provide, layout, {})
    assert own.path(sbom.digest).exists(), "what refers to the old image keeps it"
    assert own.path(subject.digest).exists()
