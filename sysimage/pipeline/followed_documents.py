"""Follows manifests and indexes of an image by their descriptors, with bounds, to all blobs that they name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sysimage.blobs import Descriptor
from sysimage.destinations.image_content import ImageContent
from sysimage.digest import Digest
from sysimage.image import EncodedDocument
from sysimage.verify.documents import parse_named
from sysimage.verify.image_source import ImageSource
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.layout import blob_name
from sysimage.verify.limits import Limits


def followed(source: ImageSource, root: Descriptor, limits: Limits) -> ImageContent:
    """All that a manifest or index leads to; what is malformed is a `MalformedError`."""
    documents: dict[Digest, EncodedDocument] = {}
    blobs: dict[Digest, Descriptor] = {}
    layers: set[Digest] = set()

    def follow(descriptor: Descriptor, depth: int) -> None:
        if descriptor.digest in documents:
            return
        if depth > limits.index_depth:
            raise MalformedError(f"indexes are nested deeper than {limits.index_depth}")
        data = source.read(blob_name(descriptor.digest), limits.document_size)
        if Digest.of(data) != descriptor.digest or len(data) != descriptor.size:
            raise MalformedError(f"{blob_name(descriptor.digest)} is not what its descriptor says")
        value = parse_named("a manifest", data, limits)
        for below in descriptors(value, "manifests"):
            follow(below, depth + 1)
        for config in descriptors(value, "config"):
            blobs[config.digest] = config
        for layer in descriptors(value, "layers"):
            blobs[layer.digest] = layer
            layers.add(layer.digest)
        documents[descriptor.digest] = EncodedDocument(descriptor, data)

    follow(root, 0)
    return ImageContent(tuple(documents.values()), tuple(blobs.values()), frozenset(layers))


def descriptors(value: Mapping[str, Any], key: str) -> list[Descriptor]:
    """What a document has under a key, which may hold one descriptor or a list; malformed is a `MalformedError`."""
    found = value.get(key)
    entries = found if isinstance(found, list) else [found] if found is not None else []
    try:
        return [Descriptor.parse(one) for one in entries]
    except ValueError as error:
        raise MalformedError(f"has a malformed descriptor: {error}") from None
