"""Which image the documents of a layout lead to, and the whole message where they lead to none or to several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.verify import inspect_image
from sysimage.verify.limits import Limits
from sysimage.verify.manifest import familiar, names_meant
from tests.support.raw_image import (
    CONFIG,
    INDEX,
    LAYER,
    MANIFEST,
    Files,
    RawImage,
    blob_name,
    descriptor,
    dump,
    sha256,
    write_archive,
    write_directory,
)
from tests.support.raw_tar import archive, file

REF = "org.opencontainers.image.ref.name"
UNKNOWN = {"os": "unknown", "architecture": "unknown"}
FAMILY = "application/vnd.docker."


def manifest_of(image: RawImage) -> bytes:
    """The bytes of an image's manifest."""
    return next(data for name, data in image.layout().items() if name.startswith("blobs/") and b'"layers": [' in data)


def image(number: int, architecture: str = "amd64") -> RawImage:
    made = RawImage(archive(file(b"f%d" % number)))
    made.config["architecture"] = architecture
    return made


ONE, TWO, THREE = image(1, "a"), image(2, "b"), image(3, "a")
BLOBS: Files = {**ONE.layout(), **TWO.layout(), **THREE.layout()}


def entry(of: RawImage, platform: str | None = None, name: str | None = None, **changes: Any) -> dict[str, Any]:
    if platform is not None:
        system, architecture = platform.split("/")
        changes["platform"] = {"os": system, "architecture": architecture}
    if name is not None:
        changes["annotations"] = {REF: name}
    return descriptor(manifest_of(of), MANIFEST, **changes)


def index(*entries: dict[str, Any], **changes: Any) -> bytes:
    return dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries, **changes})


def layout(top: bytes, place: Path, *nested: bytes) -> Path:
    return write_directory({**BLOBS, **{blob_name(one): one for one in nested}, "index.json": top}, place / "layout")


def message(path: Path, **options: Any) -> str:
    with pytest.raises(IntegrityError) as caught:
        inspect_image(path, **options)
    return caught.value.message.removeprefix(f"cannot read {path}: ")


A, B = entry(ONE, "linux/a"), entry(TWO, "linux/b")
MANY = [entry(ONE, f"linux/{number}") for number in range(25)]
OF_ONE, OF_TWO = sha256(manifest_of(ONE)), sha256(manifest_of(TWO))
NESTED = index(A, B)

SEVERAL: dict[str, tuple[bytes, str | None, str]] = {
    "none": (index(), None, "does not hold one image, but: nothing"),
    "two platforms": (index(A, B), None, "does not hold one image, but: linux/a, linux/b; say which, with --platform"),
    "two platforms and how they were made": (
        index(A, {**A, "platform": UNKNOWN}, B),
        None,
        "does not hold one image, but: linux/a, linux/b; say which, with --platform",
    ),
    "how something was made": (
        index({**A, "platform": UNKNOWN}),
        None,
        "does not hold one image, but: unknown/unknown",
    ),
    "another platform": (index(A, B), "linux/c", "does not hold an image for linux/c, but: linux/a, linux/b"),
    "one platform twice, with names": (
        index(entry(ONE, "linux/a", "x:1"), B, entry(THREE, "linux/a", "x:2")),
        "linux/a",
        "does not hold an image for linux/a, but: x:1, linux/b, x:2; say which, as DIR:TAG",
    ),
    "two names": (
        index(entry(ONE, None, "x:1"), entry(TWO, None, "x:2")),
        None,
        "does not hold one image, but: x:1, x:2; say which, as DIR:TAG",
    ),
    "neither names nor platforms": (
        index(entry(ONE), entry(TWO)),
        None,
        f"does not hold one image, but: {OF_ONE}, {OF_TWO}; say which, as DIR:TAG",
    ),
    "names and platforms": (
        index(entry(ONE, "linux/a", "x:1"), entry(TWO, "linux/b", "x:2")),
        None,
        "does not hold one image, but: linux/a, linux/b; say which, with --platform",
    ),
    "more than a message can hold": (
        index(*MANY),
        None,
        f"does not hold one image, but: {', '.join(f'linux/{number}' for number in range(20))}; say which, with "
        "--platform",
    ),
    "an index without a name beside an image": (
        index(descriptor(NESTED, INDEX), entry(THREE, "linux/c")),
        None,
        "does not hold one image, but: linux/a, linux/b, linux/c; say which, with --platform",
    ),
}


