"""What something that can be compared holds: an image everything, a spec or a lock file only its packages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sysimage.closure import Closure


@dataclass(frozen=True, slots=True)
class HeldPackage:
    """One package."""

    name: str
    version: str
    architecture: str
    source: str
    """The source package; an update changes all packages of a source together."""
    source_version: str


@dataclass(frozen=True, slots=True)
class HeldFile:
    """What is at one path."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    """Bytes; 0 for what is not a regular file."""
    content: str
    """A digest of the content, or what a symlink says; the names of store items in it do not count."""
    owner: str
    """The package whose item has the file, or the item's name; empty for what belongs to the system as a whole."""


@dataclass(frozen=True, slots=True)
class HeldLayer:
    """One layer."""

    digest: str
    """Of the blob where it is known, else the diff ID."""
    size: int
    """Bytes of the blob."""
    holds: str
    """What its history says."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What one side of a comparison holds. None stands for what this kind of thing cannot say."""

    name: str
    """What the user called it."""
    kind: str
    """``image``, ``spec`` or ``lock file``."""
    packages: Mapping[str, HeldPackage]
    """By name."""
    configuration: Mapping[str, str] | None = None
    """Name of a setting → its value as text."""
    files: Mapping[str, HeldFile] | None = None
    layers: tuple[HeldLayer, ...] | None = None
    """Bottom first."""
    closure: Closure | None = None
    """The store's reference graph."""
    depends: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Package → the names in its declared dependencies, where packages say so."""
    items: Mapping[str, str] = field(default_factory=dict)
    """Store path → the package that it is the item of."""
    asked: frozenset[str] | None = None
    """Packages that the system was asked to have, as the image says itself; None where it does not."""


def named_packages(texts: Iterable[str]) -> frozenset[str]:
    """The names in what a spec has under ``packages``: ``nginx``, ``nginx=1.26*``, ``nginx (>= 1.26)``."""
    return frozenset(re.split(r"[=@\s(]", text)[0] for text in texts)
