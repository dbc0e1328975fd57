"""One run of one case, and what all cases share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sysimage.image import Image, ImageConfig, ImageName, make_image
from sysimage.layers import Compression, LayerBlob, LayerSource, tar_size
from sysimage.store import StoreItem
from tests.bench.speed.tree import layers_of

NAMES = (ImageName("bench"),)
NONE = Compression.parse("none")


@dataclass(frozen=True)
class Job:
    """One run of one case."""

    items: Sequence[StoreItem]
    scratch: Path
    """An empty directory of its own."""
    workers: int
    nixpkgs_script: Path | None = None
    """nixpkgs' own script, where this machine has it."""

    @cached_property
    def sources(self) -> list[LayerSource]:
        return layers_of(self.items)

    @cached_property
    def bytes(self) -> int:
        """What all layers' archives hold together."""
        return sum(tar_size(source) for source in self.sources)


def assemble(layers: Sequence[LayerBlob]) -> Image:
    return make_image(ImageConfig("amd64"), layers)


def evict(job: Job) -> None:
    """Take every file of the tree out of memory; names and statuses stay, as after a listing."""
    for fd in _files(job):
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def warm(job: Job) -> None:
    """Have every file of the tree in memory, and what was prepared, whatever the case before wrote there."""
    buffer = memoryview(bytearray(1 << 20))
    for fd in _files(job):
        while os.readv(fd, [buffer]):
            pass


def _files(job: Job) -> Iterator[int]:
    """Every file of the tree and of what was prepared, open until the next one is asked for."""
    for place in [*(item.location for item in job.items if item.location), job.scratch]:
        for directory, _, names in os.walk(place):
            for name in names:
                path = os.path.join(directory, name)  # noqa: PTH118 (one of many)
                if not os.path.islink(path):  # noqa: PTH114
                    fd = os.open(path, os.O_RDONLY)
                    yield fd
                    os.close(fd)


def clean(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
