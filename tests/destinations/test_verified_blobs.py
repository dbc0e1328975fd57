"""A layer that lost a bit in the cache: it is made again on the way, and what goes out is whole."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sysimage.blobs import BlobDirectory, Descriptor
from sysimage.blobs.file_fingerprint import FileFingerprint
from sysimage.destinations.archive import write_archive
from sysimage.destinations.layout import write_oci_layout
from sysimage.destinations.registry import PushTarget, RegistrySession
from sysimage.destinations.verified_blobs import BlobRepair, find_blob, verified_blob, verified_blobs
from sysimage.errors import IntegrityError
from sysimage.image import Image, ImageConfig, make_image
from sysimage.layers import Compression, LayerSource, build_layers
from sysimage.rootfs import Entry
from tests.destinations.pushing import push_image
from tests.destinations.registry_server import running
from tests.support.damaged import flip_a_byte
from tests.support.refusing import refuse

Writing = Callable[[Image, BlobDirectory, Path, BlobRepair | None], bytes]


class Remaker:
    """Puts blobs back as they were when it was made."""

    def __init__(self, blobs: BlobDirectory) -> None:
        self._blobs = blobs
        self._data = {digest: blobs.path(digest).read_bytes() for digest in blobs.digests()}
        self.remade: list[Descriptor] = []
        self.stamps: list[tuple[Descriptor, FileFingerprint, FileFingerprint]] = []

    def remake(self, descriptor: Descriptor) -> None:
        self.remade.append(descriptor)
        self._blobs.remove(descriptor.digest)
        self._blobs.put(self._data[descriptor.digest], descriptor.media_type)

    def linked(self, descriptor: Descriptor, before: FileFingerprint, after: FileFingerprint) -> None:
        self.stamps.append((descriptor, before, after))


@pytest.fixture
def image(blobs: BlobDirectory) -> Image:
    contents = [b"small", b"middle" * 10_000, b"large" * 500_000, b"last"]
    sources = [LayerSource(f"{data[:6]!r}", (), (Entry.file("/file", data),)) for data in contents]
    return make_image(ImageConfig("amd64"), build_layers(sources, blobs, compression=Compression("none", 0)))


def to_a_file(image: Image, blobs: BlobDirectory, place: Path, keeper: BlobRepair | None) -> bytes:
    write_archive(image, [blobs], place, keeper=keeper)
    return place.read_bytes()


def to_a_pipe(image: Image, blobs: BlobDirectory, place: Path, keeper: BlobRepair | None) -> bytes:
    reading, writing = os.pipe()
    received: list[bytes] = []

    def receive() -> None:
        with open(reading, "rb") as pipe:
            received.append(pipe.read())

    thread = threading.Thread(target=receive)
    thread.start()
    try:
        write_archive(image, [blobs], writing, keeper=keeper)
    finally:
        os.close(writing)
        thread.join()
    return received[0]


def to_a_registry(image: Image, blobs: BlobDirectory, place: Path, keeper: BlobRepair | None) -> bytes:
    with running() as registry:
        target = PushTarget.parse(f"{registry.address}/web:1")
        session = RegistrySession(target.repository)
        try:
            push_image(image, blobs, target, session, keeper=keeper)
        finally:
            session.close()
        return b"".join(data for _, data in sorted(registry.blobs["web"].items()))


WRITING: dict[str, Writing] = {"a file": to_a_file, "a pipe": to_a_pipe, "a registry": to_a_registry}


@pytest.mark.parametrize("writing", WRITING.values(), ids=WRITING)
@pytest.mark.parametrize("damaged", [[0], [3], [1, 2], [0, 1, 2, 3]])
def test_damaged_layers_are_made_again_and_the_output_is_whole(
    image: Image, blobs: BlobDirectory, tmp_path: Path, writing: Writing, damaged: list[int]
) -> None:
    keeper = Remaker(blobs)
    whole = writing(image, blobs, tmp_path / "whole.tar", None)
    for number in damaged:
        flip_a_byte(blobs.path(image.layers[number].descriptor.digest), 600)
    assert writing(image, blobs, tmp_path / "mended.tar", keeper) == whole
    assert keeper.remade == [image.layers[number].descriptor for number in damaged]


@pytest.mark.parametrize("writing", WRITING.values(), ids=WRITING)
def test_without_a_keeper_that_makes_it_again_a_damaged_layer_is_an_error(
    image: Image, blobs: BlobDirectory, tmp_path: Path, writing: Writing
) -> None:
    digest = image.layers[2].descriptor.digest
    flip_a_byte(blobs.path(digest), 600)
    with pytest.raises(IntegrityError, match=f"cannot read blob {digest}: its bytes hash to"):
        writing(image, blobs, tmp_path / "out.tar", None)
    assert not (tmp_path / "out.tar").exists()


def test_a_blob_is_taken_from_the_first_directory_that_has_one_of_its_size(
    image: Image, blobs: BlobDirectory, tmp_path: Path
) -> None:
    first, second = (layer.descriptor for layer in image.layers[:2])
    other = BlobDirectory(tmp_path / "other")
    other.link(blobs.path(first.digest), first)
    other.path(second.digest).write_bytes(b"cut short")
    assert find_blob([other, blobs], first) is other
    assert find_blob([blobs, other], first) is blobs
    assert find_blob([other, blobs], second) is blobs
    assert verified_blob([other, blobs], second) == blobs.path(second.digest)
    with pytest.raises(IntegrityError) as caught:
        find_blob([other], second)
    assert caught.value.message == f"cannot find blob {second.digest} ({second.size} bytes)"
    assert caught.value.hint == "it was removed since; build again"
    flip_a_byte(blobs.path(second.digest))
    with pytest.raises(IntegrityError, match="its bytes hash to"):
        verified_blob([blobs], second)


def test_the_places_of_any_number_of_blobs_come_in_their_order(image: Image, blobs: BlobDirectory) -> None:
    descriptors = [layer.descriptor for layer in image.layers]
    for some in (descriptors, descriptors[::-1], descriptors[:1], []):
        with verified_blobs([blobs], some) as places:
            assert list(places) == [blobs.path(one.digest) for one in some]
    with verified_blobs([blobs], descriptors) as places:
        assert next(places) == blobs.path(descriptors[0].digest), "and the others are not waited for"


def test_a_layer_that_is_gone_is_made_again_too(image: Image, blobs: BlobDirectory, tmp_path: Path) -> None:
    keeper = Remaker(blobs)
    whole = to_a_file(image, blobs, tmp_path / "whole.tar", None)
    blobs.remove(image.layers[1].descriptor.digest)
    assert to_a_file(image, blobs, tmp_path / "mended.tar", keeper) == whole


def test_a_damaged_layer_in_a_layout_makes_room_for_the_right_one(
    image: Image, blobs: BlobDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for links in (True, False):
        layout = tmp_path / f"layout-{links}"
        with pytest.MonkeyPatch.context() as patch:
            refuse(patch, ["link"], errno.EXDEV)  # a file of its own, so that damage does not reach the cache
            write_oci_layout(image, [blobs], layout)
            own = BlobDirectory(layout)
            flip_a_byte(own.path(image.layers[2].descriptor.digest), 600)
            if not links:
                write_oci_layout(image, [blobs], layout)
        write_oci_layout(image, [blobs], layout)
        for descriptor in image.descriptors():
            own.verify(descriptor)


def test_a_layer_that_is_copied_into_a_layout_is_read_and_made_again(
    image: Image, blobs: BlobDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = Remaker(blobs)
    flip_a_byte(blobs.path(image.layers[2].descriptor.digest), 600)
    refuse(monkeypatch, ["link"], errno.EXDEV)
    write_oci_layout(image, [blobs], tmp_path / "layout", keeper=keeper)
    for descriptor in image.descriptors():
        BlobDirectory(tmp_path / "layout").verify(descriptor)
    assert keeper.remade == [image.layers[2].descriptor]


def test_the_keeper_of_the_cache_is_called_for_links(image: Image, blobs: BlobDirectory, tmp_path: Path) -> None:
    keeper = Remaker(blobs)
    places = {layer.descriptor: blobs.path(layer.descriptor.digest) for layer in image.layers}
    before = {descriptor: FileFingerprint.of(place) for descriptor, place in places.items()}
    write_oci_layout(image, [blobs], tmp_path / "layout", keeper=keeper)
    assert keeper.stamps == [
        (descriptor, before[descriptor], FileFingerprint.of(place)) for descriptor, place in places.items()
    ]
    keeper.stamps.clear()
    write_oci_layout(image, [blobs], tmp_path / "layout", keeper=keeper)
    assert keeper.stamps == [], "they are there already"
