"""Brings an image as it is from one place to another: files, layouts, registries, engines; with all its platforms and
what refers to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sysimage.destinations.daemon import Engine, stream_into
from sysimage.destinations.registry import PushTarget, Registries, push_content
from sysimage.destinations.written_image import Transfer
from sysimage.digest import Digest
from sysimage.image import ImageName
from sysimage.pipeline.image_content import OpenedContent, opened_content
from sysimage.pipeline.image_places import FoundImage
from sysimage.pipeline.output_checks import Input, refuse_inputs, require_file_output
from sysimage.pipeline.registry_image import RegistryImage
from sysimage.progress import Progress, silent

_NAME = "io.containerd.image.name"
_REF_NAME = "org.opencontainers.image.ref.name"


@dataclass(frozen=True, slots=True)
class IntoLayout:
    """Into an OCI layout, beside what it has, in the place of what has the same name."""

    directory: Path
    tag: str | None = None
    """What it is called there; None keeps what it is called where it comes from."""


@dataclass(frozen=True, slots=True)
class IntoArchive:
    """Into a file of its own."""

    file: Path


Target = IntoLayout | IntoArchive | PushTarget | Engine


@dataclass(frozen=True, slots=True)
class CopiedImage:
    """An image, or an index of several, that is in another place now."""

    digest: Digest
    size: int
    """Bytes of all its blobs and documents, and of what refers to it and went along."""
    layers: int
    transfer: Transfer | None
    """What had to be sent to a registry."""


def copy_image(
    source: FoundImage,
    target: Target,
    registries: Registries,
    *,
    platform: str | None = None,
    host: str = "linux/amd64",
    progress: Progress = silent,
) -> CopiedImage:
    """Bring an image to a place, byte for byte; of an index all platforms, or the one that is asked for. To layouts and
    registries what refers to it goes along.

    In an archive, loaders that know no index get the image for ``host``. Errors are those of reading and of writing
    images; whatever happens, files are there whole or not at all.
    """
    _check(source, target)
    # An archive is one image: loaders would take what refers to it for images, too.
    takes_referrers = isinstance(target, PushTarget | IntoLayout)
    with opened_content(source, platform, referrers=takes_referrers) as opened:
        transfer = None
        match target:
            case PushTarget():
                transfer = _push(opened, source, target, registries, progress)
            case IntoLayout(directory, tag):
                from sysimage.destinations.layout import write_content_to_layout

                naming = {_REF_NAME: tag} if tag is not None else _names(opened.annotations)
                write_content_to_layout(opened.content, opened.blob, directory, naming)
            case IntoArchive(file):
                _archive(opened, file, host, progress)
            case Engine():
                stream_into(target, lambda fd, loading: _archive(opened, fd, host, loading), progress)
        content = opened.content
        return CopiedImage(content.root.descriptor.digest, content.size_with_referrers, len(content.layers), transfer)


def _push(
    opened: OpenedContent, source: FoundImage, target: PushTarget, registries: Registries, progress: Progress
) -> Transfer:
    """Blobs of another repository of the same registry are mounted."""
    own = source.place.reference.repository if isinstance(source.place, RegistryImage) else None
    siblings = (
        (own.name,) if own is not None and own.host == target.repository.host and own != target.repository else ()
    )
    with registries.session(target.repository, actions="pull,push", also_pull=siblings) as session:
        return push_content(opened.content, opened.blob, target, session, mount_from=siblings, progress=progress)


def _archive(opened: OpenedContent, target: Path | int, host: str, progress: Progress) -> int:
    from sysimage.destinations.content_archive import write_content_archive  # not needed for a push

    naming = _names(opened.annotations)
    if _NAME not in naming:
        naming |= _of_whole_name(naming.get(_REF_NAME, ""))
    tags = [naming[_NAME]] if _NAME in naming else []
    return write_content_archive(
        opened.content, opened.blob, target, annotations=naming, tags=tags, platform=host, progress=progress
    )


def _names(annotations: Mapping[str, str]) -> dict[str, str]:
    return {key: annotations[key] for key in (_NAME, _REF_NAME) if key in annotations}


def _of_whole_name(reference: str) -> dict[str, str]:
    """What Podman says of an image in the one annotation that is for a tag, as every loader of archives finds it."""
    try:
        return ImageName.parse(reference).annotations if ":" in reference else {}
    except ValueError:
        return {}


def _check(source: FoundImage, target: Target) -> None:
    """Refuse to overwrite an input, or a file that is not an image."""
    place = target.file if isinstance(target, IntoArchive) else None
    if isinstance(target, IntoLayout):
        from sysimage.destinations.layout import require_layout

        if target.directory.exists():
            require_layout(target.directory)
    elif place is not None:
        require_file_output(place)
        if isinstance(source.place, Path):
            refuse_inputs(place, [Input("the image", source.place, whole=True)])
