"""Which of several images a name means, in both forms, and what the image found is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.verify import inspect_image, verify_image
from tests.support.raw_image import (
    INDEX,
    MANIFEST,
    RawImage,
    blob_name,
    descriptor,
    dump,
    sha256,
    write_archive,
    write_directory,
)
from tests.support.raw_tar import archive, file

NAME = "io.containerd.image.name"
REF = "org.opencontainers.image.ref.name"


def made(number: int, names: dict[str, str]) -> RawImage:
    image = RawImage(archive(file(b"f%d" % number)))
    image.descriptor_changes = {"annotations": names}
    return image


def layout_of(images: list[RawImage], place: Path) -> Path:
    """One directory with all of them."""
    files: dict[str, bytes] = {}
    entries = []
    for image in images:
        documents = image.layout()
        entries.append(documents["index.json"].partition(b'"manifests": [')[2].rpartition(b"]")[0])
        files |= documents
    files["index.json"] = b'{"schemaVersion": 2, "manifests": [' + b", ".join(entries) + b"]}"
    return write_directory(files, place)


def docker_archive_of(images: list[RawImage], tags: list[list[str]], place: Path) -> Path:
    """Docker's own form, with the layers beside each other."""
    files: dict[str, bytes] = {}
    entries = []
    for number, (image, names) in enumerate(zip(images, tags, strict=True)):
        documents = image.docker_archive()
        config = next(name for name in documents if name.endswith(".json") and name != "manifest.json")
        files |= {config: documents[config], f"{number}/layer.tar": documents["0.tar"]}
        entries.append({"Config": config, "RepoTags": names, "Layers": [f"{number}/layer.tar"]})
    return write_archive({**files, "manifest.json": dump(entries)}, place)


@pytest.mark.parametrize("others", [0, 1, 2])
def test_a_name_chooses_where_there_are_several(others: int, tmp_path: Path) -> None:
    images = [made(number, {NAME: f"docker.io/library/web:{number}", REF: str(number)}) for number in range(1 + others)]
    layout = layout_of(images, tmp_path / "layout")
    docker = docker_archive_of(images, [[f"web:{number}"] for number in range(1 + others)], tmp_path / "a.tar")
    ids = [Digest.of(dump(image.config)) for image in images]
    for path in (layout, docker):
        for number, image_id in enumerate(ids):
            found = inspect_image(path, name=f"web:{number}")
            assert (found.names, found.image_id) == ((f"web:{number}",), image_id)
            assert inspect_image(path, name=str(number)) == found, "its tag alone"
            assert inspect_image(path, name=str(found.digest or image_id)) == found, "its digest"
            assert inspect_image(path, name=f"localhost/web:{number}").image_id == found.image_id
        if others:
            with pytest.raises(IntegrityError, match=r"does not name .*'web:9', but: "):
                inspect_image(path, name="web:9")
            with pytest.raises(IntegrityError, match=r"say which, as (DIR|FILE):TAG"):
                inspect_image(path)
        else:
            assert inspect_image(path, name="web:9") == inspect_image(path), "what there is needs no name"


def test_a_name_without_a_tag_means_latest_unless_a_file_has_the_name(tmp_path: Path) -> None:
    images = [made(1, {REF: "web"}), made(2, {NAME: "web:latest"}), made(3, {NAME: "db:latest"})]
    path = layout_of(images, tmp_path / "layout")
    ids = [Digest.of(dump(image.config)) for image in images]
    assert [inspect_image(path, name=name).image_id for name in ("web", "web:latest", "db")] == ids


def test_names_are_sorted_whatever_order_they_were_given_in(tmp_path: Path) -> None:
    tags = ["web:2", "docker.io/library/web:1", "web:10", "a:1"]
    found = inspect_image(docker_archive_of([made(1, {})], [tags], tmp_path / "a.tar"))
    assert found.names == tuple(sorted(tags))
    assert inspect_image(docker_archive_of([made(1, {})], [[]], tmp_path / "b.tar")).names == ()


def test_one_image_under_several_names_is_one(tmp_path: Path) -> None:
    path = layout_of([made(1, {REF: "a"}), made(1, {REF: "b"})], tmp_path / "layout")
    assert inspect_image(path).names == ("a",)
    assert inspect_image(path, name="b").names == ("b",)


