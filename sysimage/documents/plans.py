"""Documents about plans: which items would go into which layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sysimage.documents.images import Store
from sysimage.documents.json_value import Document, Part


@dataclass(frozen=True, slots=True)
class PlannedLayer(Part):
    """A layer of store items before it is made."""

    unpacked_size: int
    """Bytes of the items."""
    paths: tuple[str, ...]
    """Store paths, sorted."""
    reason: str
    """One sentence for people: why these are together."""
    pulls_per_year: float | None
    """How often a client is expected to fetch the layer again; null where that is not known."""
    customized: bool
    """Whether the customization layer is part of it."""


@dataclass(frozen=True, slots=True)
class Waits(Part):
    """About how many seconds a client waits, at 100 Mbit/s."""

    first_pull: float
    updates_per_year: float | None
    """For all updates of a year; null where it is not known how often items change."""


@dataclass(frozen=True, slots=True)
class Updates(Part):
    """What updates are expected to move: estimates, null where it is not known how often items change."""

    per_year: float | None
    """How often anything changes."""
    unpacked_size: float | None
    """Bytes that a client pulls for each update."""
    unpacked_size_by_rule: Mapping[str, float]
    """The same where layers were drawn by another rule: `single` (one layer), `guix-size`, `popularity`."""
    step_count: int
    """From how many fortnights of changes this is estimated."""


@dataclass(frozen=True, slots=True)
class Customization(Part):
    """The layer on top: accounts, database, boot program, /etc."""

    entry_count: int
    """Files, directories and links."""
    unpacked_size: int
    """Bytes of its files."""


@dataclass(frozen=True, slots=True)
class LeftOutFile(Part):
    """A file of a package that its slim item lacks."""

    item: str
    """The item's store path."""
    path: str
    """Relative to the item."""
    what: str
    """The kind of file, such as `manuals`."""
    unpacked_size: int
    """Bytes; 0 for a link."""


@dataclass(frozen=True, slots=True)
class LeftOut(Part):
    """What packages hold and a slim image does not."""

    file_count: int
    unpacked_size: int
    """Bytes of the files."""
    unpacked_size_by_kind: Mapping[str, int]
    """The same for each kind of file."""
    files: tuple[LeftOutFile, ...] | None
    """Every file with `--left-out`, null without."""


@dataclass(frozen=True, slots=True)
class UnreadScriptLine(Part):
    """A line of a maintainer script that was not understood: the image may lack what it does."""

    package: str
    script: str
    """`preinst`, `config` or `postinst`."""
    line: int
    """Counted from 1."""
    text: str
    reason: str
    """What is not known."""


@dataclass(frozen=True, slots=True)
class UnreadScripts(Part):
    """What of maintainer scripts was not understood."""

    line_count: int
    lines: tuple[UnreadScriptLine, ...] | None
    """Every line with `--scripts`, null without."""


@dataclass(frozen=True, slots=True)
class PlanDocument(Document):
    """`plan` of one spec."""

    KIND = "plan"

    names: tuple[str, ...]
    """What the image would be called: `web:latest`."""
    platform: str
    """`linux/amd64`."""
    created: str
    """When the image would say it was made (RFC 3339)."""
    unpacked_size: int
    """Bytes of all store items."""
    max_layers: int
    """The most layers that the image may have."""
    layer_count: int
    """Of all layers, the customization layer included, those of a base image not."""
    layers: tuple[PlannedLayer, ...]
    """Of store items, bottom first."""
    customization: Customization
    store: Store
    system: str | None
    """The store path of the system; null for an image of other items."""
    seconds: Waits
    updates: Updates
    left_out: LeftOut
    unread_scripts: UnreadScripts


@dataclass(frozen=True, slots=True)
class PlansDocument(Document):
    """`plan` of several specs, or for several platforms."""

    KIND = "plans"

    plans: tuple[PlanDocument, ...]
    """In the order of the specs, or of the platforms."""
