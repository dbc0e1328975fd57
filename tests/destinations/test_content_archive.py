"""All that a name leads to, as an archive: every document and blob once, and one image for Docker's older loader."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sysimage.blobs import BlobDirectory, Descriptor, media_types
from sysimage.destinations.content_archive import write_content_archive
from sysimage.destinations.image_content import ImageContent, Referrer
from sysimage.digest import Digest
from sysimage.image import EncodedDocument, ImageConfig, make_image
from sysimage.layers import Compression, LayerSource, build_layers
from sysimage.rootfs import Entry
from tests.destinations.test_archives import through_a_pipe

OCTETS = "application/octet-stream"


class Parts:
    """Documents and blobs of images that are put together by hand."""

    def __init__(self, place: Path) -> None:
        self.own = BlobDirectory(place)

    def blob(self, data: bytes, media_type: str = OCTETS) -> Descriptor:
        return self.own.put(data, media_type)

    def image(self, name: str, config_type: str = media_types.CONFIG) -> tuple[EncodedDocument, list[Descriptor]]:
        blobs = [self.blob(f"config of {name}".encode(), config_type), self.blob(f"layer of {name}".encode() * 200)]
        config, layer = (blob.as_json() for blob in blobs)
        return EncodedDocument.of({"config": config, "layers": [layer]}, media_types.MANIFEST), blobs

    def provide(self, blob: Descriptor) -> Path:
        return self.own.path(blob.digest)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path / "own")


def index_of(*entries: tuple[EncodedDocument, str | None]) -> EncodedDocument:
    manifests = []
    for document, platform in entries:
        entry = document.descriptor.as_json()
        if platform is not None:
            entry["platform"] = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
        manifests.append(entry)
    return EncodedDocument.of({"schemaVersion": 2, "manifests": manifests}, media_types.INDEX)


def content_of(documents: Sequence[EncodedDocument], blobs: Sequence[Descriptor]) -> ImageContent:
    return ImageContent(tuple(documents), tuple(blobs), frozenset())


def members(data: bytes) -> dict[str, bytes]:
    """Name and bytes of each member, in their order."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = [(one.name, archive.extractfile(one)) for one in archive]
    return {name: file.read() if file is not None else b"" for name, file in found}


def written(parts: Parts, content: ImageContent, place: Path, **options: Any) -> dict[str, bytes]:
    size = write_content_archive(content, parts.provide, place, annotations={"n": "web"}, **options)
    assert size == place.stat().st_size
    return members(place.read_bytes())


def name_of(what: EncodedDocument | Descriptor) -> str:
    descriptor = what.descriptor if isinstance(what, EncodedDocument) else what
    return f"blobs/sha256/{descriptor.digest.hex}"


def test_documents_come_before_blobs_and_parents_before_children(parts: Parts, tmp_path: Path) -> None:
    (arm, arm_blobs), (amd, amd_blobs) = parts.image("arm"), parts.image("amd")
    root = index_of((arm, "linux/arm64/v8"), (amd, "linux/amd64"))
    content = content_of((arm, amd, root), (*arm_blobs, *amd_blobs))
    found = written(parts, content, tmp_path / "a.tar", tags=["web:1", "web:2"])

    everything: list[EncodedDocument | Descriptor] = [root, amd, arm, *arm_blobs, *amd_blobs]
    entry = {**root.descriptor.as_json(), "annotations": {"n": "web"}}
    index = {"schemaVersion": 2, "mediaType": media_types.INDEX, "manifests": [entry]}
    config, *layers = map(name_of, amd_blobs)
    docker = [{"Config": config, "RepoTags": ["web:1", "web:2"], "Layers": layers}]
    assert list(found) == [
        *("oci-layout", "index.json", "manifest.json", "blobs", "blobs/sha256"),
        *map(name_of, everything),
    ]
    assert (json.loads(found["index.json"]), json.loads(found["manifest.json"])) == (index, docker)
    for what in everything:
        assert name_of(what).endswith(Digest.of(found[name_of(what)]).hex)


def test_a_pipe_gets_the_bytes_of_the_file(parts: Parts, tmp_path: Path) -> None:
    image, blobs = parts.image("x")
    content = content_of([image], blobs)
    size = write_content_archive(content, parts.provide, tmp_path / "a.tar", annotations={})
    sizes: list[int] = []

    def write(fd: int) -> Any:
        sizes.append(write_content_archive(content, parts.provide, fd, annotations={}))

    data, _ = through_a_pipe(write)
    assert data == (tmp_path / "a.tar").read_bytes()
    assert sizes == [size]


