"""Archives written straight from layer sources: what goes to the disk, and how."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sysimage.destinations.streamed_archive import write_archive_directly
from sysimage.errors import IntegrityError
from sysimage.image import Image, ImageConfig, make_image
from sysimage.layers import LayerBlob, LayerSource
from sysimage.rootfs import Entry


@pytest.mark.parametrize("archive_format", ["archive", "docker-archive"])
def test_only_the_ends_of_layers_are_written_in_parts_of_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive_format: str
) -> None:
    layers = [LayerSource(f"{n}", (), (Entry.file("/data", bytes(6_000_000 + 512 * n)),)) for n in range(3)]
    real, parts = os.pwrite, []

    def noted(fd: int, data: Any, offset: int) -> int:
        if offset % 4096 or len(data) % 4096:
            parts.append(len(data))
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", noted)
    write_archive_directly(
        layers, partial(make_image, ImageConfig("amd64")), tmp_path / "web.tar", archive_format=archive_format
    )
    documents = 7 if archive_format == "archive" else 2
    assert len(parts) <= 2 * len(layers) + 3 * (len(layers) + documents) + 1, "headers, documents and paddings"


def test_documents_that_turn_out_longer_than_their_places_are_refused(tmp_path: Path) -> None:
    """Layers are where the first description left room; one that has grown since then would overwrite them."""
    grown = itertools.count()

    def assemble(layers: Sequence[LayerBlob]) -> Image:
        return make_image(ImageConfig("amd64"), layers, annotations={"grows": 600 * next(grown) * "x"})

    layers = [LayerSource("one", (), (Entry.file("/data", b"x"),))]
    with pytest.raises(IntegrityError, match="another length than expected"):
        write_archive_directly(layers, assemble, tmp_path / "web.tar", archive_format="archive")
    assert list(tmp_path.iterdir()) == []
