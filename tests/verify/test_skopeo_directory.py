"""Directories as skopeo writes them: what they are recognised by, and the errors for a malformed manifest."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, SpecError
from sysimage.verify import inspect_image
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.limits import DEFAULT_LIMITS, Limits
from sysimage.verify.skopeo_directory import SkopeoDirectorySource, is_skopeo_directory
from tests.support.raw_image import CONFIG, LAYER, MANIFEST, Files, RawImage, descriptor, dump, sha256, write_directory
from tests.support.raw_tar import archive, file

VERSION = {"version": b"Directory Transport Version: 1.1\n"}
IMAGE = RawImage(archive(file(b"f")))
PARTS = dump(IMAGE.config), IMAGE.layers[0]
LAYERS = {"schemaVersion": 2, "config": descriptor(PARTS[0], CONFIG), "layers": [descriptor(PARTS[1], LAYER)]}


def directory(place: Path, manifest: bytes) -> Path:
    blobs: Files = {sha256(part)[7:]: part for part in PARTS}
    return write_directory({**VERSION, "manifest.json": manifest, **blobs}, place / "dir")


@pytest.mark.parametrize(
    ("files", "is_one"),
    [
        (VERSION, True),
        ({"version": b"Directory Transport"}, True),
        ({"version": b"Directory transport"}, False),
        ({"version": b""}, False),
        ({**VERSION, "oci-layout": b""}, False),
        ({"manifest.json": b""}, False),
    ],
)
def test_it_is_recognised_by_its_version(files: Files, is_one: bool, tmp_path: Path) -> None:
    assert is_skopeo_directory(write_directory(files, tmp_path)) is is_one


def test_its_files_have_the_names_of_a_layouts(tmp_path: Path) -> None:
    manifest = dump(LAYERS)
    path = directory(tmp_path, manifest)
    below = dump({"a": 1})
    write_directory({f"{sha256(below)[7:]}.manifest.json": below}, path)
    with SkopeoDirectorySource(path, DEFAULT_LIMITS) as source:
        assert source.read("oci-layout", 100) == b'{"imageLayoutVersion": "1.0.0"}'
        for data in (manifest, below, *PARTS):
            name = f"blobs/sha256/{sha256(data)[7:]}"
            assert (source.size(name), source.read(name, len(data))) == (len(data), data)
        for name in ("manifest.json", "version", sha256(below)[7:], "blobs/sha256/" + "0" * 64):
            assert source.size(name) is None
        assert (source.complete, source.distant) == (False, False)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (b"rubbish", "the manifest is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"[]", "the manifest is not a JSON object"),
        (b"", "the manifest is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (
            dump({**LAYERS, "mediaType": "text/plain"}),
            f"index.json does not hold one image, but: {sha256(dump({**LAYERS, 'mediaType': 'text/plain'}))}",
        ),
    ],
)
def test_a_malformed_manifest_is_named(manifest: bytes, message: str, tmp_path: Path) -> None:
    path = directory(tmp_path, manifest)
    with pytest.raises(IntegrityError) as caught:
        inspect_image(path)
    assert caught.value.message == f"cannot read {path}: {message}"


def test_without_a_manifest_there_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="there is no such file"):
        inspect_image(write_directory(VERSION, tmp_path / "dir"))


def test_a_manifest_may_be_as_large_as_any_document(tmp_path: Path) -> None:
    manifest = dump({**LAYERS, "mediaType": MANIFEST})
    path = directory(tmp_path, manifest)
    assert inspect_image(path, limits=Limits(document_size=len(manifest))).layers[0].size == len(PARTS[1])
    with pytest.raises(MalformedError) as caught:
        SkopeoDirectorySource(path, Limits(document_size=len(manifest) - 1))
    assert str(caught.value) == f"has a manifest.json of more than {len(manifest) - 1} bytes"
