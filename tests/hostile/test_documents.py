"""Indexes, manifests, configs and archives that no honest program writes."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pyzstd

from sysimage.errors import IntegrityError
from sysimage.verify import inspect_image, verify_image
from sysimage.verify.limits import Limits
from tests.support import raw_tar
from tests.support.raw_image import (
    CONFIG,
    INDEX,
    LAYER,
    MANIFEST,
    RawImage,
    blob_name,
    config_of,
    descriptor,
    dump,
    sha256,
    write_archive,
    write_directory,
)
from tests.support.raw_tar import archive, file

LAYER_1, LAYER_2 = archive(file(b"a")), archive(file(b"b"))
DOCKER = "application/vnd.docker."


def image(**changes: Any) -> RawImage:
    made = RawImage(LAYER_1, LAYER_2)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def refusal(made: RawImage, tmp_path: Path) -> str:
    """What verifying says of it; inspecting must not stumble either."""
    path = write_directory(made.layout(), tmp_path / "layout")
    with contextlib.suppress(IntegrityError):
        inspect_image(path)
    with pytest.raises(IntegrityError) as caught:
        verify_image(path)
    assert caught.value.issues
    return str(caught.value)


def test_the_unchanged_image_is_accepted_in_all_its_forms(tmp_path: Path) -> None:
    layout = verify_image(write_directory(image().layout(), tmp_path / "layout"))
    universal = verify_image(write_archive(image().layout(), tmp_path / "a.tar"))
    docker = verify_image(write_archive(image().docker_archive(), tmp_path / "b.tar"))
    assert layout == universal
    assert layout.image_id == docker.image_id
    assert docker.names == ("raw:1",)


MANIFESTS = {
    "schema 1": ({"schemaVersion": 1, "fsLayers": []}, "has schemaVersion 1; only 2 is read"),
    "no schema": ({"schemaVersion": None}, "has schemaVersion None"),
    "layers and manifests at once (CVE-2021-41190)": ({"manifests": []}, "must have 'layers' and no 'manifests'"),
    "calls itself an index": ({"mediaType": INDEX}, "calls itself"),
    "layers that are not list": ({"layers": {}}, "'layers' is of the wrong type"),
    "layers that are not descriptors": ({"layers": ["x"]}, "a descriptor is not an object"),
    "no config": ({"config": None}, "has no 'config'"),
    "a config of an unknown type": ({"config": descriptor(b"", "text/plain")}, "the config is of type 'text/plain'"),
    "a layer of an unknown type": ({"layers": [descriptor(LAYER_1, "text/plain")]}, "layer 1 is of type 'text/plain'"),
    "a foreign layer": ({"layers": [descriptor(LAYER_1, LAYER, urls=["some://where"])]}, "which sysimage does not do"),
    "a digest that is a path (CVE-2024-3727)": (
        {"layers": [descriptor(LAYER_1, LAYER, digest="sha256:../../../../etc/passwd")]},
        "'sha256:../../../../etc/passwd' is not a sha256 digest",
    ),
    "a size of -1": ({"layers": [descriptor(LAYER_1, LAYER, size=-1)]}, "is -1"),
    "a size of 2^63": ({"layers": [descriptor(LAYER_1, LAYER, size=2**63)]}, "is 9223372036854775808"),
    "fewer layers than diff IDs": ({"layers": [descriptor(LAYER_1, LAYER)]}, "has 1 layers, the config has 2 diff IDs"),
    "a size too small": (
        {"layers": [descriptor(LAYER_1, LAYER, size=10), descriptor(LAYER_2, LAYER)]},
        f"layer 1: its blob has {len(LAYER_1)} bytes, the manifest says 10",
    ),
    "layers exchanged": (
        {"layers": [descriptor(LAYER_2, LAYER), descriptor(LAYER_1, LAYER)]},
        "layer 1: its content has the diff ID",
    ),
    "a layer that is missing": ({"layers": [descriptor(b"gone", LAYER), descriptor(LAYER_2, LAYER)]}, "is missing"),
}


@pytest.mark.parametrize(("changes", "message"), MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_that_contradicts_the_content_is_refused(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    assert message in refusal(image(manifest_changes=changes), tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"schemaVersion": 2, "schemaVersion": 2}', "twice in one object"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"schemaVersion": NaN}', "holds NaN"),
        (b"[" * 100_000, "nested deeper"),
        (b"{" + b" " * (4 << 20) + b"}", "more than 4194304 are not read"),
        (b"null", "is not a JSON object"),
        (b"", "is not JSON"),
    ],
)
def test_a_manifest_of_malformed_json_is_refused(data: bytes, message: str, tmp_path: Path) -> None:
    assert message in refusal(image(manifest=data), tmp_path)


CONFIGS: dict[str, tuple[dict[str, Any], str]] = {
    "no architecture": ({"architecture": None}, "has no 'architecture'"),
    "another rootfs": ({"rootfs": {"type": "tarball", "diff_ids": []}}, "rootfs.type is 'tarball'"),
    "a diff ID that is none": ({"rootfs": {"type": "layers", "diff_ids": ["sha256:x"]}}, "not a sha256 digest"),
    "history that is none": ({"history": ["x"]}, "has a history entry that is not an object"),
    "a relative working directory": ({"config": {"WorkingDir": "a/b"}}, "the working directory 'a/b' is not absolute"),
    "a user that is none": ({"config": {"User": "a b:"}}, "the user 'a b:' is neither a name nor a number"),
    "environment without a name": ({"config": {"Env": ["=x"]}}, "holds '=x', which is not NAME=VALUE"),
    "environment without end": ({"config": {"Env": ["A=" + "x" * (2 << 20)]}}, "the environment has 2097155 bytes;"),
    "environment that is text": ({"config": {"Env": "A=x"}}, "'Env' is of the wrong type"),
    "a program that is a number": ({"config": {"Cmd": [1]}}, "'Cmd' is not an array of strings"),
    "a program with a NUL": ({"config": {"Cmd": ["/bin/a\0b"]}}, "the command holds a NUL"),
    "a program that is missing": ({"config": {"Cmd": ["/a/b"]}}, "what runs first is /a/b, but /a is a file"),
    "a port that is none": ({"config": {"ExposedPorts": {"http": {}}}}, "the exposed port 'http' is not a port"),
    "a volume that is relative": ({"config": {"Volumes": {"data": {}}}}, "the volume 'data' is not absolute"),
    "volumes with content": ({"config": {"Volumes": {"/data": {"x": 1}}}}, "not an object of empty objects"),
    "a signal that is none": ({"config": {"StopSignal": "please"}}, "the stop signal 'please' is not a signal"),
    "a time that is none": ({"created": "yesterday"}, "created is 'yesterday'"),
    "labels that are numbers": ({"config": {"Labels": {"a": 1}}}, "'Labels' is not an object of strings"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), CONFIGS.values(), ids=CONFIGS)
def test_a_config_that_cannot_be_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert message in refusal(image(config=config_of([LAYER_1, LAYER_2], **changes)), tmp_path)


INDEXES: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({"manifests": []}, "does not hold one image, but: nothing"),
    "two images": (
        {"manifests": [descriptor(b"1", MANIFEST, platform={"os": "linux", "architecture": one}) for one in "ab"]},
        "does not hold one image, but: linux/a, linux/b",
    ),
    "layers in an index": ({"layers": []}, "must have 'manifests' and no 'layers'"),
    "a manifest of schema 1": (
        {"manifests": [descriptor(b"1", DOCKER + "distribution.manifest.v1+prettyjws")]},
        "does not hold one image",
    ),
    "a manifest that is missing": ({"manifests": [descriptor(b"1", MANIFEST)]}, f"has no file {blob_name(b'1')}"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), INDEXES.values(), ids=INDEXES)
def test_an_index_that_does_not_lead_to_exactly_one_image_is_refused(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    assert message in refusal(image(index_changes=changes), tmp_path)


@pytest.mark.parametrize("creator", ["sysimage", "kaniko"])
def test_media_types_of_two_families_are_a_fault_only_in_an_image_of_sysimage(creator: str, tmp_path: Path) -> None:
    """Engines take such images, and kaniko makes them (kaniko#851)."""
    mixed = [descriptor(LAYER_1, DOCKER + "image.rootfs.diff.tar"), descriptor(LAYER_2, LAYER)]
    made = image(manifest_changes={"layers": mixed})
    made.config["history"] = [{"created_by": creator}] * 2
    said = "mixes OCI's media types with Docker's"
    if creator == "sysimage":
        assert said in refusal(made, tmp_path)
    else:
        path = write_archive(made.layout(), tmp_path / "image")
        assert [said in note.message for note in verify_image(path).notes if "media types" in note.message] == [True]


def test_a_platform_that_the_config_contradicts_is_named(tmp_path: Path) -> None:
    changes = {"platform": {"os": "linux", "architecture": "arm64"}}
    assert "promises linux/arm64, the config says linux/amd64" in refusal(image(descriptor_changes=changes), tmp_path)


def nested(depth: int) -> RawImage:
    made = image()
    manifest = made.layout()["index.json"]
    for _ in range(depth):
        made.files[blob_name(manifest)] = manifest
        manifest = dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(manifest, INDEX)]})
    made.files["index.json"] = manifest
    return made


