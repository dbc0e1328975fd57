"""What refers to an image, such as signatures and SBOMs, goes along between layouts and registries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sysimage.api import copy, inspect, tags, verify
from sysimage.blobs import BlobDirectory, Descriptor, media_types
from sysimage.digest import Digest
from sysimage.errors import SysimageError
from sysimage.image import EncodedDocument
from tests.destinations.registry_server import Registry, running
from tests.pipeline.test_transfer import two_platforms
from tests.support.images import BuiltImage, build_image


@pytest.fixture(params=[True, False], ids=["lists referrers", "knows none"])
def registry(request: pytest.FixtureRequest) -> Iterator[Registry]:
    with running() as registry:
        registry.lists_referrers = request.param
        yield registry


def attach(layout: Path, subject: Descriptor, text: bytes) -> Descriptor:
    """Put a document about ``subject`` into a layout, as ``oras attach`` does."""
    blobs = BlobDirectory(layout)
    empty = blobs.put(b"{}", "application/vnd.oci.empty.v1+json")
    content = blobs.put(text, "text/spdx+json")
    value = {
        "schemaVersion": 2,
        "mediaType": media_types.MANIFEST,
        "artifactType": "application/spdx+json",
        "config": empty.as_json(),
        "layers": [content.as_json()],
        "subject": subject.as_json(),
        "annotations": {"org.opencontainers.image.created": "2026-01-01T00:00:00Z"},
    }
    document = EncodedDocument.of(value, media_types.MANIFEST)
    blobs.put(document.data, media_types.MANIFEST)
    enter(layout, {**document.descriptor.as_json(), "artifactType": "application/spdx+json"})
    return document.descriptor


def enter(layout: Path, entry: dict[str, object]) -> None:
    index = json.loads((layout / "index.json").read_text())
    index["manifests"].append(entry)
    (layout / "index.json").write_text(json.dumps(index))


def entries(layout: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((layout / "index.json").read_text())["manifests"]
    return found


def without_names(layout: Path) -> set[str]:
    return {str(one["digest"]) for one in entries(layout) if "artifactType" in one}


@pytest.fixture
def signed(small: BuiltImage, tmp_path: Path) -> tuple[Path, list[Descriptor]]:
    """A layout with an image, an SBOM of it, and a signature of the SBOM."""
    layout = small.layout(tmp_path / "signed")
    sbom = attach(layout, small.image.manifest.descriptor, b"the sbom")
    return layout, [sbom, attach(layout, sbom, b"its signature")]


def test_referrers_and_theirs_go_from_layouts_through_registries_to_layouts(
    registry: Registry, small: BuiltImage, signed: tuple[Path, list[Descriptor]], tmp_path: Path
) -> None:
    layout, referrers = signed
    first, second = f"{registry.address}/team/small:1", f"{registry.address}/other/small:1"
    copy(layout, first)
    copy(first, second)
    copy(second, f"{tmp_path}/back/")
    assert without_names(tmp_path / "back") == {str(one.digest) for one in referrers}
    for one in referrers:
        BlobDirectory(tmp_path / "back").verify(one)
        for name in ("team/small", "other/small"):
            assert registry.manifests[f"{name}:{one.digest}"] == BlobDirectory(layout).read(one)
    assert BlobDirectory(tmp_path / "back").path(Digest.of(b"its signature")).read_bytes() == b"its signature"
    for place in (first, second, tmp_path / "back"):
        assert inspect(place).digest == small.image.manifest.descriptor.digest
    assert verify(tmp_path / "back").items == len(small.closure)
    lists = {f"sha256-{one.digest.hex}" for one in (small.image.manifest.descriptor, referrers[0])}
    assert set(tags(f"{registry.address}/team/small")) == {"1"} | (set() if registry.lists_referrers else lists)


def test_a_list_of_referrers_that_clients_keep_says_what_they_are_and_keeps_what_it_has(
    small: BuiltImage, signed: tuple[Path, list[Descriptor]]
) -> None:
    layout, (sbom, _) = signed
    with running() as registry:
        copy(layout, f"{registry.address}/team/small:1")
        second = attach(layout, small.image.manifest.descriptor, b"another sbom")
        copy(layout, f"{registry.address}/team/small:1")
        subject = small.image.manifest.descriptor.digest
        kept = json.loads(registry.manifests[f"team/small:sha256-{subject.hex}"])
    assert [one["digest"] for one in kept["manifests"]] == [str(sbom.digest), str(second.digest)]
    assert {one["artifactType"] for one in kept["manifests"]} == {"application/spdx+json"}
    assert kept["manifests"][0]["annotations"] == {"org.opencontainers.image.created": "2026-01-01T00:00:00Z"}


def test_a_referrer_that_is_new_moves_alone_and_nothing_moves_twice(
    registry: Registry, small: BuiltImage, signed: tuple[Path, list[Descriptor]]
) -> None:
    layout, _ = signed
    name = f"{registry.address}/team/small:1"
    copy(layout, name)
    registry.requests.clear()
    assert copy(layout, name).transfers[0].sent == 0
    assert {line.split()[0] for line in registry.requests} == {"GET"}
    late = attach(layout, small.image.manifest.descriptor, b"a late signature")
    registry.requests.clear()
    moved = copy(layout, name).transfers[0]
    assert 0 < moved.sent < 4000
    assert moved.layers_there == moved.layers
    assert registry.manifests[f"team/small:{late.digest}"]
    assert not any(line.endswith("/manifests/1") for line in registry.requests if line.startswith("PUT"))


def test_referrers_of_the_index_and_of_each_platform_go_along_and_of_one_platform_only_its_own(
    registry: Registry, small: BuiltImage, tmp_path: Path
) -> None:
    layout = two_platforms(small, tmp_path / "layout")
    (top,) = entries(layout)
    nested = json.loads(BlobDirectory(layout).read(Descriptor.parse(top)))["manifests"]
    whole, amd64, arm64 = (
        str(attach(layout, Descriptor.parse({**one, "annotations": {}}), text).digest)
        for one, text in ((top, b"whole"), (nested[0], b"amd64"), (nested[1], b"arm64"))
    )
    name = f"{registry.address}/team/small:1"
    copy(layout, name)
    copy(name, f"{tmp_path}/all/")
    copy(name, f"{tmp_path}/one/", platform="linux/arm64")
    assert without_names(tmp_path / "all") == {whole, amd64, arm64}
    assert without_names(tmp_path / "one") == {arm64}


def test_lists_that_other_programs_keep_in_a_layout_are_read(
    small: BuiltImage, signed: tuple[Path, list[Descriptor]], tmp_path: Path
) -> None:
    layout, (sbom, signature) = signed
    kept = [{**one, "annotations": {"x": "y"}} for one in entries(layout) if one["digest"] == str(sbom.digest)]
    listing = BlobDirectory(layout).put(
        json.dumps({"schemaVersion": 2, "mediaType": media_types.INDEX, "manifests": kept}).encode(), media_types.INDEX
    )
    index = {"schemaVersion": 2, "manifests": [one for one in entries(layout) if one["digest"] != str(sbom.digest)]}
    (layout / "index.json").write_text(json.dumps(index))
    called = {"org.opencontainers.image.ref.name": f"sha256-{small.image.manifest.descriptor.digest.hex}"}
    enter(layout, {**listing.as_json(), "annotations": called})
    copy(f"{layout}:1.0", f"{tmp_path}/copied/")
    assert without_names(tmp_path / "copied") == {str(sbom.digest), str(signature.digest)}


def test_a_chain_of_referrers_is_followed_so_far_and_no_further(small: BuiltImage, tmp_path: Path) -> None:
    layout = small.layout(tmp_path / "layout")
    chain = [small.image.manifest.descriptor]
    for number in range(10):
        chain.append(attach(layout, chain[-1], b"%d" % number))
    copy(layout, f"{tmp_path}/copied/")
    assert without_names(tmp_path / "copied") == {str(one.digest) for one in chain[1:9]}


def test_an_image_without_a_name_takes_the_place_of_no_referrer(
    small: BuiltImage, signed: tuple[Path, list[Descriptor]], tmp_path: Path
) -> None:
    layout, referrers = signed
    other = build_image(tmp_path / "work", max_layers=3)
    unnamed = other.layout(tmp_path / "unnamed")
    index = {"schemaVersion": 2, "manifests": [other.image.manifest.descriptor.as_json()]}
    (unnamed / "index.json").write_text(json.dumps(index))
    copy(unnamed, layout)
    assert without_names(layout) == {str(one.digest) for one in referrers}


def test_what_a_list_names_and_what_is_not_there_or_about_something_else_is_left(
    registry: Registry, small: BuiltImage, signed: tuple[Path, list[Descriptor]], tmp_path: Path
) -> None:
    layout, (sbom, signature) = signed
    copy(layout, f"{registry.address}/team/small:1")
    subject = small.image.manifest.descriptor
    wrong = [
        {"mediaType": media_types.MANIFEST, "digest": f"sha256:{'5' * 64}", "size": 7},
        signature.as_json(),
        {"digest": 7},
        None,
    ]
    value = {"schemaVersion": 2, "mediaType": media_types.INDEX, "manifests": [sbom.as_json(), *wrong]}
    registry.lists_referrers = False
    registry.manifests[f"team/small:sha256-{subject.digest.hex}"] = json.dumps(value).encode()
    registry.media_types[str(Digest.of(json.dumps(value).encode()))] = media_types.INDEX
    copy(f"{registry.address}/team/small:1", f"{tmp_path}/copied/")
    assert str(sbom.digest) in without_names(tmp_path / "copied")
    assert f"sha256:{'5' * 64}" not in without_names(tmp_path / "copied")


def test_a_damaged_referrer_is_not_brought_anywhere(
    registry: Registry, signed: tuple[Path, list[Descriptor]], tmp_path: Path
) -> None:
    layout, _ = signed
    place = BlobDirectory(layout).path(Digest.of(b"the sbom"))
    place.unlink()
    place.write_bytes(b"the sbon")
    with pytest.raises(SysimageError, match="hash to"):
        copy(layout, f"{registry.address}/team/small:1")
    assert not any(key.endswith(":1") for key in registry.manifests)
    with pytest.raises(SysimageError):
        copy(layout, f"{tmp_path}/copied/")
    assert not (tmp_path / "copied").exists()
