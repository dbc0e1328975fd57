"""Descriptors: how one document of an image names another blob (OCI image specification, descriptor.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sysimage.digest import Digest


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Names a blob by what it holds. `parse` reads one that another program wrote."""

    media_type: str
    digest: Digest
    """Of the blob's bytes as they are stored, compressed or not."""
    size: int
    """Bytes of the blob."""
    annotations: tuple[tuple[str, str], ...] = ()
    """Sorted by key, keys distinct."""

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"size of {self.digest} is {self.size}")
        keys = [key for key, _ in self.annotations]
        if keys != sorted(set(keys)):
            raise ValueError(f"annotations of {self.digest} are not sorted or not distinct")

    @classmethod
    def parse(cls, value: object) -> Descriptor:
        """Read the JSON form; a ValueError says what is wrong. What we have no use for (urls, data) is dropped."""
        if not isinstance(value, dict):
            raise ValueError("a descriptor is an object")
        media_type, digest, size = value.get("mediaType"), value.get("digest"), value.get("size")
        if not isinstance(media_type, str) or not isinstance(digest, str):
            raise ValueError("a descriptor needs mediaType and digest")
        if not isinstance(size, int) or isinstance(size, bool):
            raise ValueError("a descriptor needs a size")
        annotations = value.get("annotations") or {}
        if not isinstance(annotations, dict) or not all(isinstance(text, str) for text in annotations.values()):
            raise ValueError("a descriptor's annotations are strings")
        return cls(media_type, Digest.parse(digest), size, tuple(sorted(annotations.items())))

    def as_json(self) -> dict[str, Any]:
        """The JSON form."""
        value: dict[str, Any] = {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size}
        if self.annotations:
            value["annotations"] = dict(self.annotations)
        return value