def test_indexes_in_indexes_are_followed_to_a_depth_and_no_further(tmp_path: Path) -> None:
    assert verify_image(write_directory(nested(3).layout(), tmp_path / "three")).files == 2
    assert "indexes are nested deeper than 3" in refusal(nested(4), tmp_path)


def test_the_platform_that_is_asked_for_is_chosen(tmp_path: Path) -> None:
    made = image()
    files = made.layout()
    manifest = next(data for name, data in files.items() if b'"config": {' in data and name.startswith("blobs/"))
    entries = [
        descriptor(manifest, MANIFEST, platform={"os": "linux", "architecture": "amd64"}),
        descriptor(b"1", MANIFEST, platform={"os": "linux", "architecture": "arm64"}),
        descriptor(b"2", MANIFEST, platform={"os": "unknown", "architecture": "unknown"}),
    ]
    made.index_changes = {"manifests": entries}
    path = write_directory(made.layout(), tmp_path / "layout")
    assert verify_image(path, platform="linux/amd64").digest is not None
    with pytest.raises(IntegrityError, match="does not hold an image for linux/s390x"):
        verify_image(path, platform="linux/s390x")


def test_a_layout_of_another_version_is_refused(tmp_path: Path) -> None:
    assert "another imageLayoutVersion" in refusal(image(files={"oci-layout": b'{"imageLayoutVersion":"2"}'}), tmp_path)


