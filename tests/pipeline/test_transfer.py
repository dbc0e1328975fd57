"""Images are brought from place to place byte for byte, with all that they have, and only what is missing moves."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.api import copy, inspect, push, tags, verify
from sysimage.api.copying import target_of
from sysimage.api.settings import Settings
from sysimage.blobs import BlobDirectory, Descriptor, media_types
from sysimage.cli.main import main
from sysimage.destinations.registry import Registries
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, SpecError
from sysimage.image import EncodedDocument
from sysimage.pipeline.image_places import FoundImage
from sysimage.pipeline.transfer import IntoArchive, IntoLayout, copy_image
from tests.destinations.registry_server import Handler, Registry, running
from tests.support.documents import read_document
from tests.support.images import BuiltImage, build_image
from tests.support.loading import engine_into, read_member


@pytest.fixture(scope="module")
def archive(small: BuiltImage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.archive(tmp_path_factory.mktemp("archive") / "small.tar")


def two_platforms(small: BuiltImage, directory: Path) -> Path:
    """A layout whose one entry is an index of two images, which share all layers but have other configurations."""
    small.layout(directory)
    blobs = BlobDirectory(directory)
    config = small.image.config.value
    other = EncodedDocument.of({**config, "architecture": "arm64"}, media_types.CONFIG)
    manifest = EncodedDocument.of(
        {**small.image.manifest.value, "config": other.descriptor.as_json()}, media_types.MANIFEST
    )
    for document in (other, manifest):
        blobs.put(document.data, document.descriptor.media_type)
    entries = [
        {**one.descriptor.as_json(), "platform": {"os": "linux", "architecture": architecture}}
        for one, architecture in ((small.image.manifest, "amd64"), (manifest, "arm64"))
    ]
    nested = EncodedDocument.of(
        {"schemaVersion": 2, "mediaType": media_types.INDEX, "manifests": entries}, media_types.INDEX
    )
    blobs.put(nested.data, media_types.INDEX)
    index = {"schemaVersion": 2, "mediaType": media_types.INDEX, "manifests": [nested.descriptor.as_json()]}
    (directory / "index.json").write_text(json.dumps(index))
    return directory


def test_an_image_goes_round_through_every_kind_of_place_unchanged(
    registry: Registry, small: BuiltImage, archive: Path, tmp_path: Path
) -> None:
    digest = small.image.manifest.descriptor.digest
    there = f"{registry.address}/team/small:1"
    steps = [str(archive), there, f"{tmp_path}/layout/", f"{registry.address}/other/small:2", f"{tmp_path}/back.tar"]
    for source, target in itertools.pairwise(steps):
        assert copy(source, target).digest == digest, (source, target)
        assert inspect(target).digest == digest
    assert verify(tmp_path / "back.tar").items == len(small.closure)
    assert verify(tmp_path / "layout").items == len(small.closure)


def test_a_push_says_what_moved(registry: Registry, small: BuiltImage, archive: Path) -> None:
    name = f"{registry.address}/team/small"
    first = push(archive, [f"{name}:1"])
    assert [(one.names, one.sent == one.size, one.layers_there) for one in first.transfers] == [
        ((f"{name}:1",), True, 0)
    ]
    registry.requests.clear()
    again = push(archive, [f"{name}:1", f"{name}:2"])
    (moved,) = again.transfers
    assert (moved.sent, moved.layers_there) == (len(small.image.manifest.data), moved.layers)
    assert [line.split()[0] for line in registry.requests] == ["GET", "GET", "PUT"]
    assert tags(name) == ("1", "2")


def test_blobs_of_a_sister_repository_are_mounted(registry: Registry, archive: Path) -> None:
    push(archive, [f"{registry.address}/team/small:1"])
    registry.requests.clear()
    moved = push(f"{registry.address}/team/small:1", [f"{registry.address}/else/small:1"]).transfers[0]
    assert moved.layers_there == moved.layers
    assert registry.blobs["else/small"] == registry.blobs["team/small"]
    assert not any("GET" in line and "/blobs/" in line for line in registry.requests), "nothing is fetched for it"


def test_an_index_goes_with_all_its_platforms_or_with_one(
    registry: Registry, small: BuiltImage, tmp_path: Path
) -> None:
    layout = two_platforms(small, tmp_path / "layout")
    name = f"{registry.address}/team/small:1"
    done = copy(layout, name)
    assert registry.media_types[str(done.digest)] == media_types.INDEX
    for platform in ("linux/amd64", "linux/arm64"):
        assert inspect(name, platform=platform).config.architecture == platform.partition("/")[2]
    assert copy(name, tmp_path / "all.tar").digest == done.digest
    assert inspect(tmp_path / "all.tar", platform="linux/arm64").config.architecture == "arm64"
    with pytest.raises(IntegrityError, match="does not hold one image"):
        inspect(tmp_path / "all.tar")
    one = copy(name, tmp_path / "one.tar", platform="linux/arm64")
    assert one.digest == inspect(name, platform="linux/arm64").digest
    assert inspect(tmp_path / "one.tar").config.architecture == "arm64"


def test_a_docker_archive_gets_the_manifest_that_it_lacks(
    registry: Registry, small: BuiltImage, tmp_path: Path
) -> None:
    plain = build_image(tmp_path / "work", compression="none")
    old = plain.archive(tmp_path / "old.tar", "docker-archive")
    done = push(old, [f"{registry.address}/team/old:1"])
    found = inspect(f"{registry.address}/team/old:1")
    assert (found.digest, found.image_id) == (done.digest, plain.image.config.descriptor.digest)
    assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in plain.image.layers]
    copy(old, f"{tmp_path}/layout/")
    made = json.loads(BlobDirectory(tmp_path / "layout").path(done.digest).read_text())
    assert (made["schemaVersion"], made["mediaType"]) == (2, media_types.MANIFEST)
    assert inspect(tmp_path / "layout").names == inspect(old).names != ()


def test_a_layout_keeps_its_other_images_and_what_refers_to_them(
    small: BuiltImage, archive: Path, tmp_path: Path
) -> None:
    layout = tmp_path / "images"
    small.layout(layout)
    blobs = BlobDirectory(layout)
    subject = small.image.manifest.descriptor.as_json()
    sbom = blobs.put(b"{}", "application/spdx+json")
    referrer = EncodedDocument.of(
        {
            "schemaVersion": 2,
            "mediaType": media_types.MANIFEST,
            "config": sbom.as_json(),
            "layers": [],
            "subject": subject,
        },
        media_types.MANIFEST,
    )
    blobs.put(referrer.data, media_types.MANIFEST)
    index = json.loads((layout / "index.json").read_text())
    tagged = {**index["manifests"][0], "annotations": {"org.opencontainers.image.ref.name": "by-umoci"}}
    index["manifests"] += [referrer.descriptor.as_json(), tagged]
    (layout / "index.json").write_text(json.dumps(index))

    other = build_image(tmp_path / "work", max_layers=3)
    copy(other.archive(tmp_path / "other.tar"), f"{layout}:new")
    entries = json.loads((layout / "index.json").read_text())["manifests"]
    assert entries[:3] == index["manifests"]
    assert entries[3]["annotations"] == {"org.opencontainers.image.ref.name": "new"}
    for called, image in (("new", other), ("by-umoci", small), ("1.0", small)):
        assert verify(f"{layout}:{called}").digest == image.image.manifest.descriptor.digest
    blobs.verify(sbom)


def test_a_damaged_source_is_not_brought_anywhere(registry: Registry, small: BuiltImage, tmp_path: Path) -> None:
    layout = small.layout(tmp_path / "layout")
    place = BlobDirectory(layout).path(small.image.layers[0].descriptor.digest)
    data = bytearray(place.read_bytes())
    data[100] ^= 1
    place.unlink()
    place.write_bytes(data)
    with pytest.raises(IntegrityError, match="its bytes hash to"):
        copy(layout, f"{registry.address}/team/small:1")
    assert registry.manifests == {}
    with pytest.raises(IntegrityError):
        copy(layout, tmp_path / "copy.tar")
    assert not (tmp_path / "copy.tar").exists()


class InPages(Handler):
    """Two tags a page, with a relative link to the next."""

    def route(self, path: str, query: dict[str, str], body: bytes) -> None:
        if path.endswith("/tags/list"):
            every = [f"1.{number}" for number in range(5)]
            rest = every[every.index(query["last"]) + 1 :] if "last" in query else every
            link = {"Link": f'<{path}?n=2&last={rest[1]}>; rel="next"'} if len(rest) > 2 else {}
            self.answer(200, json.dumps({"name": "x", "tags": rest[:2]}).encode(), **link)
        else:
            super().route(path, query, body)


def test_tags_come_from_all_pages(capsys: pytest.CaptureFixture[str]) -> None:
    with running(InPages) as registry:
        assert tags(f"{registry.address}/team/web") == tuple(f"1.{number}" for number in range(5))
        assert main(["tags", f"{registry.address}/team/web"]) == 0
    assert capsys.readouterr().out.split() == [f"1.{number}" for number in range(5)]


def test_a_target_is_what_its_name_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()

    def kind(text: str) -> Any:
        return type(target_of(text, Settings())).__name__

    for text, expected in {
        "docker:": "Engine",
        "web.tar": "IntoArchive",
        "dist/web.oci.tar": "IntoArchive",
        "here": "IntoLayout",
        "new/": "IntoLayout",
        "here:1.0": "IntoLayout",
        "oci:new:1.0": "IntoLayout",
        "oci:new": "IntoLayout",
        "images:web": "IntoLayout",
        "images/:web": "IntoLayout",
        "images:web.tar": "IntoArchive",
        "host.test/web:1": "PushTarget",
        "docker://team/web": "PushTarget",
        "localhost:5000/web": "PushTarget",
    }.items():
        assert kind(text) == expected, text
    assert target_of("oci:images:team/web:1.4", Settings()) == IntoLayout(Path("images"), "team/web:1.4")
    (tmp_path / "docker").mkdir()
    assert target_of("docker:web", Settings()) == IntoLayout(Path("docker"), "web"), "what is there counts"
    with pytest.raises(SpecError, match="an image keeps its own name"):
        target_of("podman:web:1.4", Settings())


def test_what_cannot_be_copied_is_an_error(registry: Registry, archive: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="it is also an input"):
        copy(archive, archive)
    with pytest.raises(SpecError, match="names no registry"):
        push(archive, ["team/web:1"])
    with pytest.raises(SpecError, match="the registry has no such image"):
        copy(f"{registry.address}/team/none:1", tmp_path / "x.tar")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes").touch()
    with pytest.raises(SpecError, match="is not a layout"):
        copy(archive, tmp_path / "full")


def test_the_verbs_print_what_moved(registry: Registry, archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"{registry.address}/team/small:1"
    assert main(["push", "--progress", "quiet", str(archive), name]) == 0
    assert f"{name}: sent " in capsys.readouterr().out
    assert main(["push", "--json", "--progress", "quiet", str(archive), name]) == 0
    said = read_document(capsys.readouterr().out)
    assert said["pushed"][0]["sent_size"] == 0
    assert (said["source"], said["targets"]) == (str(archive), [name])
    assert main(["copy", "--progress", "quiet", name, f"{registry.address}/team/small:2"]) == 0
    assert "all layers were there" in capsys.readouterr().out
    others = [f"{registry.address}/team/small:3", f"{registry.address}/other/small:1"]
    assert main(["push", "--json", "--progress", "quiet", name, *others]) == 0
    said = read_document(capsys.readouterr().out)
    assert (said["source"], said["targets"]) == (name, others)
    file = str(archive.with_name("copied.tar"))
    assert main(["copy", "--json", "--progress", "quiet", name, file]) == 0
    said = read_document(capsys.readouterr().out)
    assert (said["source"], said["targets"], said["pushed"]) == (name, [file], [])


@pytest.mark.parametrize(
    ("said", "tags"),
    [
        ({"ref.name": "host.test/team/web:1.4"}, ["host.test/team/web:1.4"]),
        ({"ref.name": "1.4"}, []),
        ({"ref.name": "1.4", "containerd": "host.test/web:2"}, ["host.test/web:2"]),
        ({"ref.name": "NO:NAME"}, []),
        ({}, []),
    ],
)
def test_an_engine_gets_the_image_of_the_host_by_the_name_that_it_has(
    said: dict[str, str], tags: list[str], small: BuiltImage, tmp_path: Path
) -> None:
    """Podman says the whole name where a tag belongs."""
    keys = {"ref.name": "org.opencontainers.image.ref.name", "containerd": "io.containerd.image.name"}
    layout, loaded = two_platforms(small, tmp_path / "layout"), tmp_path / "loaded.tar"
    index = json.loads((layout / "index.json").read_text())
    index["manifests"][0]["annotations"] = {"other": "x", **{keys[key]: value for key, value in said.items()}}
    (layout / "index.json").write_text(json.dumps(index))
    done = copy_image(FoundImage(layout), engine_into(loaded), Registries(), host="linux/arm64")
    blobs = BlobDirectory(layout)
    manifest = json.loads(blobs.path(done.digest).read_text())["manifests"][1]["digest"]
    config = json.loads(blobs.path(Digest.parse(manifest)).read_text())["config"]["digest"]
    (old,) = json.loads(read_member(loaded, "manifest.json"))
    assert (old["RepoTags"], old["Config"]) == (tags, f"blobs/sha256/{Digest.parse(config).hex}")


@pytest.mark.parametrize("kind", [media_types.DOCKER_MANIFEST, None])
def test_an_image_of_one_platform_is_of_the_kind_that_its_manifest_has(
    kind: str | None, small: BuiltImage, tmp_path: Path
) -> None:
    layout = small.layout(tmp_path / "layout")
    value = {key: one for key, one in small.image.manifest.value.items() if key != "mediaType"}
    manifest = EncodedDocument.of({**value, **({"mediaType": kind} if kind else {})}, kind or media_types.MANIFEST)
    entry = {**manifest.descriptor.as_json(), "platform": {"os": "linux", "architecture": "amd64"}}
    BlobDirectory(layout).put(manifest.data, media_types.MANIFEST)
    index = {"schemaVersion": 2, "mediaType": media_types.INDEX, "manifests": [entry]}
    (layout / "index.json").write_text(json.dumps(index))
    copy(layout, f"{tmp_path}/copied/", platform="linux/amd64")
    (copied,) = json.loads((tmp_path / "copied/index.json").read_text())["manifests"]
    assert copied["mediaType"] == (kind or media_types.MANIFEST)
    assert copied["digest"] == str(manifest.descriptor.digest)


def test_a_copy_is_not_written_over_what_is_read_or_is_not_a_file(
    small: BuiltImage, archive: Path, tmp_path: Path
) -> None:
    layout = small.layout(tmp_path / "layout")
    with pytest.raises(SpecError, match="it is also an input"):
        copy(layout, layout / "index.json")
    with pytest.raises(SpecError, match="it is a directory"):
        copy_image(FoundImage(archive), IntoArchive(tmp_path), Registries())


def test_a_descriptor_of_other_length_is_refused(small: BuiltImage, tmp_path: Path) -> None:
    layout = small.layout(tmp_path / "layout")
    index = json.loads((layout / "index.json").read_text())
    index["manifests"][0]["size"] += 1
    (layout / "index.json").write_text(json.dumps(index))
    with pytest.raises(IntegrityError, match="is not what its descriptor says"):
        copy(layout, tmp_path / "copy.tar")
    assert Descriptor.parse(index["manifests"][0]).size > 0
