"""Inspecting: what an image says of itself, without reading its layers."""

from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, SpecError
from sysimage.store.database import Schema
from sysimage.verify import inspect_image
from tests.support.images import build_image
from tests.support.raw_image import RawImage, blob_name, write_archive, write_directory
from tests.support.raw_tar import archive, file


@pytest.mark.parametrize("schema", list(Schema))
@pytest.mark.parametrize("form", ["archive", "oci-layout", "docker-archive"])
def test_layers_names_and_items_are_reported(schema: Schema, form: str, tmp_path: Path) -> None:
    built = build_image(tmp_path, schema=schema, max_layers=3)
    path = built.layout(tmp_path / "out") if form == "oci-layout" else built.archive(tmp_path / "out", form)
    found = inspect_image(path)
    layers = built.image.layers
    assert found.names == ("small:1.0",)
    assert found.image_id == built.image.config.descriptor.digest
    assert [layer.comment for layer in found.layers] == [layer.label for layer in layers]
    assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in layers]
    assert found.size == sum(layer.descriptor.size for layer in layers)
    assert (found.items, found.store_kind) == (6, schema.name.lower())
    assert (found.config.os, found.config.architecture) == ("linux", "amd64")
    assert found.config.runtime.entry_point[0] == "/sbin/init"
    assert found.faults == ()
    if form != "docker-archive":
        assert found.digest == built.image.manifest.descriptor.digest
        assert [layer.digest for layer in found.layers] == [layer.descriptor.digest for layer in layers]


def test_layers_below_the_top_are_not_read(tmp_path: Path) -> None:
    built = build_image(tmp_path, max_layers=3)
    layout = built.layout(tmp_path / "layout")
    for layer in built.image.layers[:-1]:
        (layout / "blobs/sha256" / layer.descriptor.digest.hex).unlink()
    assert inspect_image(layout).items == 6


@pytest.mark.parametrize("form", ["archive", "oci-layout"])
def test_a_top_layer_that_is_missing_is_named(form: str, tmp_path: Path) -> None:
    image = RawImage(archive(file(b"f")), archive(file(b"g")))
    files = image.layout()
    del files[blob_name(image.blobs[1])]
    write = write_directory if form == "oci-layout" else write_archive
    with pytest.raises(IntegrityError, match=f"has no {blob_name(image.blobs[1])}, which is layer 2"):
        inspect_image(write(files, tmp_path / "image"))


def test_an_image_without_a_store_has_no_number_of_items(tmp_path: Path) -> None:
    found = inspect_image(write_directory(RawImage(archive(file(b"f"))).layout(), tmp_path / "layout"))
    assert (found.items, found.store_kind) == (None, None)


def test_contradictions_seen_on_the_way_are_reported(tmp_path: Path) -> None:
    image = RawImage(archive(file(b"f")), config={"config": {"WorkingDir": "relative"}})
    (fault,) = inspect_image(write_directory(image.layout(), tmp_path / "layout")).faults
    assert str(fault) == "config: the working directory 'relative' is not absolute"


def test_what_cannot_be_followed_is_refused(tmp_path: Path) -> None:
    image = RawImage(archive(file(b"f")))
    image.files["index.json"] = b"{}"
    with pytest.raises(IntegrityError, match=r"cannot read .*: index\.json has schemaVersion None"):
        inspect_image(write_directory(image.layout(), tmp_path / "layout"))
    with pytest.raises(SpecError, match="there is no such file"):
        inspect_image(tmp_path / "missing")