def test_more_layers_than_engines_load_is_a_fault(tmp_path: Path) -> None:
    layers = [archive(file(b"%d" % number)) for number in range(126)]
    assert "has 126 layers, engines load at most 125" in refusal(RawImage(*layers), tmp_path)


@pytest.mark.parametrize("place", ["blobs/sha256", "blobs", "index.json"])
def test_no_symlink_in_a_layout_is_followed(place: str, tmp_path: Path) -> None:
    layout = write_directory(image().layout(), tmp_path / "layout")
    (layout / place).rename(tmp_path / "elsewhere")
    (layout / place).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IntegrityError):
        verify_image(layout)


def test_a_fifo_in_a_layout_does_not_hang(tmp_path: Path) -> None:
    layout = write_directory(image().layout(), tmp_path / "layout")
    (layout / "index.json").unlink()
    os.mkfifo(layout / "index.json")
    with pytest.raises(IntegrityError):
        verify_image(layout)


LEGACY: dict[str, tuple[Callable[[str], Any], str]] = {
    "null": (lambda config: None, "manifest.json is not a list of images"),
    "nothing": (lambda config: [], "manifest.json lists no image"),
    "no images": (lambda config: [None], "manifest.json is not a list of images"),
    "two images": (
        lambda config: [{"Config": config, "RepoTags": ["a:1"]}, {"Config": "b.json"}],
        "manifest.json lists 2 images: a:1, b.json; say which, as FILE:TAG",
    ),
    "an absolute layer": (lambda config: [{"Config": config, "Layers": ["/etc/passwd", "1.tar"]}], "has no file"),
    "a layer above": (lambda config: [{"Config": config, "Layers": ["../../etc/passwd", "1.tar"]}], "has no file"),
    "an absolute config": (lambda config: [{"Config": "/etc/passwd", "Layers": []}], "has no file /etc/passwd"),
    "a layer twice": (lambda config: [{"Config": config, "Layers": ["0.tar", "0.tar"]}], "layer 2: its content has"),
    "fewer layers": (lambda config: [{"Config": config, "Layers": ["0.tar"]}], "has 1 layers"),
    "no config": (lambda config: [{"Layers": []}], "has no 'Config'"),
}  # fmt: skip