@pytest.mark.parametrize(("top", "platform", "expected"), SEVERAL.values(), ids=SEVERAL)
def test_what_there_is_to_choose_from_is_listed(
    top: bytes, platform: str | None, expected: str, tmp_path: Path
) -> None:
    assert message(layout(top, tmp_path, NESTED), platform=platform) == f"index.json {expected}"


CHOSEN: dict[str, tuple[bytes, str | None, RawImage]] = {
    "the only one, whatever its platform": (index(A), "linux/c", ONE),
    "the only one beside how it was made": (index({**A, "platform": UNKNOWN}, B), None, TWO),
    "the same one twice": (index(A, A), None, ONE),
    "by platform": (index(A, B), "linux/b", TWO),
    "by its system alone": (index(entry(ONE, "windows/a"), B), "windows", ONE),
    "by platform, in an index": (index(descriptor(NESTED, INDEX)), "linux/b", TWO),
    "by platform, in an index beside others": (
        index(descriptor(NESTED, INDEX), entry(THREE, "linux/c")),
        "linux/b",
        TWO,
    ),
    "one that does not declare its platform": (index(entry(ONE), B), "linux/c", ONE),
}


@pytest.mark.parametrize(("top", "platform", "chosen"), CHOSEN.values(), ids=CHOSEN)
def test_an_image_is_chosen_where_only_one_fits(
    top: bytes, platform: str | None, chosen: RawImage, tmp_path: Path
) -> None:
    found = inspect_image(layout(top, tmp_path, NESTED), platform=platform)
    assert found.digest == Digest.of(manifest_of(chosen))
    assert found.image_id == Digest.of(dump(chosen.config))


def test_an_index_without_a_list_has_no_image_of_any_name(tmp_path: Path) -> None:
    path = layout(dump({"schemaVersion": 2}), tmp_path)
    assert message(path, name="web") == "has no 'manifests'"
    assert message(path) == "index.json must have 'manifests' and no 'layers'"


def test_an_index_among_several_is_followed_as_deep_as_the_limit(tmp_path: Path) -> None:
    second = index(descriptor(NESTED, INDEX), entry(THREE, "linux/c"))
    path = layout(index(descriptor(second, INDEX), entry(THREE, "linux/d")), tmp_path, NESTED, second)
    for depth, listed in (
        (2, "linux/a, linux/b, linux/c, linux/d"),
        (1, f"{sha256(NESTED)}, linux/c, linux/d"),
        (0, f"{sha256(second)}, linux/d"),
    ):
        expected = f"index.json does not hold one image, but: {listed}; say which, with --platform"
        assert message(path, limits=Limits(index_depth=depth)) == expected


@pytest.mark.parametrize("there", [True, False])
def test_an_index_that_is_missing_or_empty_is_listed_as_it_is(there: bool, tmp_path: Path) -> None:
    empty = index()
    top = index(descriptor(empty, INDEX), B)
    path = layout(top, tmp_path, *([empty] if there else []))
    expected = f"index.json does not hold one image, but: {sha256(empty)}, linux/b; say which, with --platform"
    assert message(path) == expected


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "a manifest of another size": (
        {"index_changes": {"manifests": [descriptor(manifest_of(ONE), MANIFEST, size=7)]}},
        f"{blob_name(manifest_of(ONE))} has {len(manifest_of(ONE))} bytes, its descriptor says 7",
    ),
    "a config of another size": (
        {"manifest_changes": {"config": descriptor(dump(ONE.config), CONFIG, size=7)}},
        f"{blob_name(dump(ONE.config))} has {len(dump(ONE.config))} bytes, its descriptor says 7",
    ),
    "a second layer of an unknown type": (
        {"manifest_changes": {"layers": [descriptor(b"", LAYER), descriptor(b"", "text/plain")]}},
        "layer 2 is of type 'text/plain', which is not read",
    ),
    "a config of an unknown type": (
        {"manifest_changes": {"config": descriptor(b"", "text/plain")}},
        "the config is of type 'text/plain', not of an image",
    ),
    "a manifest that could be an index": (
        {"manifest_changes": {"Manifests": []}},
        "the manifest must have 'layers' and no 'manifests'",
    ),
    "an index that could be a manifest": (
        {"index_changes": {"Layers": []}},
        "index.json must have 'manifests' and no 'layers'",
    ),
    "a manifest that calls itself an index": (
        {"manifest_changes": {"mediaType": INDEX}},
        f"the manifest calls itself '{INDEX}', its descriptor says '{MANIFEST}'",
    ),
    "an index that calls itself a manifest": (
        {"index_changes": {"mediaType": MANIFEST}},
        f"index.json calls itself '{MANIFEST}', its descriptor says '{INDEX}'",
    ),
    "a manifest without a config": ({"manifest_changes": {"config": None}}, "the manifest: has no 'config'"),
    "no list of layers": ({"manifest_changes": {"layers": None}}, "the manifest: has no 'layers'"),
    "a layer without a size": (
        {"manifest_changes": {"layers": [descriptor(b"", LAYER, size=None)]}},
        "the manifest: has no 'size'",
    ),
    "an entry without a digest": (
        {"index_changes": {"manifests": [descriptor(b"", MANIFEST, digest=None)]}},
        "index.json: has no 'digest'",
    ),
    "more layers than diff IDs": (
        {"manifest_changes": {"layers": [descriptor(ONE.layers[0], LAYER)] * 2}},
        "has 2 layers, the config has 1 diff IDs",
    ),
    "another version of layouts": (
        {"files": {"oci-layout": b"{}"}},
        "oci-layout has another imageLayoutVersion than 1.0.0",
    ),
}


