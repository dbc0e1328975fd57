"""One image for several platforms: a plan and an image each, and one index that names them all.

The images are built one after the other into layouts that are gone afterwards; what they share is the same blob, and
goes once to every place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sysimage.blobs import BlobDirectory, Descriptor, media_types
from sysimage.destinations.content_archive import write_content_archive
from sysimage.destinations.image_content import ImageContent
from sysimage.destinations.layout import write_content_to_layout
from sysimage.destinations.verified_blobs import verified_blob
from sysimage.destinations.written_image import Transfer
from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.files.temporary import scratch_directory
from sysimage.image import EncodedDocument, Image, ImageName
from sysimage.pipeline.build import BuildResult, build
from sysimage.pipeline.options import OCI_DIR, BuildRequest, Delivery
from sysimage.progress import Progress, silent

_SCRATCH = ".sysimage-platforms-"


@dataclass(frozen=True, slots=True)
class PlatformsResult:
    """An index of images at its destinations."""

    images: tuple[BuildResult, ...]
    """One for each platform, in the order in which they were asked for. Where they were written is gone."""
    index: EncodedDocument
    """What the name points to."""
    size: int
    """Bytes of all blobs and documents, each counted once."""
    shared: int
    """Bytes of layers that more than one of the images has, counted once."""
    layers: int
    """How many different layers they have together."""
    output: Path | None
    """The file or layout."""
    pushed: tuple[tuple[tuple[ImageName, ...], Transfer], ...]
    """Names in registries, and what had to be sent for them."""
    loaded: tuple[str, ...]
    """The engines that have it."""
    format: str
    """How it was written to the first of its places."""

    @property
    def digest(self) -> Digest:
        """Of the index."""
        return self.index.descriptor.digest


def build_platforms(
    requests: Sequence[BuildRequest], delivery: Delivery, *, host: str = "linux/amd64", progress: Progress = silent
) -> PlatformsResult:
    """Build an image for each of ``requests``, which differ in nothing but their platforms, and bring them to
    ``delivery`` as one index. Loaders that know no index get the image for ``host``, or the first.

    Errors are those of `build`; what is at the destinations is there whole or not at all.
    """
    if delivery.format == "docker-archive":
        raise SpecError(
            "cannot write several platforms to a docker-archive: it holds one image", hint="say another --format"
        )
    for push in delivery.pushes:
        push.registries.try_push(push.target)
    first = requests[0]
    first.sources.cache_dir.mkdir(parents=True, exist_ok=True)
    with scratch_directory(first.sources.cache_dir, _SCRATCH) as scratch:
        done = []
        layouts = scratch / "layouts"  # the scratch directory itself is locked
        layouts.mkdir()
        for number, request in enumerate(requests):
            own = Delivery(layouts / str(number), "oci-dir")
            done.append(build(replace(request, delivery=own), progress))
        images = [result.written.image for result in done]
        content = index_of(images)
        blobs = [BlobDirectory(layouts / str(number)) for number in range(len(done))]
        delivered = _Delivered(content, blobs, first.identity.names, host, progress)
        return PlatformsResult(
            images=tuple(done),
            index=content.root,
            size=content.size,
            shared=_shared(images),
            layers=len(content.layers),
            output=delivered.write(delivery),
            pushed=tuple(delivered.push(delivery)),
            loaded=tuple(delivered.load(delivery)),
            format=_format(delivery),
        )


def _format(delivery: Delivery) -> str:
    if delivery.output is not None:
        return delivery.format
    return "registry" if delivery.pushes or delivery.load is None else f"{delivery.load.program} load"


def index_of(images: Sequence[Image]) -> ImageContent:
    """Images of several platforms and the index that names them, in their order."""
    parts = [ImageContent.of(image) for image in images]
    entries = [{**image.manifest.descriptor.as_json(), "platform": image.platform} for image in images]
    index = EncodedDocument.of(
        {"schemaVersion": 2, "mediaType": media_types.INDEX, "manifests": entries}, media_types.INDEX
    )
    documents = {document.descriptor.digest: document for part in parts for document in part.documents}
    blobs = {blob.digest: blob for part in parts for blob in part.blobs}
    layers = frozenset(digest for part in parts for digest in part.layers)
    return ImageContent((*documents.values(), index), tuple(blobs.values()), layers)


def _shared(images: Sequence[Image]) -> int:
    seen: dict[Digest, int] = {}
    sizes: dict[Digest, int] = {}
    for image in images:
        for layer in {layer.descriptor.digest: layer.descriptor for layer in image.layers}.values():
            seen[layer.digest] = seen.get(layer.digest, 0) + 1
            sizes[layer.digest] = layer.size
    return sum(sizes[digest] for digest, count in seen.items() if count > 1)


@dataclass(frozen=True, slots=True)
class _Delivered:
    content: ImageContent
    blobs: Sequence[BlobDirectory]
    names: tuple[ImageName, ...]
    host: str
    progress: Progress

    def blob(self, descriptor: Descriptor) -> Path:
        return verified_blob(self.blobs, descriptor)

    @property
    def annotations(self) -> dict[str, str]:
        return self.names[0].annotations

    def archive(self, target: Path | int, progress: Progress) -> int:
        return write_content_archive(
            self.content,
            self.blob,
            target,
            annotations=self.annotations,
            tags=[str(name) for name in self.names],
            platform=self.host,
            progress=progress,
        )

    def write(self, delivery: Delivery) -> Path | None:
        if delivery.output is None:
            return None
        if delivery.format == OCI_DIR and isinstance(delivery.output, Path):
            write_content_to_layout(self.content, self.blob, delivery.output, self.annotations)
        else:
            self.archive(delivery.output, self.progress)
        return delivery.output if isinstance(delivery.output, Path) else None

    def push(self, delivery: Delivery) -> list[tuple[tuple[ImageName, ...], Transfer]]:
        from sysimage.destinations.registry import push_content

        done = []
        for push in delivery.pushes:
            with push.registries.session(push.target.repository, actions="pull,push") as session:
                moved = push_content(self.content, self.blob, push.target, session, progress=self.progress)
            done.append((push.target.names(), moved))
        return done

    def load(self, delivery: Delivery) -> list[str]:
        if delivery.load is None:
            return []
        from sysimage.destinations.daemon import stream_into

        stream_into(delivery.load, self.archive, self.progress)
        return [delivery.load.program]