@pytest.mark.parametrize(("manifest", "message"), LEGACY.values(), ids=LEGACY)
def test_a_docker_archive_that_contradicts_the_content_is_refused(
    manifest: Callable[[str], Any], message: str, tmp_path: Path
) -> None:
    files = image().docker_archive()
    config = next(name for name in files if name.endswith(".json") and name != "manifest.json")
    path = write_archive({**files, "manifest.json": dump(manifest(config))}, tmp_path / "a.tar")
    with pytest.raises(IntegrityError) as caught:
        verify_image(path)
    assert message in str(caught.value)


def test_a_config_that_is_not_what_its_name_says_is_named(tmp_path: Path) -> None:
    files = image().docker_archive()
    config = next(name for name in files if name.endswith(".json") and name != "manifest.json")
    files[config] += b"\n"
    with pytest.raises(IntegrityError, match=r"the config has the digest sha256:"):
        verify_image(write_archive(files, tmp_path / "a.tar"))


def both(**changes: Any) -> dict[str, bytes]:
    """An archive in both forms, whose ``manifest.json`` says what it should except for the changes."""
    files = image().layout()
    config = dump(image().config)
    entry = {"Config": blob_name(config), "RepoTags": ["raw:1"], "Layers": [blob_name(LAYER_1), blob_name(LAYER_2)]}
    return {**files, "manifest.json": dump([{**entry, **changes}])}


def test_an_archive_in_both_forms_is_accepted(tmp_path: Path) -> None:
    assert verify_image(write_archive(both(), tmp_path / "a.tar")).files == 2


def test_a_blob_of_another_image_in_the_same_directory_is_not_read(tmp_path: Path) -> None:
    files = image().layout() | {blob_name(b"other"): b"changed"}
    assert verify_image(write_directory(files, tmp_path / "layout")).files == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"Layers": [blob_name(LAYER_2), blob_name(LAYER_1)]},
        {"Layers": [blob_name(LAYER_1)]},
        {"Config": blob_name(LAYER_1)},
    ],
)
def test_forms_that_contradict_each_other_are_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"manifest.json: names .* index.json leads to"):
        verify_image(write_archive(both(**changes), tmp_path / "a.tar"))


def test_a_blob_that_nothing_names_must_still_be_what_its_name_says(tmp_path: Path) -> None:
    files = both() | {blob_name(b"other"): b"changed"}
    with pytest.raises(IntegrityError, match=f"{blob_name(b'other')}: has the digest {sha256(b'changed')}"):
        verify_image(write_archive(files, tmp_path / "a.tar"))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (raw_tar.file(b"index.json", b"{}"), "has two members index.json"),
        (raw_tar.file(b"../../evil"), "leads upwards"),
        (raw_tar.header(b"f", size=1 << 32), "ends .* bytes early"),
        (raw_tar.header(b"device", b"3"), "has a character device"),
    ],
)
def test_an_archive_with_tricks_is_refused(extra: bytes, message: str, tmp_path: Path) -> None:
    path = write_archive(image().layout(), tmp_path / "a.tar", extra=extra)
    with pytest.raises(IntegrityError, match=message):
        verify_image(path)


