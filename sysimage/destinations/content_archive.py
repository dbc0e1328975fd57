"""An archive of all that a name leads to: one image, or an index of images for several platforms.

The form is that of `archive_format.ARCHIVE`: an OCI layout, whose ``index.json`` names one thing, that also has
Docker's ``manifest.json``. Loaders that read the latter alone get the image of one platform.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sysimage.blobs import Descriptor, media_types
from sysimage.destinations.archive import write_members
from sysimage.destinations.archive_format import ArchiveMember, archive_size, blob_name, docker_manifest, document
from sysimage.destinations.image_content import ImageContent
from sysimage.destinations.layout import LAYOUT_FILE
from sysimage.digest import Digest
from sysimage.image import canonical_json
from sysimage.progress import Progress, silent


def write_content_archive(
    content: ImageContent,
    provide: Callable[[Descriptor], Path],
    target: Path | int,
    *,
    annotations: Mapping[str, str],
    tags: Sequence[str] = (),
    platform: str = "linux/amd64",
    progress: Progress = silent,
) -> int:
    """Write to a file, which appears whole or not at all, or to an open descriptor; the archive's bytes.

    ``annotations`` are those of the entry in the index, ``tags`` the names for Docker's older loader, which gets the
    image for ``platform``, or the first. ``provide`` gives the verified file of a blob.
    """
    parts = [
        document("oci-layout", LAYOUT_FILE),
        document("index.json", canonical_json(content.index(annotations))),
        *_for_docker(content, tags, platform),
        document("blobs/", b""),
        document("blobs/sha256/", b""),
        *(document(blob_name(one.descriptor.digest), one.data) for one in reversed(content.documents)),
        *(ArchiveMember(blob_name(blob.digest), number, blob.size) for number, blob in enumerate(content.blobs)),
    ]
    size = archive_size(parts)
    write_members(parts, (provide(blob) for blob in content.blobs), size, target, progress)
    return size


def _for_docker(content: ImageContent, tags: Sequence[str], platform: str) -> list[ArchiveMember]:
    """``manifest.json``; absent if no document describes an image."""
    by_digest = {str(one.descriptor.digest): one.value for one in content.documents}
    platforms = {entry.get("digest"): _platform(entry) for value in by_digest.values() for entry in _entries(value)}
    images = {
        name: value
        for name, value in by_digest.items()
        if _is_image(value) and platforms.get(name) != "unknown/unknown"  # how an image was made, beside it
    }
    own = "/".join(platform.split("/")[:2])
    chosen = next((value for name, value in images.items() if platforms.get(name) == own), None)
    chosen = chosen or next(iter(images.values()), None)
    if chosen is None:
        return []
    names = [blob_name(Digest.parse(one["digest"])) for one in (chosen["config"], *chosen["layers"])]
    return [docker_manifest(names[0], names[1:], tags)]


def _is_image(manifest: Mapping[str, Any]) -> bool:
    """Whether a document is an image's manifest, and not an index, or that of something else, such as a chart."""
    config = manifest.get("config")
    kind = config.get("mediaType") if isinstance(config, dict) else None
    return kind in (media_types.CONFIG, media_types.DOCKER_CONFIG) and isinstance(manifest.get("layers"), list)


def _entries(index: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = index.get("manifests")
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _platform(entry: Mapping[str, Any]) -> str:
    where = entry.get("platform")
    return f"{where.get('os')}/{where.get('architecture')}" if isinstance(where, dict) else ""
