"""The two forms of archive as lists of members: what comes in which order under which name.

``archive`` is an OCI layout that also has Docker's ``manifest.json``, in one tar: whatever loads images reads one or
the other. ``docker-archive`` is the older form; its layers have names that need no digest and its documents come last,
so that it can be written in one pass before the digests of its layers are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sysimage.destinations.layout import LAYOUT_FILE
from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.image import Image, ImageName, canonical_json
from sysimage.layers import LayerBlob
from sysimage.layers.headers import BLOCK, END, Headers

ARCHIVE = "archive"
DOCKER_ARCHIVE = "docker-archive"
ARCHIVE_FORMATS = (ARCHIVE, DOCKER_ARCHIVE)

_HEADERS = Headers(0, 0)


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A member of an archive of an image: a document, a layer by its number, or a directory (``name/``)."""

    name: str
    content: bytes | int
    """A document's bytes, or which layer it is, from 0."""
    size: int

    @property
    def header(self) -> bytes:
        """The tar header."""
        if self.name.endswith("/"):
            return _HEADERS.directory(self.name[:-1].encode(), 0o755)
        return _HEADERS.file(self.name.encode(), 0o644, self.size)

    @property
    def padding(self) -> bytes:
        """What fills the last block."""
        return bytes(-self.size % BLOCK)


def members(
    image: Image, archive_format: str, names: Sequence[ImageName], annotations: Mapping[str, str] | None = None
) -> list[ArchiveMember]:
    """The members in their order. zstd layers in the older form, which cannot say so, are a `SpecError`."""
    layers = [_layer(number, layer, archive_format) for number, layer in enumerate(image.layers)]
    layer_names, tags = [layer.name for layer in layers], [str(name) for name in names]
    config, manifest = image.config, image.manifest
    if archive_format == DOCKER_ARCHIVE:
        if any(layer.descriptor.media_type.endswith("zstd") for layer in image.layers):
            raise SpecError(
                "cannot write zstd layers to a docker-archive: containerd reads every compressed layer there as gzip",
                hint="choose the format archive, or the compression gzip",
            )
        config_name = f"{config.descriptor.digest.hex}.json"
        documents = (document(config_name, config.data), docker_manifest(config_name, layer_names, tags))
        return [*_once(layers), *documents]
    config_name = blob_name(config.descriptor.digest)
    return [
        document("oci-layout", LAYOUT_FILE),
        document("index.json", image.index(names, annotations).data),
        docker_manifest(config_name, layer_names, tags),
        # skopeo, run by a user, makes missing directories owned by root, and fails.
        document("blobs/", b""),
        document("blobs/sha256/", b""),
        document(config_name, config.data),
        document(blob_name(manifest.descriptor.digest), manifest.data),
        *_once(layers),
    ]


def archive_size(parts: Sequence[ArchiveMember]) -> int:
    """Bytes of the archive with these members."""
    return sum(len(part.header) + part.size + len(part.padding) for part in parts) + len(END)


def layer_name(number: int) -> str:
    """The name of a layer in a docker-archive."""
    return f"{number + 1:04}.tar"


def docker_documents(image: Image, names: Sequence[ImageName]) -> list[ArchiveMember]:
    """What follows the layers in a docker-archive."""
    return [part for part in members(image, DOCKER_ARCHIVE, names) if isinstance(part.content, bytes)]


def _once(layers: Sequence[ArchiveMember]) -> list[ArchiveMember]:
    """Every file once: a base image may have the same layer twice."""
    found: dict[str, ArchiveMember] = {}
    for layer in layers:
        found.setdefault(layer.name, layer)
    return list(found.values())


def _layer(number: int, layer: LayerBlob, archive_format: str) -> ArchiveMember:
    name = layer_name(number) if archive_format == DOCKER_ARCHIVE else blob_name(layer.descriptor.digest)
    return ArchiveMember(name, number, layer.descriptor.size)


def blob_name(digest: Digest) -> str:
    """The name of a blob, as in a layout."""
    return f"blobs/sha256/{digest.hex}"


def document(name: str, data: bytes) -> ArchiveMember:
    """A member with these bytes."""
    return ArchiveMember(name, data, len(data))


def docker_manifest(config_name: str, layer_names: Sequence[str], tags: Sequence[str]) -> ArchiveMember:
    """``manifest.json`` of one image."""
    value = [{"Config": config_name, "RepoTags": list(tags), "Layers": list(layer_names)}]
    return document("manifest.json", canonical_json(value))
