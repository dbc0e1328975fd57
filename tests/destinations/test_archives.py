"""Archives and layouts: the forms loaders expect, the same bytes by every way, and nothing half-written."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sysimage.blobs import BlobDirectory
from sysimage.destinations.archive import write_archive
from sysimage.destinations.layout import write_oci_layout
from sysimage.destinations.streamed_archive import stream_docker_archive, write_archive_directly
from sysimage.destinations.written_image import WrittenImage
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, MachineError, SpecError
from sysimage.image import Image, ImageConfig, ImageName, make_image
from sysimage.layers import Compression, LayerBlob, LayerSource, build_layers, layer_sizes
from sysimage.layers.tar import tar_size
from sysimage.process import run
from sysimage.rootfs import Entry
from sysimage.streams import hash_process
from tests.support.stores import make_item

NAMES = (ImageName.parse("web:1"), ImageName.parse("team/web:2"))


def assemble(layers: Sequence[LayerBlob]) -> Image:
    return make_image(ImageConfig("amd64", entrypoint=("/bin/sh",)), layers, annotations={"title": "web"})


@pytest.fixture
def sources(tmp_path: Path) -> list[LayerSource]:
    items = [make_item(tmp_path / "store", f"item-{n}", {"file": "x" * n * 700, "run": b"y"}) for n in range(4)]
    return [
        LayerSource("two", tuple(items[:2])),
        *(LayerSource(item.path.name, (item,)) for item in items[2:]),
        LayerSource("customization", (), (Entry.file("/etc/passwd", b"root:x:0:0::/:/bin/sh\n"),)),
    ]


def image_of(sources: list[LayerSource], blobs: BlobDirectory, compression: str = "none") -> Image:
    return assemble(build_layers(sources, blobs, compression=Compression.parse(compression)))


def through_a_pipe(write: Callable[[int], WrittenImage]) -> tuple[bytes, WrittenImage]:
    reading, writing = os.pipe()
    received = io.BytesIO()

    def receive() -> None:
        with open(reading, "rb") as pipe:
            shutil.copyfileobj(pipe, received)

    thread = threading.Thread(target=receive)
    thread.start()
    try:
        result = write(writing)
    finally:
        os.close(writing)
        thread.join()
    return received.getvalue(), result


def leftovers(directory: Path) -> list[str]:
    return sorted(str(path) for path in directory.rglob("*") if ".part" in path.name)


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_the_archive_has_its_members_in_the_order_that_suits_every_loader(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path, compression: str
) -> None:
    image = image_of(sources, blobs, compression)
    result = write_archive(image, [blobs], tmp_path / "web.tar", names=NAMES)

    with tarfile.open(tmp_path / "web.tar") as archive:
        names = archive.getnames()
        files = [member for member in archive if member.isfile()]
        content = {member.name: archive.extractfile(member).read() for member in files}  # type: ignore[union-attr]
        assert {(m.mtime, m.mode, m.uid, m.gid, m.uname) for m in files} == {(1, 0o644, 0, 0, "")}
        assert {(m.mtime, m.mode) for m in archive if m.isdir()} == {(1, 0o755)}
    blob_names = [f"blobs/sha256/{d.digest.hex}" for d in (image.config.descriptor, image.manifest.descriptor)]
    layer_names = [f"blobs/sha256/{layer.descriptor.digest.hex}" for layer in image.layers]
    documents = ["oci-layout", "index.json", "manifest.json"]
    assert names == [*documents, "blobs", "blobs/sha256", *blob_names, *layer_names]
    assert content["oci-layout"] == b'{"imageLayoutVersion":"1.0.0"}'
    assert json.loads(content["manifest.json"]) == [
        {"Config": blob_names[0], "Layers": layer_names, "RepoTags": ["web:1", "team/web:2"]}
    ]
    (entry,) = json.loads(content["index.json"])["manifests"]
    assert entry["digest"] == str(result.digest) == str(image.manifest.descriptor.digest)
    for name in [*blob_names, *layer_names]:
        assert name.endswith(Digest.of(content[name]).hex)
    assert result.size == (tmp_path / "web.tar").stat().st_size
    assert result.image_id == image.config.descriptor.digest


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_docker_archive_ends_with_its_documents(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path, compression: str
) -> None:
    image = image_of(sources, blobs, compression)
    write_archive(image, [blobs], tmp_path / "web.tar", archive_format="docker-archive", names=NAMES)

    with tarfile.open(tmp_path / "web.tar") as archive:
        names = archive.getnames()
        config = f"{image.config.descriptor.digest.hex}.json"
        assert names == ["0001.tar", "0002.tar", "0003.tar", "0004.tar", config, "manifest.json"]
        assert json.loads(member(archive, "manifest.json")) == [
            {"Config": config, "Layers": names[:4], "RepoTags": ["web:1", "team/web:2"]}
        ]


def test_zstd_layers_are_refused_where_a_loader_would_misread_them(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path
) -> None:
    image = image_of(sources, blobs, "zstd")

    with pytest.raises(SpecError, match="cannot write zstd layers to a docker-archive"):
        write_archive(image, [blobs], tmp_path / "web.tar", archive_format="docker-archive")
    assert not (tmp_path / "web.tar").exists()


@pytest.mark.parametrize("archive_format", ["archive", "docker-archive"])
@pytest.mark.parametrize("workers", [1, 2])
def test_writing_directly_gives_the_bytes_that_stored_blobs_give(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path, archive_format: str, workers: int
) -> None:
    stored = write_archive(
        image_of(sources, blobs), [blobs], tmp_path / "stored.tar", archive_format=archive_format, names=NAMES
    )
    direct = write_archive_directly(
        sources, assemble, tmp_path / "direct.tar", archive_format=archive_format, names=NAMES, workers=workers
    )

    assert (tmp_path / "direct.tar").read_bytes() == (tmp_path / "stored.tar").read_bytes()
    assert (direct.image, direct.size) == (stored.image, stored.size)


def member(archive: tarfile.TarFile, name: str) -> bytes:
    """The content of a file in an archive."""
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


def test_a_docker_archive_is_begun_while_sizes_are_found_out(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = image_of(sources, blobs)
    write_archive(image, [blobs], tmp_path / "stored.tar", archive_format="docker-archive")
    first = (tmp_path / "stored.tar").read_bytes()[512:][: image.layers[0].descriptor.size]
    honest = tar_size

    def written() -> bool:
        return any(first in path.read_bytes() for path in tmp_path.glob(".direct.tar.*.part"))

    def late(source: LayerSource) -> int:
        deadline = time.monotonic() + 20
        while source is sources[-1] and not written():
            assert time.monotonic() < deadline, "the first layer waits for the size of the last"
            time.sleep(0.01)
        return honest(source)

    monkeypatch.setattr(layer_sizes, "worth_a_process", lambda size: True)
    monkeypatch.setattr(layer_sizes, "tar_size", late)
    write_archive_directly(sources, assemble, tmp_path / "direct.tar", archive_format="docker-archive", workers=2)
    assert (tmp_path / "direct.tar").read_bytes() == (tmp_path / "stored.tar").read_bytes()


def test_a_stream_is_the_file(sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path) -> None:
    image = image_of(sources, blobs)
    write_archive(image, [blobs], tmp_path / "a.tar", names=NAMES)
    write_archive(image, [blobs], tmp_path / "d.tar", archive_format="docker-archive", names=NAMES)

    data, result = through_a_pipe(lambda fd: write_archive(image, [blobs], fd, names=NAMES))
    assert data == (tmp_path / "a.tar").read_bytes()
    assert (result.size, result.path) == (len(data), None)

    data, result = through_a_pipe(lambda fd: stream_docker_archive(sources, assemble, fd, names=NAMES))
    assert data == (tmp_path / "d.tar").read_bytes()
    assert (result.size, result.path, result.image) == (len(data), None, image)


def test_standard_output_may_be_a_file_that_is_appended_to(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path
) -> None:
    image = image_of(sources, blobs)
    write_archive(image, [blobs], tmp_path / "a.tar")
    fd = os.open(tmp_path / "appended", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, b"before")
    write_archive(image, [blobs], fd)
    os.close(fd)

    assert (tmp_path / "appended").read_bytes() == b"before" + (tmp_path / "a.tar").read_bytes()


def test_a_stream_that_another_process_hashes_is_the_same(
    sources: list[LayerSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, described = through_a_pipe(lambda fd: stream_docker_archive(sources, assemble, fd))
    monkeypatch.setattr(hash_process, "worth_a_process", lambda size: True)
    data, result = through_a_pipe(lambda fd: stream_docker_archive(sources, assemble, fd))

    assert data == here
    assert result == described


@pytest.mark.parametrize("elsewhere", [False, True])
def test_streaming_opens_each_file_once_and_writes_nothing_to_disk(
    sources: list[LayerSource], monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    if elsewhere:
        monkeypatch.setattr(hash_process, "worth_a_process", lambda size: True)
    opened: list[bytes] = []
    real = os.open

    def record(path: object, flags: int, *arguments: int) -> int:
        assert flags & os.O_ACCMODE == os.O_RDONLY
        if isinstance(path, bytes):
            opened.append(path)
        return real(path, flags, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", record)
    through_a_pipe(lambda fd: stream_docker_archive(sources, assemble, fd))

    assert len(opened) == len(set(opened)) == 8


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_a_layout_holds_the_image_and_nothing_else(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path, compression: str
) -> None:
    image = image_of(sources, blobs, compression)
    result = write_oci_layout(image, [blobs], tmp_path / "layout", names=NAMES, annotations={"i": "j"})

    own = BlobDirectory(tmp_path / "layout")
    for descriptor in (image.manifest.descriptor, *image.descriptors()):
        own.verify(descriptor)
    assert set(own.digests()) == {d.digest for d in (image.manifest.descriptor, *image.descriptors())}
    assert sorted(path.name for path in (tmp_path / "layout").iterdir()) == ["blobs", "index.json", "oci-layout"]
    assert json.loads((tmp_path / "layout/index.json").read_bytes())["annotations"] == {"i": "j"}
    assert result.size == sum(path.stat().st_size for path in (tmp_path / "layout").rglob("*") if path.is_file())
    assert own.path(image.layers[0].descriptor.digest).samefile(blobs.path(image.layers[0].descriptor.digest))


def test_a_layout_is_replaced_by_another_image_without_leftovers(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path
) -> None:
    write_oci_layout(image_of(sources, blobs), [blobs], tmp_path / "layout")
    other = image_of(sources[2:], blobs)
    write_oci_layout(other, [blobs], tmp_path / "layout")

    assert set(BlobDirectory(tmp_path / "layout").digests()) == {
        d.digest for d in (other.manifest.descriptor, *other.descriptors())
    }
    assert leftovers(tmp_path) == []


def test_a_directory_with_something_else_in_it_is_left_alone(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letter").touch()

    with pytest.raises(SpecError, match="home: it contains letter"):
        write_oci_layout(image_of(sources, blobs), [blobs], tmp_path / "home")
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["letter"]


def test_a_blob_that_has_gone_is_an_error_before_anything_is_written(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path
) -> None:
    image = image_of(sources, blobs)
    blobs.remove(image.layers[2].descriptor.digest)
    ways: tuple[Callable[[], object], ...] = (
        lambda: write_archive(image, [blobs], tmp_path / "out.tar"),
        lambda: write_oci_layout(image, [blobs], tmp_path / "out"),
    )
    for write in ways:
        with pytest.raises(IntegrityError, match=f"cannot find blob {image.layers[2].descriptor.digest}"):
            write()
    assert not (tmp_path / "out.tar").exists()
    assert not (tmp_path / "out").exists()
    assert leftovers(tmp_path) == []


def test_a_failed_build_leaves_the_old_archive_as_it_was(sources: list[LayerSource], tmp_path: Path) -> None:
    (tmp_path / "web.tar").write_text("old")
    location = sources[1].items[0].location
    assert location
    os.mkfifo(location / "pipe")

    for workers in (1, 2):
        with pytest.raises(IntegrityError):
            write_archive_directly(sources, assemble, tmp_path / "web.tar", workers=workers)
    assert (tmp_path / "web.tar").read_text() == "old"
    assert leftovers(tmp_path) == []


def test_a_file_that_grows_after_its_size_was_promised_is_an_error(
    sources: list[LayerSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = tar_size

    def grown(source: LayerSource) -> int:
        size = honest(source)
        location = source.items[0].location if source.items else None
        if location is not None:
            (location / "file").write_bytes(bytes(10_000))
        return size

    monkeypatch.setattr(layer_sizes, "tar_size", grown)
    with pytest.raises(IntegrityError, match="its files changed while they were read"):
        write_archive_directly(sources, assemble, tmp_path / "web.tar")
    assert not (tmp_path / "web.tar").exists()


def test_what_a_killed_writer_left_is_swept_by_the_next_and_the_old_file_stays(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path
) -> None:
    image = image_of(sources, blobs)
    (tmp_path / "web.tar").write_text("old")
    if (child := os.fork()) == 0:
        os.fsync = lambda fd: os._exit(1)
        write_archive(image, [blobs], tmp_path / "web.tar")
        os._exit(0)
    assert os.waitpid(child, 0)[1]
    assert (tmp_path / "web.tar").read_text() == "old"
    assert len(leftovers(tmp_path)) == 1

    write_archive(image, [blobs], tmp_path / "web.tar")
    assert leftovers(tmp_path) == []
    assert tarfile.is_tarfile(tmp_path / "web.tar")


def test_a_directory_in_the_way_of_an_archive_is_found_before_the_work(
    sources: list[LayerSource], tmp_path: Path
) -> None:
    with pytest.raises(MachineError, match="it is a directory"):
        write_archive_directly(sources, assemble, tmp_path)


def test_an_archive_that_a_symlink_leads_to_is_replaced_where_it_is(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "web.tar").symlink_to("elsewhere/real.tar")
    write_archive(image_of(sources, blobs), [blobs], tmp_path / "web.tar")

    assert (tmp_path / "web.tar").is_symlink()
    assert tarfile.is_tarfile(tmp_path / "elsewhere/real.tar")


def test_gnu_tar_unpacks_the_archive_into_a_layout(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path
) -> None:
    image = image_of(sources, blobs)
    write_archive(image, [blobs], tmp_path / "web.tar")
    (tmp_path / "out").mkdir()
    run(["tar", "-C", tmp_path / "out", "-xf", tmp_path / "web.tar"])

    for descriptor in (image.manifest.descriptor, *image.descriptors()):
        BlobDirectory(tmp_path / "out").verify(descriptor)


def test_a_pipe_in_the_place_of_the_file_is_written_to_and_stays_a_pipe(
    sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path
) -> None:
    image = image_of(sources, blobs)
    write_archive(image, [blobs], tmp_path / "a.tar")
    os.mkfifo(tmp_path / "fifo")
    received = io.BytesIO()
    thread = threading.Thread(target=lambda: received.write((tmp_path / "fifo").read_bytes()))
    thread.start()
    write_archive(image, [blobs], tmp_path / "fifo")
    thread.join()

    assert received.getvalue() == (tmp_path / "a.tar").read_bytes()
    assert (tmp_path / "fifo").is_fifo()


def test_a_device_is_not_replaced(sources: list[LayerSource], blobs: BlobDirectory, tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to(os.devnull)
    write_archive(image_of(sources, blobs), [blobs], tmp_path / "null")
    write_archive_directly(sources, assemble, tmp_path / "null")

    assert Path(os.devnull).is_char_device()
