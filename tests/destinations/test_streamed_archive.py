"""Archives written straight from layer sources: what goes to the disk, and how."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sysimage.destinations import write_archive_directly
from sysimage.image import ImageConfig, make_image
from sysimage.layers import LayerSource
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