def test_the_platform_is_what_the_index_calls_it_with_a_variant_or_without(tmp_path: Path) -> None:
    images = []
    for number, (architecture, variant) in enumerate([("amd64", ""), ("arm", "v7"), ("arm", "v6"), ("arm64", "")]):
        image = made(number, {})
        platform = {"os": "linux", "architecture": architecture, **({"variant": variant} if variant else {})}
        image.config |= platform
        image.descriptor_changes = {"platform": platform}
        images.append(image)
    path = layout_of(images, tmp_path / "layout")
    chosen = ["linux/amd64", "linux/arm/v7", "linux/arm/v6", "linux/arm64"]
    assert [inspect_image(path, platform=platform).config.platform for platform in chosen] == chosen
    assert inspect_image(path, platform="linux/arm64/v8").config.platform == "linux/arm64", "an index may leave it out"
    for ambiguous in ("linux/arm", "linux/arm/v5", "linux"):
        with pytest.raises(IntegrityError, match="does not hold an image for"):
            inspect_image(path, platform=ambiguous)
    with pytest.raises(IntegrityError, match="say which, with --platform"):
        inspect_image(path)


def test_a_descriptor_of_no_known_type_is_not_an_image(tmp_path: Path) -> None:
    signature = made(2, {})
    signature.descriptor_changes = {"mediaType": "application/vnd.example+json"}
    one = made(1, {})
    alone = Digest.of(dump(one.config))
    assert inspect_image(layout_of([one, signature], tmp_path / "layout")).image_id == alone
    subject = made(3, {})
    subject.manifest_changes = {"subject": {"mediaType": MANIFEST, "digest": "sha256:" + "0" * 64, "size": 1}}
    assert inspect_image(layout_of([one, subject], tmp_path / "attached")).image_id == alone


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_an_archive_of_several_platforms_has_dockers_form_for_one_of_them(depth: int, tmp_path: Path) -> None:
    """Whichever is chosen, and however deep its index is; one of an image that is not there is a contradiction."""
    images = []
    for number, architecture in enumerate(("amd64", "arm64")):
        image = made(number, {})
        image.config["architecture"] = architecture
        image.descriptor_changes = {"platform": {"os": "linux", "architecture": architecture}}
        images.append(image)
    files = {name: data for image in images for name, data in image.layout().items()}
    index = (layout_of(images, tmp_path / "layout") / "index.json").read_bytes()
    for _ in range(depth):
        files[blob_name(index)] = index
        index = dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(index, INDEX)]})
    for image, contradicts in ((images[0], False), (images[1], False), (made(2, {}), True)):
        entry = {"Config": blob_name(dump(image.config)), "Layers": [blob_name(layer) for layer in image.layers]}
        path = write_archive({**files, "index.json": index, "manifest.json": dump([entry])}, tmp_path / "a.tar")
        faults = [inspect_image(path, platform=f"linux/{one}").faults for one in ("amd64", "arm64")]
        assert [bool(found) for found in faults] == [contradicts] * 2


@pytest.mark.parametrize("stated", [True, False], ids=["media type stated", "media type left out"])
@pytest.mark.parametrize("indexed", [True, False], ids=["an index", "a manifest"])
def test_skopeos_directory_is_the_image_that_its_manifest_leads_to(stated: bool, indexed: bool, tmp_path: Path) -> None:
    image = made(1, {})
    if not stated:
        image.manifest_changes = {"mediaType": None}
    config, (layer,) = dump(image.config), image.layers
    blobs = image.layout()
    manifest = next(data for data in blobs.values() if data not in (config, layer) and b'"layers"' in data)
    files = {"version": b"Directory Transport Version: 1.1\n", sha256(config)[7:]: config, sha256(layer)[7:]: layer}
    if indexed:
        files[f"{sha256(manifest)[7:]}.manifest.json"] = manifest
        index: dict[str, Any] = {"schemaVersion": 2, "manifests": [descriptor(manifest, MANIFEST)]}
        files["manifest.json"] = dump({**index, "mediaType": INDEX} if stated else index)
    else:
        files["manifest.json"] = manifest
    found = verify_image(write_directory(files, tmp_path / "dir"))
    assert (found.files, found.image_id) == (1, Digest.of(config))
    assert found.digest == Digest.of(manifest)
