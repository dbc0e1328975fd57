"""How the bytes of layers come to where the image goes is chosen before any of them is read."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.bases import NO_BASE, BaseImage, BaseLayer
from sysimage.blobs import BlobDirectory, Descriptor, media_types
from sysimage.destinations.daemon import Engine
from sysimage.digest import Digest
from sysimage.layerplan import Record, plan_by
from sysimage.layers import Compression, LayerBlob, LayerCache, build_layers
from sysimage.layers.split_layers import layer_sources
from sysimage.pipeline.delivery import (
    IntoFile,
    IntoPipe,
    ThroughStorage,
    choose_route,
    layer_store,
    leave_record,
)
from sysimage.pipeline.history import record_text
from sysimage.pipeline.image_plan import ImagePlan
from sysimage.pipeline.options import Delivery, LayerStorage, OutputFormat, PushRequest
from sysimage.rootfs.tree import Entry, RootTree
from tests.support.store_builder import StoreBuilder, small_system

NOT_KEPT = LayerStorage()
NOBODY: Any = None


def image(compression: str = "none", base: BaseImage = NO_BASE) -> ImagePlan:
    return ImagePlan((), lambda layers: NOBODY, (), Compression.parse(compression), base)


def on_a_base() -> BaseImage:
    digest = Digest.of(b"layer")
    layer = LayerBlob(Descriptor(media_types.LAYER, digest, 2048), digest, 2048, "base")
    return replace(NO_BASE, layers=(BaseLayer(layer, "blob"),))


def test_plain_layers_go_straight_into_a_pipe_or_a_new_file(tmp_path: Path) -> None:
    file = tmp_path / "web.tar"
    kept = LayerStorage(tmp_path / "layers")
    assert choose_route(image(), Delivery(1, "docker-archive"), NOT_KEPT) == IntoPipe(1)
    assert choose_route(image(), Delivery(1, "docker-archive"), kept) == IntoPipe(1)
    forms: tuple[OutputFormat, ...] = ("archive", "docker-archive")
    for form in forms:
        delivery = Delivery(file, form)
        assert choose_route(image(), delivery, NOT_KEPT) == IntoFile(file, form)
        assert choose_route(image(), delivery, kept) == ThroughStorage(), "the layers are to be kept"
    file.touch()
    assert choose_route(image(), Delivery(file), NOT_KEPT) == IntoFile(file, "archive")


def test_an_archive_whose_documents_come_first_does_not_go_straight_into_a_pipe() -> None:
    assert choose_route(image(), Delivery(1, "archive"), NOT_KEPT) == ThroughStorage()


@pytest.mark.parametrize("output", [Path("web.tar"), 1])
@pytest.mark.parametrize("why", ["compression", "base", "push", "load"])
def test_what_is_needed_twice_or_otherwise_is_stored_first(output: Path | int, why: str) -> None:
    asked = image("gzip" if why == "compression" else "none", on_a_base() if why == "base" else NO_BASE)
    delivery = Delivery(
        output,
        "docker-archive",
        pushes=(PushRequest(NOBODY, NOBODY),) if why == "push" else (),
        load=Engine() if why == "load" else None,
    )
    assert choose_route(asked, delivery, NOT_KEPT) == ThroughStorage()


def test_only_a_regular_file_has_places_to_write_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for output in (tmp_path / "pipe", tmp_path, None):
        assert choose_route(image(), Delivery(output), NOT_KEPT) == ThroughStorage()
    assert choose_route(image(), Delivery(tmp_path / "new", "oci-dir"), NOT_KEPT) == ThroughStorage()


def test_layers_are_kept_in_the_cache_up_to_its_size_or_gone_afterwards(tmp_path: Path) -> None:
    with layer_store(NOT_KEPT, tmp_path) as store:
        assert isinstance(store, BlobDirectory)
        (scratch,) = tmp_path.iterdir()
        assert scratch.name.startswith(".sysimage-layers-")
    assert list(tmp_path.iterdir()) == []
    closure = small_system(StoreBuilder(tmp_path / "store"))
    sources = layer_sources(plan_by("guix-size", closure, 3), closure, RootTree([Entry.directory("/")]))
    for most_bytes, is_kept in ((None, True), (10**9, True), (1, False)):
        with layer_store(LayerStorage(tmp_path / "layers", most_bytes), tmp_path) as cache:
            assert isinstance(cache, LayerCache)
            build_layers(sources, cache, compression=Compression.parse("none"))
            size = cache.size()
        assert size > 1
        assert (LayerCache(tmp_path / "layers").size() == size) is is_kept
    with layer_store(LayerStorage(tmp_path / "layers"), tmp_path) as cache:
        build_layers(sources, cache, compression=Compression.parse("none"))
    with layer_store(LayerStorage(tmp_path / "layers", size), tmp_path):
        pass
    assert LayerCache(tmp_path / "layers").size() == size


def test_a_record_is_left_beside_an_output_that_stays_where_it_is_needed(tmp_path: Path) -> None:
    closure = small_system(StoreBuilder(tmp_path / "store"))
    record = Record(closure, plan_by("guix-size", closure, 3), 1, "rule")
    output, place = tmp_path / "web.tar", tmp_path / "web.plan.json"

    def left(delivery: Delivery, *, carried: bool) -> bool:
        found = leave_record(record, delivery, carried=carried)
        assert found == (place if place.exists() else None)
        if found is not None:
            assert found.read_text() == record_text(record) + "\n"
            found.unlink()
        return found is not None

    assert not left(Delivery(output, record=True), carried=False), "nothing was written"
    output.touch()
    assert left(Delivery(output, record=True), carried=True)
    assert left(Delivery(output, "docker-archive"), carried=True)
    assert left(Delivery(output), carried=False)
    assert not left(Delivery(output), carried=True)
    for nowhere in (None, 1, Path("/dev/null")):
        assert leave_record(record, Delivery(nowhere, record=True), carried=False) is None
    place.write_text("not a record")
    assert leave_record(record, Delivery(output), carried=False) is None
    assert place.read_text() == "not a record"
    assert leave_record(record, Delivery(output, record=True), carried=False) == place
