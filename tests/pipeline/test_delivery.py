"""How the bytes of layers come to where the image goes is chosen before any of them is read."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.bases import NO_BASE, BaseImage, BaseLayer
from sysimage.blobs import Descriptor, media_types
from sysimage.destinations.daemon import Engine
from sysimage.digest import Digest
from sysimage.layers import Compression, LayerBlob
from sysimage.pipeline.delivery import IntoFile, IntoPipe, ThroughStorage, choose_route
from sysimage.pipeline.image_plan import ImagePlan
from sysimage.pipeline.options import Delivery, LayerStorage, OutputFormat, Push

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
        pushes=(Push(NOBODY, NOBODY),) if why == "push" else (),
        load=Engine() if why == "load" else None,
    )
    assert choose_route(asked, delivery, NOT_KEPT) == ThroughStorage()


def test_only_a_regular_file_has_places_to_write_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for output in (tmp_path / "pipe", tmp_path, None):
        assert choose_route(image(), Delivery(output), NOT_KEPT) == ThroughStorage()
    assert choose_route(image(), Delivery(tmp_path / "new", "oci-dir"), NOT_KEPT) == ThroughStorage()
