"""Archives written straight from layer sources: what goes to the disk, and how."""

from __future__ import annotations

import fcntl
import itertools
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sysimage.destinations.streamed_archive import stream_docker_archive, write_archive_directly
from sysimage.errors import IntegrityError
from sysimage.image import Image, ImageConfig, make_image
from sysimage.layers import LayerBlob, LayerSource
from sysimage.rootfs import Entry
from tests.support.stores import make_item


@pytest.mark.parametrize("archive_format", ["archive", "docker-archive"])
def test_only_the_ends_of_layers_are_written_in_parts_of_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive_format: str
) -> None:
    layers = [LayerSource(f"{n}", (), (Entry.file("/data", bytes(6_000_000 + 512 * n)),)) for n in range(3)]
    real, parts, lengths = os.pwrite, [], []

    def noted(fd: int, data: Any, offset: int) -> int:
        lengths.append((os.fstat(fd).st_size, offset + len(data)))
        if offset % 4096 or len(data) % 4096:
            parts.append(len(data))
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", noted)
    write_archive_directly(
        layers, partial(make_image, ImageConfig("amd64")), tmp_path / "web.tar", archive_format=archive_format
    )
    size = (tmp_path / "web.tar").stat().st_size
    if archive_format == "archive":
        assert {length for length, _ in lengths} == {size}, "it has its length before any of its bytes"
    else:
        assert all(end <= length for length, end in lengths if end < size - 10_000), "so far as layers are known"
    documents = 7 if archive_format == "archive" else 2
    assert len(parts) <= 2 * len(layers) + 3 * (len(layers) + documents) + 1, "headers, documents and paddings"


@pytest.mark.parametrize("archive_format", ["archive", "docker-archive"])
def test_how_far_an_archive_is_is_reported_to_its_end(tmp_path: Path, archive_format: str) -> None:
    """Also where a store announces more than there is."""
    layers = [LayerSource(f"{n}", (), (Entry.file(f"/{n}", bytes(1000)),)) for n in range(3)]
    layers.append(LayerSource("item", (replace(make_item(tmp_path, "item", {"f": "x"}), nar_size=1 << 20),)))
    assemble = partial(make_image, ImageConfig("amd64"))
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for write in (
        partial(write_archive_directly, layers, assemble, tmp_path / "web.tar", archive_format=archive_format),
        partial(stream_docker_archive, layers, assemble, writing),
    ):
        steps: list[tuple[int, int | None]] = []

        def progress(
            stage: str, done: int, total: int | None, *, unit: str = "", at: str = "", steps: Any = steps
        ) -> None:
            steps.append((done, total))

        write(progress=progress)
        weight = sum(layer.weight for layer in layers)
        assert steps[-1] == (weight, weight)
        assert steps == sorted(steps)
    assert fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ) == 1 << 20, "it has room for a whole piece"
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("archive_format", ["archive", "docker-archive"])
def test_the_biggest_layers_are_begun_first_where_their_sizes_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive_format: str
) -> None:
    sizes = (1000, 3000, 2000, 3000)
    layers = [LayerSource(f"{n}", (make_item(tmp_path, f"{n}", {"f": "x" * size}),)) for n, size in enumerate(sizes)]
    real, opened = os.open, []

    def noting(path: Any, *arguments: Any, **named: Any) -> int:
        if isinstance(path, bytes) and path.endswith(b"/f"):
            opened.append(int(path.split(b"-")[-1][:1]))
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, "open", noting)
    assemble = partial(make_image, ImageConfig("amd64"))
    write_archive_directly(layers, assemble, tmp_path / "web.tar", archive_format=archive_format)
    assert opened == [1, 3, 2, 0]


def test_documents_that_turn_out_longer_than_their_places_are_refused(tmp_path: Path) -> None:
    """Layers are where the first description left room; one that has grown since then would overwrite them."""
    grown = itertools.count()

    def assemble(layers: Sequence[LayerBlob]) -> Image:
        return make_image(ImageConfig("amd64"), layers, annotations={"grows": 600 * next(grown) * "x"})

    layers = [LayerSource("one", (), (Entry.file("/data", b"x"),))]
    with pytest.raises(IntegrityError, match="another length than expected"):
        write_archive_directly(layers, assemble, tmp_path / "web.tar", archive_format="archive")
    assert list(tmp_path.iterdir()) == []
