"""All that a name of an image leads to: documents, children before parents, and the blobs that they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sysimage.blobs import Descriptor, media_types
from sysimage.digest import Digest
from sysimage.image import EncodedDocument, Image


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest or index that says that it is about another one: a signature, an SBOM."""

    subject: Digest
    documents: tuple[EncodedDocument, ...]
    """The referrer, which is the last, after what it names."""
    blobs: tuple[Descriptor, ...]

    @property
    def root(self) -> EncodedDocument:
        """The document with the subject."""
        return self.documents[-1]

    @property
    def entry(self) -> dict[str, Any]:
        """Its descriptor as lists of referrers have it: with its annotations, and what kind it is."""
        value = self.root.value
        entry = self.root.descriptor.as_json()
        config = value.get("config")
        kind = value.get("artifactType") or (config.get("mediaType") if isinstance(config, dict) else None)
        if isinstance(kind, str):
            entry["artifactType"] = kind
        if isinstance(value.get("annotations"), dict):
            entry["annotations"] = value["annotations"]
        return entry

    @property
    def size(self) -> int:
        """Bytes of everything."""
        return sum(len(document.data) for document in self.documents) + sum(blob.size for blob in self.blobs)


@dataclass(frozen=True, slots=True)
class ImageContent:
    """An image for one platform, or an index of several, as it is brought from place to place byte for byte."""

    documents: tuple[EncodedDocument, ...]
    """Manifests and indexes, each after those that it names; the last is what the name points to."""
    blobs: tuple[Descriptor, ...]
    """Configurations and layers, each once."""
    layers: frozenset[Digest]
    """Which of the blobs are layers."""
    inline: Mapping[Digest, bytes] = field(default_factory=dict)
    """The bytes of small blobs that are not in any file."""
    referrers: tuple[Referrer, ...] = ()
    """What refers to the documents, or to other referrers, in such an order that each comes after its subject."""

    @classmethod
    def of(cls, image: Image) -> ImageContent:
        """The content of an image that was just made."""
        layers = frozenset(layer.descriptor.digest for layer in image.layers)
        inline = {image.config.descriptor.digest: image.config.data}
        return cls((image.manifest,), _distinct(image.descriptors()), layers, inline)

    @property
    def root(self) -> EncodedDocument:
        """What the name points to."""
        return self.documents[-1]

    def index(self, annotations: Mapping[str, str]) -> dict[str, Any]:
        """An index with one entry: the root, with ``annotations`` such as its name."""
        entry = self.root.descriptor.as_json()
        if annotations:
            entry["annotations"] = dict(annotations)
        return {"schemaVersion": 2, "mediaType": media_types.INDEX, "manifests": [entry]}

    @property
    def size(self) -> int:
        """Bytes of everything but the referrers."""
        return sum(len(document.data) for document in self.documents) + sum(blob.size for blob in self.blobs)

    @property
    def size_with_referrers(self) -> int:
        """Bytes of everything."""
        return self.size + sum(one.size for one in self.referrers)


def _distinct(descriptors: tuple[Descriptor, ...]) -> tuple[Descriptor, ...]:
    return tuple({descriptor.digest: descriptor for descriptor in descriptors}.values())
