"""What ``manifest.json`` lists, alone in an archive or beside a layout: whole messages, and what is merely noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.verify import inspect_image, verify_image
from tests.support.raw_image import RawImage, blob_name, dump, sha256, write_archive
from tests.support.raw_tar import archive, file

ONE = RawImage(archive(file(b"a")), archive(file(b"b")))
CONFIG = dump(ONE.config)
HEX = sha256(CONFIG)[7:]
FILES = {f"{HEX}.json": CONFIG, "config.json": CONFIG, "0.tar": ONE.layers[0], "1.tar": ONE.layers[1]}
ENTRY: dict[str, Any] = {"Config": f"{HEX}.json", "RepoTags": ["raw:1"], "Layers": ["0.tar", "1.tar"]}


def docker(manifest: object, place: Path) -> Path:
    return write_archive({**FILES, "manifest.json": dump(manifest)}, place / "a.tar")


def message(path: Path, name: str | None = None) -> str:
    with pytest.raises(IntegrityError) as caught:
        inspect_image(path, name=name)
    return caught.value.message.removeprefix(f"cannot read {path}: ")


OTHERS = [{**ENTRY, "RepoTags": [f"raw:{number}"], "Layers": ["0.tar"] * number} for number in range(25)]
LISTED: dict[str, tuple[Any, str | None, str]] = {
    "null": (None, None, "manifest.json is not a list of images"),
    "an object": ({}, None, "manifest.json is not a list of images"),
    "an image and a text": ([ENTRY, "x"], None, "manifest.json is not a list of images"),
    "nothing": ([], None, "manifest.json lists no image"),
    "no config": ([{"Layers": []}], None, "manifest.json has no 'Config'"),
    "layers that are numbers": ([{**ENTRY, "Layers": [1]}], None, "manifest.json 'Layers' is not an array of strings"),
    "two images": (
        [{**ENTRY, "RepoTags": ["a:1", "b:2"]}, {"Config": "x.json"}],
        None,
        "manifest.json lists 2 images: a:1 b:2, x.json; say which, as FILE:TAG",
    ),
    "many images": (
        OTHERS,
        None,
        f"manifest.json lists 25 images: {', '.join(f'raw:{number}' for number in range(20))}; say which, as FILE:TAG",
    ),
    "not the one that is asked for": (
        [ENTRY, {"Config": "x.json"}],
        "raw:2",
        "manifest.json does not name one image 'raw:2', but: raw:1, x.json",
    ),
    "two of the name": (
        [ENTRY, {"Config": "x.json", "RepoTags": ["b:1"]}],
        "1",
        "manifest.json does not name one image '1', but: raw:1, b:1",
    ),
    "a layer that is missing": (
        [{**ENTRY, "Layers": ["0.tar", "2.tar"]}],
        None,
        "has no file 2.tar, which manifest.json names as layer 2",
    ),
    "a config that is missing": ([{**ENTRY, "Config": "x.json"}], None, "has no file x.json"),
    "a layer less": ([{**ENTRY, "Layers": ["0.tar"]}], None, "has 1 layers, the config has 2 diff IDs"),
}


@pytest.mark.parametrize(("manifest", "name", "expected"), LISTED.values(), ids=LISTED)
def test_a_list_that_leads_to_no_image_is_explained(
    manifest: object, name: str | None, expected: str, tmp_path: Path
) -> None:
    assert message(docker(manifest, tmp_path), name) == expected


@pytest.mark.parametrize("name", ["raw:1", "1", "docker.io/library/raw:1", "raw:2", HEX, f"sha256:{HEX}"])
def test_an_image_is_known_by_each_of_its_names_and_by_its_config(name: str, tmp_path: Path) -> None:
    again = {**ENTRY, "RepoTags": ["raw:2", "raw:1"]}
    other = {"Config": "config.json", "RepoTags": ["other:7"], "Layers": ["0.tar", "1.tar"]}
    found = inspect_image(docker([ENTRY, other, again], tmp_path), name=name)
    assert (found.names, found.image_id) == (("raw:1", "raw:2"), Digest.of(CONFIG)), "listed twice, it is one image"
    assert found.faults == ()


def test_a_config_with_a_name_of_its_own_has_no_digest_to_keep(tmp_path: Path) -> None:
    assert inspect_image(docker([{**ENTRY, "Config": "config.json"}], tmp_path)).faults == ()
    wrong = "0" * 64
    path = write_archive(
        {**FILES, f"d/{wrong}.json": CONFIG, "manifest.json": dump([{**ENTRY, "Config": f"d/{wrong}.json"}])},
        tmp_path / "a.tar",
    )
    assert [str(fault) for fault in inspect_image(path).faults] == [
        f"d/{wrong}.json: the config has the digest {sha256(CONFIG)}"
    ]


TWICE = "manifest.json: names a layer twice, which old loaders refuse"


@pytest.mark.parametrize(
    ("layers", "names", "noted"),
    [("ab", ("0.tar", "1.tar"), False), ("aa", ("0.tar", "1.tar"), True), ("aa", ("0.tar", "0.tar"), True)],
)
def test_a_layer_that_comes_twice_is_noted(layers: str, names: tuple[str, str], noted: bool, tmp_path: Path) -> None:
    made = RawImage(*[archive(file(letter.encode())) for letter in layers])
    files = made.docker_archive()
    files["manifest.json"] = dump([{"Config": f"{sha256(dump(made.config))[7:]}.json", "Layers": names}])
    notes = verify_image(write_archive(files, tmp_path / "a.tar")).notes
    assert [str(note) for note in notes] == ([TWICE] if noted else [])


BOTH = {
    "nothing": ({}, []),
    "a name more": ({"RepoTags": ["raw:1", "raw:2"]}, []),
    "another config": (
        {"Config": "config.json"},
        [f"names the config config.json, index.json leads to {blob_name(CONFIG)}"],
    ),
    "layers exchanged": (
        {"Layers": [blob_name(layer) for layer in ONE.layers[::-1]]},
        [
            f"names {blob_name(ONE.layers[1 - number])} as layer {number + 1}, "
            f"index.json leads to {blob_name(ONE.layers[number])}"
            for number in (0, 1)
        ],
    ),
    "a layer less": ({"Layers": [blob_name(ONE.layers[0])]}, ["names 1 layers, index.json leads to 2"]),
    "another name": ({"RepoTags": ["other:1"]}, ["does not name raw:1, which index.json does"]),
    "no name": ({"RepoTags": None}, ["does not name raw:1, which index.json does"]),
}


@pytest.mark.parametrize(("changes", "expected"), BOTH.values(), ids=BOTH)
def test_every_point_in_which_both_forms_differ_is_named(
    changes: dict[str, Any], expected: list[str], tmp_path: Path
) -> None:
    made = RawImage(*ONE.layers)
    made.descriptor_changes = {"annotations": {"io.containerd.image.name": "docker.io/library/raw:1"}}
    same = {"Config": blob_name(CONFIG), "RepoTags": ["raw:1"], "Layers": [blob_name(one) for one in ONE.layers]}
    files = {**made.layout(), "config.json": CONFIG, "manifest.json": dump([{**same, **changes}])}
    found = inspect_image(write_archive(files, tmp_path / "a.tar"))
    assert [str(fault) for fault in found.faults] == [f"manifest.json: {one}" for one in expected]


def test_a_tag_alone_in_the_index_need_not_be_a_name_of_the_other_form(tmp_path: Path) -> None:
    made = RawImage(*ONE.layers)
    made.descriptor_changes = {"annotations": {"org.opencontainers.image.ref.name": "latest"}}
    same = {"Config": blob_name(CONFIG), "RepoTags": ["raw:1"], "Layers": [blob_name(one) for one in ONE.layers]}
    files = {**made.layout(), "manifest.json": dump([same])}
    assert inspect_image(write_archive(files, tmp_path / "a.tar")).faults == ()