@pytest.mark.parametrize(
    ("platform", "chosen"),
    [
        ("linux/amd64", "amd"),
        ("linux/arm64", "arm"),
        ("linux/arm64/v8", "arm"),
        ("linux/arm64/v9", "arm"),
        ("linux/riscv64", None),
        ("windows/amd64", None),
    ],
)
@pytest.mark.parametrize("order", [("arm", "amd"), ("amd", "arm")])
def test_dockers_older_loader_gets_the_image_for_a_platform_or_the_first(
    parts: Parts, tmp_path: Path, platform: str, chosen: str | None, order: tuple[str, str]
) -> None:
    made, images = parts.image("how it was made")[0], {name: parts.image(name) for name in order}
    root = index_of((made, "unknown/unknown"), (images["arm"][0], "linux/arm64/v8"), (images["amd"][0], "linux/amd64"))
    documents = [made, *(image for image, _ in images.values()), root]
    content = content_of(documents, [blob for _, blobs in images.values() for blob in blobs])
    found = json.loads(written(parts, content, tmp_path / "a.tar", platform=platform)["manifest.json"])
    config, layer = map(name_of, images[chosen or order[0]][1])
    assert found == [{"Config": config, "RepoTags": [], "Layers": [layer]}]


@pytest.mark.parametrize(
    ("entry", "config_type", "is_image"),
    [
        ({}, media_types.CONFIG, True),
        ({}, media_types.DOCKER_CONFIG, True),
        ({"platform": "linux/amd64"}, media_types.CONFIG, True),
        ({"platform": {"os": "unknown", "architecture": "unknown"}}, media_types.CONFIG, False),
        ({}, "application/vnd.cncf.helm.config.v1+json", False),
    ],
)
def test_what_is_not_an_image_is_nothing_for_dockers_older_loader(
    parts: Parts, tmp_path: Path, entry: dict[str, Any], config_type: str, is_image: bool
) -> None:
    image, blobs = parts.image("x", config_type)
    manifests = [1, {**image.descriptor.as_json(), **entry}]
    root = EncodedDocument.of({"schemaVersion": 2, "manifests": manifests}, media_types.INDEX)
    found = written(parts, content_of((image, root), blobs), tmp_path / "a.tar")
    assert ("manifest.json" in found) is is_image


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"config": 1, "layers": []},
        {"config": {}, "layers": []},
        {"config": {"mediaType": media_types.CONFIG}},
        {"config": {"mediaType": media_types.CONFIG}, "layers": {}},
        {"manifests": 1},
    ],
)
def test_a_document_of_another_kind_is_written_as_it_is(parts: Parts, tmp_path: Path, value: dict[str, Any]) -> None:
    document = EncodedDocument.of(value, media_types.MANIFEST)
    found = written(parts, content_of([document], []), tmp_path / "a.tar")
    assert list(found) == ["oci-layout", "index.json", "blobs", "blobs/sha256", name_of(document)]
    assert found[name_of(document)] == document.data


def test_an_image_that_was_made_leads_to_its_manifest_and_each_blob_once(parts: Parts) -> None:
    sources = [LayerSource(name, (), (Entry.file(f"/{name}", name.encode()),)) for name in ("a", "b")]
    image = make_image(ImageConfig("amd64"), build_layers(sources, parts.own, compression=Compression("none", 0)))
    content = ImageContent.of(image)
    assert content.documents == (image.manifest,)
    assert sorted(content.blobs, key=str) == sorted(image.descriptors(), key=str)
    assert content.layers == {layer.descriptor.digest for layer in image.layers}
    assert content.inline == {image.config.descriptor.digest: image.config.data}
    assert content.size == len(image.manifest.data) + sum(blob.size for blob in image.descriptors())
    assert content.size_with_referrers == content.size
    entry = image.manifest.descriptor.as_json()
    assert content.index({}) == {"schemaVersion": 2, "mediaType": media_types.INDEX, "manifests": [entry]}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"artifactType": "a/b", "config": {"mediaType": "c/d"}}, "a/b"),
        ({"config": {"mediaType": "c/d"}}, "c/d"),
        ({"artifactType": "", "config": {"mediaType": "c/d"}}, "c/d"),
        ({"artifactType": 1}, None),
        ({"config": "c/d"}, None),
        ({}, None),
    ],
)
def test_a_referrer_is_listed_with_its_kind_and_annotations(value: dict[str, Any], kind: str | None) -> None:
    child = EncodedDocument.of({"x": 1}, media_types.MANIFEST)
    blob = Descriptor(OCTETS, Digest.of(b"blob"), 1000)
    for more in ({}, {"annotations": {"a": "b"}}, {"annotations": ["a"]}):
        root = EncodedDocument.of({**value, **more}, media_types.MANIFEST)
        referrer = Referrer(Digest.of(b"subject"), (child, root), (blob,))
        kept = more if isinstance(more.get("annotations"), dict) else {}
        assert referrer.entry == {**root.descriptor.as_json(), **({"artifactType": kind} if kind else {}), **kept}
        assert referrer.size == len(child.data) + len(root.data) + 1000
        content = ImageContent((child,), (blob,), frozenset(), {}, (referrer, referrer))
        assert content.size_with_referrers == content.size + 2 * referrer.size
