"""Documents about the reference graph: what needs what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sysimage.documents.json_value import Document, Part


@dataclass(frozen=True, slots=True)
class Item(Part):
    """A store item, or a package where items are not made."""

    name: str
    package: str | None
    """The package that it is made of."""
    path: str | None
    """The store path; null for a package."""
    unpacked_size: int
    """Bytes: the NAR size of an item, or what a package says of itself."""


@dataclass(frozen=True, slots=True)
class Step(Part):
    """One item on a way."""

    name: str
    reason: Literal["asked", "always", "declared", "contents", "reference"] | None
    """Why the step before has it: the spec names it, every system has it, its package declares it, its contents mention
    it, or nothing more is known than that it refers to it; null where even that does not apply, at the beginning."""


@dataclass(frozen=True, slots=True)
class WhyDocument(Document):
    """`why`."""

    KIND = "why"

    image: str
    """The image, spec or lock file that was named."""
    item: Item
    ways: tuple[tuple[Step, ...], ...]
    """The ways from the system to the item, shortest first."""
    complete: bool
    """Whether these are all."""


@dataclass(frozen=True, slots=True)
class KeptItem(Part):
    """What an item costs. Sizes are in bytes, unpacked."""

    name: str
    package: str | None
    """The package that it is made of."""
    path: str | None
    """The store path; null for a package."""
    unpacked_size: int
    """Of the item alone."""
    kept_size: int
    """Of what would go with it, since nothing else needs it; itself included."""
    closure_size: int
    """Of it and all that it needs, shared or not."""
    referrer_count: int
    """How many items refer to it directly."""


@dataclass(frozen=True, slots=True)
class SizeDocument(Document):
    """`size`."""

    KIND = "size"

    image: str
    """The image, spec or lock file that was named."""
    unpacked_size: int
    """Bytes of all items."""
    item_count: int
    items: tuple[KeptItem, ...]
    """Those that keep most first, as many as `--top` says."""


@dataclass(frozen=True, slots=True)
class TreeItem(Part):
    """An item and what it refers to."""

    name: str
    package: str | None
    """The package that it is made of."""
    path: str | None
    """The store path; null for a package."""
    unpacked_size: int
    """Bytes: the NAR size of an item, or what a package says of itself."""
    references: tuple[str, ...]
    """Names of items."""


@dataclass(frozen=True, slots=True)
class TreeDocument(Document):
    """`tree`."""

    KIND = "tree"

    image: str
    """The image, spec or lock file that was named."""
    roots: tuple[str, ...]
    """Names of items at the top."""
    items: tuple[TreeItem, ...]
    """Each item once, sorted by name."""
