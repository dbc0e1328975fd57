"""Documents about whole images: what was built, copied, verified, inspected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sysimage.documents.json_value import Document, Part
from sysimage.documents.problems import Failure, Issue


@dataclass(frozen=True, slots=True)
class Store(Part):
    """The package store in an image."""

    kind: str
    """`guix` or `nix`."""
    directory: str | None
    """Such as `/gnu/store`; null where it was not looked for."""
    item_count: int | None
    """Store items; null where they could not be counted."""


@dataclass(frozen=True, slots=True)
class Push(Part):
    """What had to be sent to a repository of a registry."""

    names: tuple[str, ...]
    """What the image can be pulled as."""
    sent_size: int
    """Bytes that were sent."""
    size: int
    """Bytes of the whole image there."""
    layer_count: int
    """Different layers of the image."""
    present_layer_count: int
    """How many of them the registry had already."""


@dataclass(frozen=True, slots=True)
class BuiltLayer(Part):
    """A layer that was written."""

    digest: str
    """Of the blob, as stored and sent."""
    diff_id: str
    """The digest of its uncompressed tar."""
    media_type: str
    size: int
    """Bytes of the blob."""


@dataclass(frozen=True, slots=True)
class BuildDocument(Document):
    """`build` of one image."""

    KIND = "build"

    names: tuple[str, ...]
    """What the image is called: `web:latest`."""
    platform: str
    """`linux/amd64`."""
    digest: str
    """Of the manifest."""
    image_id: str
    """The digest of the configuration: what Docker lists as the image's ID."""
    created: str
    """When the image says it was made (RFC 3339)."""
    size: int
    """Bytes of the archive, or of all blobs and documents."""
    unpacked_size: int
    """Bytes of all store items."""
    layers: tuple[BuiltLayer, ...]
    """Bottom first, those of a base image included."""
    store: Store
    system: str | None
    """The store path of the system; null for an image of other items."""
    format: str
    """How it was written to its first place: `archive`, `docker-archive`, `oci-dir`, `registry`, `ENGINE load`."""
    output: str | None
    """The file or directory; null if it went to a stream, registries or an engine alone."""
    record_file: str | None
    """The record of the build beside the output; null if none was written."""
    pushed: tuple[Push, ...]
    """What was sent to each repository."""
    loaded: tuple[str, ...]
    """The engines that have it."""


@dataclass(frozen=True, slots=True)
class BuildsDocument(Document):
    """`build` of several specs."""

    KIND = "builds"

    images: tuple[BuildDocument, ...]
    """In the order of the specs."""


@dataclass(frozen=True, slots=True)
class BuildIndexDocument(Document):
    """`build` for several platforms: one index that names an image for each."""

    KIND = "build-index"

    names: tuple[str, ...]
    """What they are called together: `web:latest`."""
    digest: str
    """Of the index."""
    size: int
    """Bytes of all blobs and documents; what several images have counts once."""
    shared_size: int
    """Bytes of the layers that several images have."""
    format: str
    """How they were written to their first place: `archive`, `oci-dir`, `registry`, `ENGINE load`."""
    output: str | None
    """The file or directory."""
    pushed: tuple[Push, ...]
    """What was sent to each repository."""
    loaded: tuple[str, ...]
    """The engines that have it."""
    images: tuple[BuildDocument, ...]
    """In the order of the platforms."""


@dataclass(frozen=True, slots=True)
class CopyDocument(Document):
    """`copy` and `push`."""

    KIND = "copy"

    source: str
    """Where the image came from, as it was named."""
    targets: tuple[str, ...]
    """Where it went, as each was named: one of `copy`, one or more of `push`."""
    digest: str
    """Of the manifest, or of an index of several."""
    size: int
    """Bytes of all blobs and documents."""
    layer_count: int
    """Different layers."""
    pushed: tuple[Push, ...]
    """What was sent to each repository; empty for a file, a layout or an engine."""


