"""Opens an image for being brought elsewhere as it is: documents with their bytes, and the blobs that they name."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sysimage.blobs import BlobDirectory, Descriptor, media_types
from sysimage.destinations.image_content import ImageContent
from sysimage.destinations.verified_blobs import verified_blob
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.image import EncodedDocument, ImageName
from sysimage.pipeline.followed_documents import followed
from sysimage.pipeline.image_places import FoundImage
from sysimage.pipeline.referrers import find_referrers
from sysimage.pipeline.registry_image import RegistrySource
from sysimage.verify.compression import sniff
from sysimage.verify.documents import parse_named
from sysimage.verify.image_source import ImageSource
from sysimage.verify.issue_collector import IssueCollector, MalformedError
from sysimage.verify.layout import blob_name, named_image
from sysimage.verify.limits import DEFAULT_LIMITS, Limits
from sysimage.verify.open import open_source
from sysimage.verify.read_documents import read_documents

_LAYERS = {"none": media_types.LAYER, "gzip": media_types.LAYER_GZIP, "zstd": media_types.LAYER_ZSTD}


@dataclass(frozen=True, slots=True)
class OpenedContent:
    """An image that can be read while it is open."""

    content: ImageContent
    annotations: Mapping[str, str]
    """What an index of the source says of it, such as its name."""
    _source: ImageSource
    _files: Mapping[Digest, str]
    """Where blobs are in the source that are not where a layout has them."""
    _scratch: BlobDirectory
    """Where blobs are copied to; the source itself where it is a layout."""
    _lock: threading.Lock
    _is_layout: bool

    def blob(self, descriptor: Descriptor) -> Path:
        """The file of a blob that was found right. From an archive it is copied first."""
        if isinstance(self._source, RegistrySource):
            return self._source.path(descriptor)
        if self._is_layout:
            return verified_blob([self._scratch], descriptor)
        with self._lock:
            if not self._scratch.has(descriptor):
                self._copy(descriptor)
        return self._scratch.path(descriptor.digest)

    def _copy(self, descriptor: Descriptor) -> None:
        name = self._files.get(descriptor.digest, blob_name(descriptor.digest))
        if self._source.size(name) != descriptor.size:
            raise IntegrityError(f"cannot find blob {descriptor.digest} ({descriptor.size} bytes) in the image")
        hasher = hashlib.sha256()
        with self._scratch.writer() as writer:
            for chunk in self._source.chunks(name):
                hasher.update(chunk)
                writer.write(chunk)
            if (found := Digest(hasher.hexdigest())) != descriptor.digest:
                raise IntegrityError(f"cannot use blob {descriptor.digest}: its bytes hash to {found}")
            writer.commit(descriptor.digest)


@contextlib.contextmanager
def opened_content(
    found: FoundImage, platform: str | None = None, limits: Limits = DEFAULT_LIMITS, *, referrers: bool
) -> Iterator[OpenedContent]:
    """Open what ``found`` leads to, with all its platforms, or the one that is asked for alone; and, if
    asked for, with what refers to any of that.

    An image that cannot be followed is an `IntegrityError`.
    """
    try:
        with contextlib.ExitStack() as held:
            source = held.enter_context(open_source(found.place, limits))
            if source.size("index.json") is None:
                content, files, annotations = _of_docker_archive(source, found.name, limits)
            else:
                reference = named_image(source, limits, found.name, platform)
                annotations, files = dict(reference.annotations), {}
                root = Descriptor(reference.media_type, reference.digest, reference.size)
                if platform is not None:
                    root = _for_platform(source, platform, found.name, limits)
                content = followed(source, root, limits)
                if referrers:
                    content = replace(content, referrers=find_referrers(source, content, limits))
            is_layout = isinstance(found.place, Path) and (found.place / "oci-layout").is_file()
            place = found.place if isinstance(found.place, Path) and is_layout else None
            scratch = place or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="sysimage-")))
            yield OpenedContent(
                content, annotations, source, files, BlobDirectory(scratch), threading.Lock(), is_layout
            )
    except MalformedError as error:
        raise IntegrityError(f"cannot read {found}: {error}") from None


def _for_platform(source: ImageSource, platform: str, name: str | None, limits: Limits) -> Descriptor:
    documents = read_documents(source, IssueCollector(limits.faults_per_rule), limits, platform, name)
    digest = documents.digest or documents.image_id
    data = source.read(blob_name(digest), limits.document_size)
    value = parse_named("the manifest", data, limits)
    kind = value.get("mediaType")
    return Descriptor(kind if isinstance(kind, str) else media_types.MANIFEST, digest, len(data))


def _of_docker_archive(
    source: ImageSource, name: str | None, limits: Limits
) -> tuple[ImageContent, dict[Digest, str], dict[str, str]]:
    """The manifest that an older archive does not have: its layers are as they are there. With it where the blobs are,
    and the annotations that say what the image is called."""
    documents = read_documents(source, IssueCollector(limits.faults_per_rule), limits, name=name)
    size = source.size(documents.config_file) or 0
    config = Descriptor(media_types.CONFIG, documents.image_id, size)
    files = {config.digest: documents.config_file}
    layers = []
    for layer in documents.layers:
        hasher = hashlib.sha256()
        head = b""
        for chunk in source.chunks(layer.file):
            head = head or chunk
            hasher.update(chunk)
        digest = Digest(hasher.hexdigest())
        layers.append(Descriptor(_LAYERS[sniff(head).value], digest, layer.size))
        files[digest] = layer.file
    value = {
        "schemaVersion": 2,
        "mediaType": media_types.MANIFEST,
        "config": config.as_json(),
        "layers": [layer.as_json() for layer in layers],
    }
    blobs = {one.digest: one for one in (config, *layers)}
    manifest = EncodedDocument.of(value, media_types.MANIFEST)
    return (
        ImageContent((manifest,), tuple(blobs.values()), frozenset(one.digest for one in layers)),
        files,
        _called(documents.tags),
    )


def _called(tags: Sequence[str]) -> dict[str, str]:
    """The annotations of an index entry for an image with the first of these names."""
    try:
        return ImageName.parse(tags[0]).annotations
    except (IndexError, ValueError):
        return {}
