"""Documents about packages: of the archive, of lock files, and how two holdings differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sysimage.documents.json_value import Document, Part


@dataclass(frozen=True, slots=True)
class FoundPackage(Part):
    """A package of the archive in a list of several."""

    name: str
    version: str
    suite: str
    summary: str
    """The first line of its description."""


@dataclass(frozen=True, slots=True)
class SearchDocument(Document):
    """`search`."""

    KIND = "search"

    packages: tuple[FoundPackage, ...]
    """The best first, as many as `--most` says."""
    package_count: int
    """How many there are."""


@dataclass(frozen=True, slots=True)
class ShowDocument(Document):
    """`show`: one package of the archive."""

    KIND = "show"

    name: str
    version: str
    suite: str
    summary: str
    """The first line of its description."""
    size: int
    """Bytes of the package file."""
    unpacked_size: int | None
    """Bytes of its files, as its packager declares; null where nothing is declared."""
    fields: Mapping[str, str]
    """All that the archive's list says of it, by lower-case name."""


@dataclass(frozen=True, slots=True)
class FoundFile(Part):
    """A file of a package of the archive."""

    path: str
    package: str
    suite: str


@dataclass(frozen=True, slots=True)
class WhichDocument(Document):
    """`which`."""

    KIND = "which"

    files: tuple[FoundFile, ...]
    """Those highest in the tree first."""


@dataclass(frozen=True, slots=True)
class PackageChange(Part):
    """A package that differs."""

    name: str
    change: Literal["added", "removed", "up", "down", "changed"]
    """`changed` where versions have no order."""
    old: str | None
    """The version before; null for one that was added."""
    new: str | None
    """The version now; null for one that was removed."""
    source: str
    """The source package; empty where it is not known."""
    fixes: tuple[str, ...] | None
    """CVE numbers that changelog entries since the old version name; null where no changelog was read."""


@dataclass(frozen=True, slots=True)
class LockedPackage(Part):
    """A package that a lock file names."""

    name: str
    version: str
    architecture: str
    """Debian's name of it, such as `amd64` or `all`."""
    size: int
    """Bytes of the package file."""
    digest: str
    """Of the package file."""


@dataclass(frozen=True, slots=True)
class InputChange(Part):
    """Something that a spec takes besides packages, and took otherwise, or not, before."""

    kind: Literal["tree", "wheel", "npm-package", "jar"]
    name: str
    """The tree's path in the image, the wheel's package, the npm package's place, or the jar's path."""
    old: str | None
    """Its hash, after its version where it has one; null where it is new."""
    new: str | None
    """Null where it is gone."""


@dataclass(frozen=True, slots=True)
class LockDocument(Document):
    """`lock`."""

    KIND = "lock"

    lock_file: str | None
    """Where it was written; null if nowhere."""
    size: int
    """Bytes of all package files."""
    packages: tuple[LockedPackage, ...]
    """Sorted by name."""
    changes: tuple[PackageChange, ...] | None
    """What is different from the lock file that was replaced; null where there was none."""
    input_changes: tuple[InputChange, ...] | None = None
    """What is different of trees, wheels, npm packages and jars; null where there was no lock file."""


@dataclass(frozen=True, slots=True)
class LocksDocument(Document):
    """`lock` of several specs, or for several platforms."""

    KIND = "locks"

    locks: tuple[LockDocument, ...]
    """In the order of the specs, and of each spec in the order of its platforms."""


@dataclass(frozen=True, slots=True)
class SettingChange(Part):
    """A setting that differs; null where it is not there."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class FileChange(Part):
    """A path that differs."""

    path: str
    change: Literal["added", "removed", "up", "down", "changed"]
    what: str
    """What is different of it, such as `content`; empty for what comes or goes."""
    owner: str
    """The package or item that has it; empty for what belongs to the system as a whole."""


@dataclass(frozen=True, slots=True)
class PulledLayer(Part):
    """A layer that the old image does not have."""

    digest: str
    """Of the blob, or the diff ID where that is not known."""
    size: int
    """Bytes of the blob."""
    comment: str
    """What it holds, as the image says."""


@dataclass(frozen=True, slots=True)
class Pull(Part):
    """What a client of the old image pulls for the new one."""

    size: int
    """Bytes of the layers that are pulled."""
    layers: tuple[PulledLayer, ...]
    """They, bottom first."""
    image_size: int
    """Bytes of all layers of the new image."""
    layer_count: int
    """Of all layers of the new image."""
    kept_layer_count: int
    """How many of them the old image has."""


@dataclass(frozen=True, slots=True)
class DiffDocument(Document):
    """`diff`; null stands for what one side cannot say."""

    KIND = "diff"

    old: str
    """What was named first."""
    new: str
    """What was named second."""
    packages: tuple[PackageChange, ...]
    """Sorted by name."""
    configuration: tuple[SettingChange, ...] | None
    files: tuple[FileChange, ...] | None
    pull: Pull | None