@dataclass(frozen=True, slots=True)
class VerifiedLayer(Part):
    """A layer whose bytes are what the image's documents say."""

    digest: str | None
    """Of the blob; null in a docker-archive, which does not say it."""
    diff_id: str
    """The digest of its uncompressed tar."""
    size: int
    """Bytes of the blob."""
    unpacked_size: int
    """Bytes of its tar."""
    entry_count: int
    """Files, directories and links."""
    item_count: int
    """Store items of which it holds files."""
    comment: str
    """What it holds, as the image says."""


@dataclass(frozen=True, slots=True)
class VerifyDocument(Document):
    """`verify`: what is true of an image, computed from its bytes."""

    KIND = "verify"

    names: tuple[str, ...]
    """What the image is called: `web:latest`."""
    platform: str
    """`linux/amd64`."""
    digest: str | None
    """Of the manifest; null for a docker-archive, which has none."""
    image_id: str
    """The digest of the configuration."""
    unpacked_size: int
    """Bytes of all files of the image."""
    file_count: int
    directory_count: int
    symlink_count: int
    store: Store | None
    """Null where the image has no store database."""
    notes: tuple[Issue, ...]
    """What engines take and a careful writer avoids."""
    layers: tuple[VerifiedLayer, ...]
    """Bottom first."""


@dataclass(frozen=True, slots=True)
class InspectedLayer(Part):
    """A layer as the image's documents describe it."""

    digest: str | None
    """Of the blob; null in a docker-archive, which does not say it."""
    diff_id: str
    """The digest of its uncompressed tar."""
    size: int
    """Bytes of the blob."""
    media_type: str | None
    created_by: str
    comment: str
    """What it holds, as the image says."""
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ImageConfig(Part):
    """How the image is started, in the words of system.json."""

    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    environment: tuple[str, ...]
    """`NAME=value`."""
    working_directory: str
    user: str
    labels: Mapping[str, str]
    exposed_ports: tuple[str, ...]
    volumes: tuple[str, ...]
    stop_signal: str | None


@dataclass(frozen=True, slots=True)
class InspectDocument(Document):
    """`inspect`: what an image says of itself."""

    KIND = "inspect"

    names: tuple[str, ...]
    """What the image is called: `web:latest`."""
    platform: str
    """`linux/amd64`."""
    digest: str | None
    """Of the manifest; null for a docker-archive, which has none."""
    image_id: str
    """The digest of the configuration."""
    created: str | None
    """When the image says it was made (RFC 3339)."""
    size: int
    """Bytes of all layer blobs."""
    store: Store | None
    """Null where no store database was found in the topmost layer."""
    config: ImageConfig
    annotations: Mapping[str, str]
    """Of the manifest, without the record of the build."""
    record: Mapping[str, Any] | None
    """The record of the build, as `build --record` writes it to a file; null without one that can be read."""
    layers: tuple[InspectedLayer, ...]
    """Bottom first."""
    issues: tuple[Issue, ...]
    """Contradictions found while reading; `verify` finds more."""


@dataclass(frozen=True, slots=True)
class TagsDocument(Document):
    """`tags`."""

    KIND = "tags"

    repository: str
    tags: tuple[str, ...]
    """Sorted."""


@dataclass(frozen=True, slots=True)
class ReportDocument(Document):
    """`report`."""

    KIND = "report"

    image: str
    """The image or record that was named."""
    output: str
    """The page."""
    size: int
    """Bytes of the page."""
    layer_count: int
    item_count: int


@dataclass(frozen=True, slots=True)
class BootTestDocument(Document):
    """`test`; it is printed too where the image does not pass."""

    KIND = "test"

    image: str
    """The image or spec that was named."""
    booted_in: str
    """`vm`, `docker`, `podman` or `namespaces`."""
    runtime: str | None
    """The engine in the virtual machine; null elsewhere."""
    accelerator: str | None
    """`kvm` or `tcg`, of the virtual machine; null elsewhere."""
    accelerator_reason: str | None
    """Why this one."""
    passed_count: int
    """Questions that were answered as expected."""
    failed_count: int
    skipped_count: int
    """Questions that did not apply."""
    declared: bool | None
    """Whether the image says what it was declared to be; null if no question was asked."""
    seconds: Mapping[str, float]
    """How long each stage took."""
    reports: str | None
    """The directory with logs, where it was kept."""
    error: Failure | None
    """Why the image did not pass."""