@pytest.mark.parametrize("history", [[], [{}], [{}] * 3])
def test_a_history_of_another_length_is_noted(history: list[Any], tmp_path: Path) -> None:
    made = image()
    made.config["history"] = history
    path = write_archive(made.layout(), tmp_path / "a.tar")
    expected = [f"config: {len(history)} history entries made a layer, there are 2 layers"] if history else []
    assert [str(note) for note in verify_image(path).notes] == expected


@pytest.mark.parametrize(
    "link", [raw_tar.symlink(b"layer/0.tar", b"../1.tar"), raw_tar.hard_link(b"layer/0.tar", b"1.tar")]
)
def test_a_layer_that_is_a_link_is_the_file_in_the_archive(link: bytes, tmp_path: Path) -> None:
    """Docker saves a layer that an image has twice in this way (moby#24003)."""
    made = image()
    made.config["rootfs"]["diff_ids"][0] = made.config["rootfs"]["diff_ids"][1]
    files = made.docker_archive()
    del files["0.tar"]
    files["manifest.json"] = files["manifest.json"].replace(b'"0.tar"', b'"layer/0.tar"')
    path = write_archive(files, tmp_path / "a.tar", extra=link)
    found = verify_image(path)
    assert found.layers[0].diff_id == found.layers[1].diff_id


@pytest.mark.parametrize("target", [b"/etc/passwd", b"../../etc/passwd", b"0.tar", b"missing"])
def test_a_link_that_leads_to_no_file_of_the_archive_is_nothing(target: bytes, tmp_path: Path) -> None:
    files = image().docker_archive()
    del files["0.tar"]
    path = write_archive(files, tmp_path / "a.tar", extra=raw_tar.symlink(b"0.tar", target))
    with pytest.raises(IntegrityError, match=r"has no file 0\.tar"):
        verify_image(path)


@pytest.mark.parametrize("compress", [gzip.compress, pyzstd.compress, bz2.compress, lzma.compress])
def test_an_archive_that_is_compressed_as_a_whole_is_read(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = write_archive(both(), tmp_path / "a.tar")
    plain = verify_image(path)
    data = path.read_bytes()
    path.write_bytes(compress(data[:5000]) + compress(data[5000:]))
    assert verify_image(path) == plain
    path.write_bytes(compress(data)[:-20])
    with pytest.raises(IntegrityError, match=r"ends early|is broken"):
        verify_image(path)
    path.write_bytes(compress(data + bytes(10 << 20)))
    with pytest.raises(IntegrityError, match="grows beyond what an image may have"):
        verify_image(path, limits=Limits(uncompressed_size=1 << 20))


def test_names_of_keys_are_read_as_engines_read_them(tmp_path: Path) -> None:
    """Guix writes ``entrypoint`` and ``env``; Go, and so every engine, does not mind the case."""
    made = image()
    made.config["config"] = {"entrypoint": ["/no/such"]}
    assert "what runs first is /no/such, which is not in the image" in refusal(made, tmp_path)
    made.config["config"]["Entrypoint"] = ["/no/such"]
    assert "readers take one or the other" in refusal(made, tmp_path)


@pytest.mark.parametrize("data", [b"", b"text", bytes(1024), b"\x1f\x8b\x08" + bytes(600)])
def test_what_is_not_an_archive_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(IntegrityError):
        verify_image(tmp_path / "a.tar")


def test_a_device_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="neither a file nor a directory"):
        verify_image(Path("/dev/null"))


def test_a_config_may_not_be_a_layer(tmp_path: Path) -> None:
    made = image(manifest_changes={"config": descriptor(LAYER_1, CONFIG)})
    assert "is not UTF-8" in refusal(made, tmp_path) or "is not JSON" in refusal(made, tmp_path)
