"""Inspecting: what an image says of itself, without reading its layers."""

from pathlib import Path

import pytest

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, SpecError
from sysimage.store import StoreItem
from sysimage.store.database import Schema, store_database
from sysimage.verify import inspect_image
from sysimage.verify.image_source import ImageSource, LayoutImageSource
from sysimage.verify.limits import Limits
from sysimage.verify.summary import LayerSummary
from tests.support.images import STORE_DIR, build_image
from tests.support.raw_image import LAYER, RawImage, blob_name, descriptor, dump, write_archive, write_directory
from tests.support.raw_tar import archive, file, symlink
from tests.support.stores import store_path


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
    assert (found.items, found.store_kind, found.store_directory) == (6, schema.name.lower(), STORE_DIR[schema])
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


def test_a_description_is_whole(tmp_path: Path) -> None:
    layers = archive(file(b"f")), archive(file(b"g"))
    history = [{"created_by": f"step {number}", "comment": f"layer {number}"} for number in (1, 2)]
    image = RawImage(*layers, config={"history": history})
    image.manifest_changes = {
        "annotations": {"a": "b"},
        "layers": [descriptor(layers[0], LAYER, annotations={"c": "d"}), descriptor(layers[1], LAYER)],
    }
    found = inspect_image(write_directory(image.layout(), tmp_path / "layout"))
    digests = [Digest.of(layer) for layer in layers]
    assert found.layers == tuple(
        LayerSummary(digest, digest, len(layer), LAYER, f"step {number}", f"layer {number}", notes)
        for number, digest, layer, notes in zip((1, 2), digests, layers, ({"c": "d"}, {}), strict=True)
    )
    assert (found.annotations, found.size) == ({"a": "b"}, sum(map(len, layers)))
    assert found.image_id == Digest.of(dump(image.config))


def test_an_image_without_layers_is_described(tmp_path: Path) -> None:
    found = inspect_image(write_directory(RawImage().layout(), tmp_path / "layout"))
    assert (found.layers, found.size, found.items) == ((), 0, None)


class Distant(LayoutImageSource):
    """A registry that has what is in a directory."""

    distant = True


class Registry:
    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, limits: Limits) -> ImageSource:
        return Distant(self.path)


DATABASE = store_database([StoreItem(store_path("a"), Digest("a" * 64), 1)], Schema.GUIX)
PLACE = b"var/guix/db/db.sqlite"


@pytest.mark.parametrize("is_distant", [True, False])
@pytest.mark.parametrize("more", [0, 1])
def test_a_layer_beyond_what_is_worth_its_reading_is_not_looked_into(
    is_distant: bool, more: int, tmp_path: Path
) -> None:
    """Of one that has to be fetched that is 16 MiB, of others 512. The sizes are those that the manifest promises."""
    layer = archive(file(PLACE, DATABASE))
    image = RawImage(layer)
    most = (16 << 20) if is_distant else (512 << 20)
    image.manifest_changes = {"layers": [descriptor(layer, LAYER, size=most + more)]}
    path = write_directory(image.layout(), tmp_path / "layout")
    found = inspect_image(Registry(path) if is_distant else path)
    assert (found.items, found.store_kind) == ((None, None) if more else (1, "guix"))


def test_a_database_is_looked_for_as_far_as_a_file_may_be_large(tmp_path: Path) -> None:
    before = file(b"a", bytes(512 * 11))  # with its header, and the database's, 13 blocks
    path = write_directory(RawImage(archive(before, file(PLACE, DATABASE))).layout(), tmp_path / "layout")
    size = max(512 * 13, len(DATABASE))
    assert inspect_image(path, limits=Limits(captured_file=size)).items == 1
    assert inspect_image(path, limits=Limits(captured_file=512 * 13 - 1)).items is None
    assert inspect_image(path, limits=Limits(captured_file=len(DATABASE) - 1)).items is None


def test_only_a_file_at_the_databases_place_is_a_database(tmp_path: Path) -> None:
    layer = archive(symlink(PLACE, b"x"), file(b"nix/var/nix/db/db.sqlite", b"rubbish"), file(b"z"))
    found = inspect_image(write_directory(RawImage(layer).layout(), tmp_path / "layout"))
    assert (found.items, found.store_kind, found.store_directory) == (None, "nix", None)


def test_the_store_is_where_the_first_of_its_items_is(tmp_path: Path) -> None:
    items = [StoreItem(store_path("a", place), Digest("a" * 64), 1) for place in ("/nix/store", "/gnu/store")]
    layer = archive(file(PLACE, store_database(items, Schema.GUIX)))
    found = inspect_image(write_directory(RawImage(layer).layout(), tmp_path / "layout"))
    assert (found.items, found.store_directory) == (2, "/gnu/store")
