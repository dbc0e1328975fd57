"""What a report knows of an image or of a plan, as values. Sizes are in bytes; those of files are uncompressed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sysimage.rules.paths import Parts


@dataclass(frozen=True, slots=True)
class FileFact:
    """One file, however many names it has."""

    parts: Parts
    """Its path: below its item, or in the image where no item has it."""
    size: int
    digest: bytes
    """SHA-256 of the content."""


@dataclass(frozen=True, slots=True)
class PackageFact:
    """What a Debian package says about itself in its item."""

    name: str
    version: str
    architecture: str
    source: str
    installed_size: int | None
    """What Debian says that the whole package takes, rounded up for each file; None where it does not say."""


@dataclass(frozen=True, slots=True)
class ItemFact:
    """One store item."""

    path: str
    """The store path."""
    layer: int
    """Number of the layer that has it, bottom first from 1; 0 where it is in none."""
    size: int
    """Bytes of its files; of its NAR where only a plan is known."""
    references: tuple[str, ...]
    """Store paths, sorted, without its own."""
    package: PackageFact | None = None
    licences: tuple[str, ...] = ()
    """Short names as the item's copyright files have them, sorted."""
    files: tuple[FileFact, ...] = ()

    @property
    def base_name(self) -> str:
        """Name and version as the store has them, without the hash."""
        return self.path.rpartition("/")[2].partition("-")[2]


@dataclass(frozen=True, slots=True)
class LayerFact:
    """One layer, bottom first."""

    identity: str
    """Its digest, or its diff ID where no digest is known; empty in a plan."""
    diff_id: str
    """Empty in a plan."""
    size: int
    """Bytes that a client pulls; where only a plan is known, of the NARs in it."""
    holds: str
    """What it holds, as its maker described it."""
    reason: str = ""
    """Why these items are together."""
    pulls_per_year: float | None = None
    """How often a client that follows updates is expected to fetch it again."""
    hidden: int = 0
    """Bytes of files in it that layers above replace or remove."""


@dataclass(frozen=True, slots=True)
class LeftOutFact:
    """What a slim item lacks of its package, of one kind."""

    item: str
    """The store path."""
    what: str
    """Such as ``manuals``."""
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Facts:
    """An image, or the plan of one."""

    kind: str
    """``image`` or ``plan``."""
    name: str
    facts: tuple[tuple[str, str], ...]
    """What people ask first: name and value."""
    layers: tuple[LayerFact, ...]
    items: tuple[ItemFact, ...]
    """Sorted by name, then path."""
    roots: tuple[str, ...]
    """Store paths from which every item is needed."""
    moves_always: int
    """Number of the layer that every update changes, which has the store's database; 0 without one."""
    declared: frozenset[str] = frozenset()
    """Store paths of the packages that the spec names, where the image says so."""
    propagates: bool = True
    """Whether an item is made again whenever something that it refers to is."""
    others: Mapping[int, tuple[FileFact, ...]] | None = None
    """Files of no item by layer; None in a plan."""
    left_out: tuple[LeftOutFact, ...] | None = None
    """None where only a build knows it: an image does not say what it lacks."""