@pytest.mark.parametrize(("changes", "expected"), LIES.values(), ids=LIES)
def test_what_contradicts_itself_is_named(changes: dict[str, Any], expected: str, tmp_path: Path) -> None:
    made = image(1, "a")
    for name, value in changes.items():
        setattr(made, name, value)
    assert message(write_directory(made.layout(), tmp_path / "layout")) == expected


MIXED = f"mixes OCI's media types with Docker's: {FAMILY}image.rootfs.diff.tar, {CONFIG}, {MANIFEST}"


@pytest.mark.parametrize(
    ("creators", "ours"),
    [
        ([], False),
        (["sysimage"], True),
        (["kaniko"], False),
        (["sysimage", "sysimage", "kaniko"], False),
        (["kaniko", "kaniko", "sysimage, on 1 layers"], True),
    ],
)
def test_two_families_of_media_types_are_a_fault_only_below_a_last_layer_of_sysimage(
    creators: list[str], ours: bool, tmp_path: Path
) -> None:
    made = image(1)
    made.layer_type = FAMILY + "image.rootfs.diff.tar"
    made.config["history"] = [{"created_by": one, "empty_layer": number > 0} for number, one in enumerate(creators)]
    found = inspect_image(write_directory(made.layout(), tmp_path / "layout"))
    assert [str(fault) for fault in found.faults] == ([f"manifest: {MIXED}"] if ours else [])


def test_a_platform_that_is_promised_must_be_the_configs(tmp_path: Path) -> None:
    for promised, fits in (("linux/a", True), ("linux/b", False), ("windows/a", False)):
        path = layout(index(entry(ONE, promised)), tmp_path)
        said = f"index.json: promises {promised}, the config says linux/a"
        assert [str(fault) for fault in inspect_image(path).faults] == ([] if fits else [said])


def test_an_archive_may_lack_images_that_its_index_has(tmp_path: Path) -> None:
    """As ``docker save`` writes one platform of several; ``manifest.json`` may be about any that is there."""
    entry_of_two = {"Config": blob_name(dump(TWO.config)), "Layers": [blob_name(TWO.layers[0])]}
    top = index(entry(THREE, "linux/c"), A, B)
    files = {**BLOBS, "index.json": top, "manifest.json": dump([entry_of_two])}
    del files[blob_name(manifest_of(THREE))]
    path = write_archive(files, tmp_path / "a.tar")
    assert inspect_image(path, platform="linux/a").faults == ()


@pytest.mark.parametrize(
    ("name", "short", "meant"),
    [
        ("web", "web", ("web", "web:latest")),
        ("web:1", "web:1", ("web:1",)),
        ("docker.io/library/web", "web", ("web", "web:latest")),
        ("docker.io/team/web:1", "team/web:1", ("team/web:1",)),
        ("localhost/web", "web", ("web", "web:latest")),
        ("host:5000/team/web", "team/web", ("team/web", "team/web:latest")),
        ("team/web", "team/web", ("team/web", "team/web:latest")),
        ("library/web", "library/web", ("library/web", "library/web:latest")),
    ],
)
def test_a_name_is_known_without_its_registry_and_means_latest(name: str, short: str, meant: tuple[str, ...]) -> None:
    assert familiar(name) == short
    assert names_meant(name) == meant
