"""Bringing images from place to place, as they are."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.api.arguments import Place, reported
from sysimage.api.delivery import ENGINES
from sysimage.api.reading import find
from sysimage.api.settings import Settings
from sysimage.api.values import CopiedImage, PushedImage
from sysimage.errors import SpecError
from sysimage.host_platform import host_platform
from sysimage.progress import Progress, silent

if TYPE_CHECKING:
    from sysimage.pipeline.image_places import FoundImage
    from sysimage.pipeline.transfer import Target

DEFAULT = Settings()


def push(
    image: Place,
    references: Sequence[str],
    *,
    platform: str | None = None,
    settings: Settings = DEFAULT,
    progress: Progress = silent,
) -> CopiedImage:
    """Push an image that is in a file, a layout, a registry or an engine (as for `copy`) to ``references``
    (``host/name:tag``), sending only what they lack. All platforms that it has go along, or ``platform`` alone.

    Raises a `SysimageError`: `RegistryError` for what a registry
    refuses, `IntegrityError` for an image whose content is not what its documents say.
    """
    from sysimage.destinations.registry import push_targets
    from sysimage.pipeline.transfer import copy_image

    with reported():
        targets = push_targets(tuple(references))
        if not targets:
            raise SpecError("cannot push to nowhere: name an image in a registry")
        settings.require_network(references[0])
        registries = settings.registries()
        with _opened(image, settings) as source:
            done = [copy_image(source, one, registries, platform=platform, progress=progress) for one in targets]
        moved = tuple(
            PushedImage.of(target.names(), one.transfer)
            for target, one in zip(targets, done, strict=True)
            if one.transfer is not None
        )
        return CopiedImage(done[0].digest, done[0].size, done[0].layers, moved, os.fspath(image), tuple(references))


def copy(
    source: Place,
    target: Place,
    *,
    platform: str | None = None,
    settings: Settings = DEFAULT,
    progress: Progress = silent,
) -> CopiedImage:
    """Copy an image byte for byte. Both are a file (an archive), an OCI layout (``DIR``, ``DIR:TAG``), a name in a
    registry, or an engine of this machine: as ``source`` with what the image is called there (``docker:web:1.4``,
    ``podman:…``, ``nerdctl:…``), as ``target`` without (``docker:``), for the image brings its name. What comes out of
    an engine is what it saves.

    Arguments and errors are those of `push`.
    """
    from sysimage.destinations.registry import PushTarget
    from sysimage.pipeline.transfer import copy_image

    with reported():
        place = target_of(os.fspath(target), settings)
        if isinstance(place, PushTarget):
            return push(source, [os.fspath(target)], platform=platform, settings=settings, progress=progress)
        with _opened(source, settings) as found:
            done = copy_image(
                found, place, settings.registries(), platform=platform, host=host_platform(), progress=progress
            )
        return CopiedImage(done.digest, done.size, done.layers, (), os.fspath(source), (os.fspath(target),))


@contextlib.contextmanager
def _opened(image: Place, settings: Settings) -> Iterator[FoundImage]:
    """The image that is to be brought elsewhere; what an engine holds is in a file without a name meanwhile."""
    text = os.fspath(image)
    engine, _, name = text.partition(":")
    if engine not in ENGINES or not name or name.startswith("//") or Path(text).exists():
        yield find(image, settings, whole=True)
        return
    from sysimage.destinations.daemon import Engine, save_from
    from sysimage.pipeline.image_places import FoundImage

    with tempfile.TemporaryFile() as file:
        save_from(Engine(engine, environment=dict(settings.variables)), name, file)
        yield FoundImage(Path(f"/proc/{os.getpid()}/fd/{file.fileno()}"))


def tags(name: str, *, settings: Settings = DEFAULT) -> tuple[str, ...]:
    """Every tag of a repository (``host/name``), sorted."""
    from sysimage.destinations.registry import ImageReference
    from sysimage.destinations.registry.tags import list_tags

    with reported():
        settings.require_network(name)
        with settings.registries().session(ImageReference.parse(name).repository) as session:
            return list_tags(session)


def target_of(text: str, settings: Settings) -> Target:
    """Where an image is to be brought: an engine, a layout, a registry, or a file. An existing file takes precedence
    over the form of the name."""
    from sysimage.destinations.daemon import Engine
    from sysimage.destinations.registry import PushTarget
    from sysimage.pipeline.image_places import cut_at_colons
    from sysimage.pipeline.transfer import IntoArchive, IntoLayout
    from sysimage.spec.image_reference import is_registry_name

    said = text.removeprefix("oci:")
    path = Path(said)
    is_name = is_registry_name(text) and said == text
    if path.is_dir() or (text.endswith("/") and not is_name):
        return IntoLayout(path)
    cuts = [(Path(directory), tag) for directory, _, tag in cut_at_colons(said) if directory]
    for directory, tag in cuts:
        if directory.is_dir() and tag and not (is_name and "/" in tag):
            return IntoLayout(directory, tag)
    engine, colon, name = text.partition(":")
    if colon and engine in ENGINES and not name.startswith("//"):
        if name:
            raise SpecError(f"cannot copy to {text}: an image keeps its own name", hint=f"say {engine}:")
        return Engine(engine, environment=dict(settings.variables))
    if is_name and not path.exists():
        return PushTarget.parse(text)
    if cuts and cuts[0][1] and not said.endswith(".tar"):  # a layout that is to be made
        return IntoLayout(*cuts[0])
    return IntoLayout(path) if said != text else IntoArchive(path)
