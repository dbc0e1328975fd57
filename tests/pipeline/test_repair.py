"""Damage in our own store and cache while an image is made: made again, and the image is the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sysimage.bases import copy_layers
from sysimage.bases.read import read_base_image
from sysimage.blobs import BlobDirectory
from sysimage.closure import Closure
from sysimage.errors import IntegrityError
from sysimage.image import ImageConfig, make_image
from sysimage.layers import (
    BrokenPromiseError,
    Check,
    Compression,
    LayerBlob,
    LayerCache,
    LayerSource,
    build_layers,
    layer_key,
)
from sysimage.notices import listen_to_notices
from sysimage.pipeline.delivery import write_image
from sysimage.pipeline.image_plan import ImagePlan
from sysimage.pipeline.options import Delivery, LayerStorage
from sysimage.pipeline.repair import ItemRepair, LayerRepair
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.store.items import StoreItem
from sysimage_bootstrap.store import ItemStore, Recipe
from tests.support import raw_tar
from tests.support.damaged import flip_a_byte, lose_a_bit, lose_a_bit_of_a_layer
from tests.support.loading import engine_into, read_member
from tests.support.raw_image import RawImage, write_directory
from tests.support.refusing import refuse_to_open

GZIP = Compression.parse("gzip")


def recipe(number: int) -> Recipe:
    return Recipe(f"item-{number}", "text", (), {})


@dataclass
class Workspace:
    """A store of four items, made by recipes, and a cache of their layers."""

    root: Path
    contents: list[str] = field(default_factory=lambda: [f"content {number}" * 100 for number in range(4)])
    made: int = 0

    @property
    def store(self) -> ItemStore:
        return ItemStore(self.root / "store", "/gnu/store")

    @property
    def cache(self) -> LayerCache:
        return LayerCache(self.root / "layers")

    def provide(self) -> SystemResult:
        """The system, with what is missing made."""
        store = self.store
        items = tuple(sorted((self._item(store, number) for number in range(4)), key=lambda item: item.path))
        return SystemResult(items[0].path, None, items, None, (), ImageDefaults((), (), None, {}))

    def _item(self, store: ItemStore, number: int) -> StoreItem:
        def build(out: Path) -> None:
            self.made += 1
            (out / "bin").mkdir(parents=True)
            (out / "bin/run").write_text(self.contents[number])

        return store.realise(recipe(number), build)

    def sources(self) -> list[LayerSource]:
        return [LayerSource(item.path.name, (item,)) for item in self.provide().items]

    def repair(self) -> ItemRepair:
        result = self.provide()
        return ItemRepair(Closure(result.items, [item.path for item in result.items]), self.store, self.provide)

    def build(self, into: LayerCache | BlobDirectory, sources: Sequence[LayerSource]) -> tuple[LayerBlob, ...]:
        return build_layers(sources, into, compression=GZIP, check=Check())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    workspace.provide()
    workspace.made = 0
    return workspace


def unwritten(sources: Sequence[LayerSource]) -> ImagePlan:
    """An image of the layers that nothing asks for its documents."""
    config = ImageConfig("amd64")
    return ImagePlan(sources, lambda layers: make_image(config, layers), (), GZIP)


def damaged(workspace: Workspace, number: int) -> None:
    store = workspace.store
    path = store.path_of(recipe(number))
    lose_a_bit(store, path, "bin/run")


def test_damaged_items_are_made_again_and_the_layers_are_the_same(workspace: Workspace, tmp_path: Path) -> None:
    sources, repair = workspace.sources(), workspace.repair()
    whole = workspace.build(BlobDirectory(tmp_path / "blobs"), sources)
    for number in (1, 3):
        damaged(workspace, number)
    with pytest.raises(BrokenPromiseError):
        workspace.build(workspace.cache, sources)
    assert repair.retrying(lambda: workspace.build(workspace.cache, sources)) == whole
    assert workspace.made == 2
    assert workspace.build(workspace.cache, sources) == whole


def test_an_item_that_comes_out_differently_is_reported(workspace: Workspace) -> None:
    sources, repair = workspace.sources(), workspace.repair()
    damaged(workspace, 2)
    workspace.contents[2] = "other content"
    with pytest.raises(IntegrityError, match="cannot make damaged items of the store again: they came out differently"):
        repair.retrying(lambda: workspace.build(workspace.cache, sources))
    assert workspace.build(workspace.cache, workspace.sources()), "from now on they are what they came out as"


def test_another_store_is_not_ours_to_mend(workspace: Workspace) -> None:
    sources = workspace.sources()
    result = workspace.provide()
    damaged(workspace, 0)
    closure = Closure(result.items, [item.path for item in result.items])
    tried: list[int] = []

    def build() -> None:
        tried.append(1)
        workspace.build(workspace.cache, sources)

    with pytest.raises(BrokenPromiseError):
        ItemRepair(closure, None, workspace.provide).retrying(build)
    assert (len(tried), workspace.made) == (1, 0)


def test_what_looks_damaged_is_made_again_before_anything_goes_into_a_pipe(workspace: Workspace) -> None:
    repair, store = workspace.repair(), workspace.store
    flip_a_byte(store.location(store.path_of(recipe(1))) / "bin/run")
    repair.repair_visible()
    assert workspace.made == 1
    assert (store.location(store.path_of(recipe(1))) / "bin/run").read_text() == workspace.contents[1]


def test_an_image_for_a_pipe_is_repaired_before_or_forgotten_for_the_next_build(
    workspace: Workspace, tmp_path: Path
) -> None:
    image = replace(unwritten(workspace.sources()), compression=Compression.parse("none"), check=Check())
    builds, store = [workspace.repair() for _ in range(4)], workspace.store

    def write(place: Path) -> bytes:
        with place.open("wb") as pipe:
            write_image(image, Delivery(pipe.fileno(), "docker-archive"), LayerStorage(), builds.pop())
        return place.read_bytes()

    whole = write(tmp_path / "first")
    flip_a_byte(store.location(store.path_of(recipe(1))) / "bin/run")
    assert write(tmp_path / "again") == whole
    damaged(workspace, 2)
    with pytest.raises(BrokenPromiseError) as caught:
        write(tmp_path / "broken")
    assert caught.value.hint == "build again: what was damaged is made again then"
    assert write(tmp_path / "last") == whole
    assert workspace.made == 2


def test_an_image_for_an_engine_alone_is_loaded(workspace: Workspace, tmp_path: Path) -> None:
    loaded = tmp_path / "loaded.tar"
    image = unwritten(workspace.sources())
    (written,) = write_image(image, Delivery(None, load=engine_into(loaded)), LayerStorage(), workspace.repair())
    assert (written.format, written.path) == ("sh load", None)
    index = json.loads(read_member(loaded, "index.json"))
    assert [one["digest"] for one in index["manifests"]] == [str(written.digest)]


@pytest.mark.parametrize("item_too", [False, True])
def test_a_layer_that_lost_a_bit_is_made_again_with_its_item(workspace: Workspace, item_too: bool) -> None:
    sources, repair, cache = workspace.sources(), workspace.repair(), workspace.cache
    layers = workspace.build(cache, sources)
    whole = [cache.blobs.path(layer.descriptor.digest).read_bytes() for layer in layers]
    lose_a_bit_of_a_layer(cache, layer_key(sources[2], GZIP))
    if item_too:
        damaged(workspace, int(sources[2].label.removeprefix("item-")))
    assert workspace.build(cache, sources) == layers, "it is believed: nothing that can be asked cheaply has moved"

    def again(missing: Sequence[LayerSource]) -> Sequence[LayerBlob]:
        return repair.retrying(lambda: workspace.build(cache, missing))

    keeper = LayerRepair(unwritten(sources), layers, cache, again)
    keeper.remake(layers[2].descriptor)
    assert [cache.blobs.path(layer.descriptor.digest).read_bytes() for layer in layers] == whole
    assert workspace.made == item_too
    assert {record.blob for record in cache.layers()} == set(layers)


def test_a_layer_that_comes_out_differently_is_reported(workspace: Workspace) -> None:
    sources, cache = workspace.sources(), workspace.cache
    layers = workspace.build(cache, sources)
    keeper = LayerRepair(unwritten(sources), layers, cache, lambda _: [layers[0]])
    with pytest.raises(IntegrityError, match=f"again: it came out as {layers[0].descriptor.digest}"):
        keeper.remake(layers[1].descriptor)


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_layer_of_the_base_is_taken_from_it_again(workspace: Workspace, tmp_path: Path, is_kept: bool) -> None:
    data = raw_tar.archive(raw_tar.directory(b"usr"))
    write_directory(RawImage(data).layout(), tmp_path / "base")
    base = read_base_image(tmp_path / "base", "linux/amd64", "/gnu/store")
    (layer,) = base.layers
    store = workspace.cache if is_kept else BlobDirectory(tmp_path / "scratch")
    blobs = store.blobs if isinstance(store, LayerCache) else store
    copy_layers(base, blobs)
    keeper = LayerRepair(replace(unwritten([]), base=base), [], store, lambda _: [])
    place = blobs.path(layer.blob.descriptor.digest)
    flip_a_byte(place)
    keeper.remake(layer.blob.descriptor)
    assert place.read_bytes() == data
    place.unlink()
    keeper.remake(layer.blob.descriptor)
    assert place.read_bytes() == data


def test_a_layer_is_made_again_where_none_are_kept(workspace: Workspace, tmp_path: Path) -> None:
    sources, blobs = workspace.sources(), BlobDirectory(tmp_path / "scratch")
    layers = workspace.build(blobs, sources)
    place = blobs.path(layers[1].descriptor.digest)
    whole = place.read_bytes()
    heard: list[str] = []
    with listen_to_notices(heard.append):
        flip_a_byte(place)
        LayerRepair(unwritten(sources), layers, blobs, lambda some: workspace.build(blobs, some)).remake(
            layers[1].descriptor
        )
    assert place.read_bytes() == whole
    assert heard == [f"the layer {sources[1].label!r} in the cache was damaged: it is made again"]


def test_a_link_to_a_blob_is_noted_and_no_reason_to_read_it(workspace: Workspace, tmp_path: Path) -> None:
    sources, cache = workspace.sources(), workspace.cache
    layers = workspace.build(cache, sources)
    keeper = LayerRepair(unwritten(sources), layers, cache, lambda _: [])
    place = cache.blobs.path(layers[0].descriptor.digest)
    stamps = BlobDirectory(tmp_path / "layout").link(place, layers[0].descriptor)
    assert stamps is not None
    keeper.linked(layers[0].descriptor, *stamps)
    with pytest.MonkeyPatch.context() as patch:
        refuse_to_open(patch, cache.blobs.root / "blobs")
        assert workspace.build(workspace.cache, sources) == layers
