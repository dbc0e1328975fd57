"""Brings an image to where it is to run: namespaces, or an engine of this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from sysimage.containers.engine import Engine, loaded
from sysimage.containers.engine_runner import EngineRunner
from sysimage.containers.image import RunnableImage
from sysimage.containers.namespace_runner import NamespaceRunner
from sysimage.containers.unpacked_image import unpacked
from sysimage.progress import Progress, silent

CONTAINER_PLACES = ("namespaces", "docker", "podman")


@contextlib.contextmanager
def opened(
    image: RunnableImage, place: str, environ: Mapping[str, str], progress: Progress = silent
) -> Iterator[NamespaceRunner | EngineRunner]:
    """Bring an image to one of `CONTAINER_PLACES`. Everything is gone when the block ends, or this process does."""
    if place == "namespaces":
        with unpacked(image, progress) as files:
            yield NamespaceRunner(files)
    else:
        with loaded(Engine(place, environ), image, progress) as in_engine:
            yield EngineRunner(in_engine)
