"""What a package holds, as far as placing it in a store depends on it.

The plan of every item is made from inventories alone, so that a build that finds all items in the store opens no
package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sysimage_bootstrap.archive.dependencies import parse_targets

OWN_SHARE = "share/sysimage"
"""Where an item holds what sysimage adds to the files of its package."""
WATCHED = ("guile", "iconv", "perl")
"""Programs that every Debian system has, so that scripts call them without their package saying that it needs them."""


@dataclass(frozen=True, slots=True)
class LinkedFile:
    """An ELF file that takes part in dynamic linking."""

    machine: int
    interpreter: str | None
    needed: tuple[str, ...]
    runpath: tuple[str, ...]
    converts: bool = False
    """Whether it converts between character sets by the C library's iconv."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What an entry of the package has that no store item can have."""

    mode: int
    """Permission bits, set-ID and sticky bits included."""
    owner: str
    """A name or, where the package has none, a number."""
    group: str
    directory: bool
    uid: int = 0
    """What the package says besides the owner's name, for a system that does not have it."""
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Inventory:
    """The contents of one package. Paths are relative to the item (``usr/`` is gone); bytes that are not UTF-8 are
    surrogate escapes."""

    package: str
    version: str
    architecture: str
    stanza: str
    """What scanners are to read of the package: see `sysimage_bootstrap.debs.stanza`."""
    files: tuple[str, ...]
    links: Mapping[str, str]
    """Path of a symlink → what it says, in terms of the root file system that the package was made for."""
    root_links: frozenset[str]
    """Those of the links that were not below ``usr/``: relative targets count from there."""
    linked: Mapping[str, LinkedFile]
    """Path → ELF file."""
    scripts: Mapping[str, str]
    """Path of an executable file → its first line, without ``#!``."""
    words: Mapping[str, tuple[str, ...]]
    """Path of a script → which of `WATCHED` occur in it, sorted; most scripts have none."""
    modules: Mapping[str, frozenset[str]]
    """Path of a Guile source, or of the Guile library → what in it may name a module, as in ``ice-9/match``."""
    attributes: Mapping[str, Attributes]
    """Path → what is special about the entry; most have nothing."""
    conffiles: tuple[str, ...]
    """Image paths of configuration files."""
    changed: tuple[int, ...]
    """When the source changed: seconds since the epoch, ascending."""
    replaces: str = ""
    """The field Replaces of its control file: whose files it may overwrite."""
    maintainer_files: Mapping[str, str] = field(default_factory=dict)
    """Name, such as ``postinst`` → text: what says how the package is configured (`MAINTAINER_FILES`)."""

    def facts(self) -> dict[str, Any]:
        """What the store remembers about the item."""
        return {
            "package": self.package,
            "version": self.version,
            "architecture": self.architecture,
            "attributes": {path: asdict(found) for path, found in sorted(self.attributes.items())},
            "conffiles": list(self.conffiles),
            "replaces": self.replaces,
            "maintainer_files": dict(sorted(self.maintainer_files.items())),
        }


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What is true of a package and is lost in its item; read back from `ItemStore.facts`."""

    package: str
    version: str
    architecture: str
    attributes: Mapping[str, Attributes]
    """Path relative to the item → set-ID and sticky bits, foreign owners, restricted permissions."""
    conffiles: tuple[str, ...]
    """Image paths of configuration files."""
    left_out: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Path → why the item lacks it, and how many bytes it had."""
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Path of a plugin → libraries it needs and the system does not have."""
    md5sums: Mapping[str, str] = field(default_factory=dict)
    """Path relative to the item → MD5 of each file, 32 hexadecimal digits."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Path of a symlink → what it says below /usr, where the item's says something else."""
    replaces: str = ""
    """The packages whose files it may overwrite, as its control file says them."""
    maintainer_files: Mapping[str, str] = field(default_factory=dict)
    """Its maintainer scripts and what belongs to them, by name."""

    def overwrites(self, other: PackageFacts) -> bool:
        """Whether this package's files take the place of another's (Debian Policy, 7.6)."""
        return any(
            target.name == other.package and target.accepts(other.version) for target in parse_targets(self.replaces)
        )

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> PackageFacts:
        """Read what `Inventory.facts` wrote; a KeyError if the item was not made of a package."""
        return cls(
            facts["package"],
            facts["version"],
            facts["architecture"],
            {path: Attributes(**found) for path, found in facts["attributes"].items()},
            tuple(facts["conffiles"]),
            {path: (kind, size) for path, (kind, size) in facts.get("left_out", {}).items()},
            {path: tuple(names) for path, names in facts.get("missing", {}).items()},
            facts.get("md5sums", {}),
            facts.get("links", {}),
            facts.get("replaces", ""),
            facts.get("maintainer_files", {}),
        )
