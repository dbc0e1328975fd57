"""Documents about the cache, and the lines of progress."""

from __future__ import annotations

from dataclasses import dataclass

from sysimage.documents.json_value import Document, Part


@dataclass(frozen=True, slots=True)
class CachePart(Part):
    """A part of the cache, and what it takes."""

    name: str
    size: int
    """Bytes on the disk; what has several names counts once."""
    file_count: int


@dataclass(frozen=True, slots=True)
class CacheDocument(Document):
    """`cache`."""

    KIND = "cache"

    cache: str
    """Its directory."""
    parts: tuple[CachePart, ...]


@dataclass(frozen=True, slots=True)
class CachePruneDocument(Document):
    """`cache prune`."""

    KIND = "cache-prune"

    cache: str
    """Its directory."""
    freed_size: int
    """Bytes."""
    in_use: bool
    """Whether nothing was removed, because a build uses the cache."""
    parts: tuple[CachePart, ...]
    """What is kept."""


@dataclass(frozen=True, slots=True)
class CheckedPart(Part):
    """A part of the cache that was read whole."""

    name: str
    examined_count: int
    damaged_count: int


@dataclass(frozen=True, slots=True)
class CacheVerifyDocument(Document):
    """`cache verify`; damage that is not repaired is an `error`."""

    KIND = "cache-verify"

    cache: str
    """Its directory."""
    parts: tuple[CheckedPart, ...]
    repaired: tuple[str, ...]
    """What was damaged and is forgotten."""


@dataclass(frozen=True, slots=True)
class CachedLayer(Part):
    """A layer that was built before."""

    key: str
    """What it is found by."""
    digest: str
    """Of the blob, as stored and sent."""
    diff_id: str
    """The digest of its uncompressed tar."""
    media_type: str
    size: int
    """Bytes of the blob."""
    comment: str
    """What it holds, as images say."""
    contents: tuple[str, ...]
    """Store paths of the items in it, and image paths of the customization's files."""


@dataclass(frozen=True, slots=True)
class CacheLayersDocument(Document):
    """`cache --layers`."""

    KIND = "cache-layers"

    layers: tuple[CachedLayer, ...]
    """The one used longest ago first."""


@dataclass(frozen=True, slots=True)
class ProgressLine(Part):
    """A line of `--progress json`, on standard error."""

    stage: str
    """What is being done."""
    done: int
    total: int | None
    """Null where it is not known."""
    unit: str
    """What `done` and `total` count: `bytes`, `files`, `items` …"""


@dataclass(frozen=True, slots=True)
class WarningLine(Part):
    """A warning among the lines of `--progress json`."""

    warning: str
