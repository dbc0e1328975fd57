"""Store items: what the later rooms need to know about a path, so that none has to ask again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sysimage.digest import Digest
from sysimage.store.paths import StorePath


@dataclass(frozen=True, slots=True)
class OwnFile:
    """Mode and owner of a file that no store item can have, such as those of a set-user-ID program."""

    mode: int
    uid: int
    gid: int


USR = "/usr"
NOT_IN_USR = frozenset(
    {"boot", "dev", "etc", "home", "local", "media", "mnt", "nix-support", "opt"}
    | {"proc", "root", "run", "srv", "sys", "tmp", "var"}
)
"""What an item may have at its top that is not part of /usr."""


@dataclass(frozen=True, slots=True)
class ShownFiles:
    """How an item appears below a directory of the image too, such as ``/usr``: each file is a second name of the same
    file, each directory a directory.

    It follows from the item alone, so that a layer does. Paths are relative to the item.
    """

    left_out: tuple[str, ...] = ()
    """What is not shown, and nothing below it; in ``/usr`` neither is what is never part of it (`NOT_IN_USR`)."""
    own: Mapping[str, OwnFile] = field(default_factory=dict)
    """Files that have a mode or an owner of their own there, so that they are files of their own."""
    links: Mapping[str, str] = field(default_factory=dict)
    """What symlinks say there, where the item's say something else."""
    top: str = USR
    """The directory of the image, an image path."""

    @property
    def directories(self) -> tuple[str, ...]:
        """The directory and all above it, the outermost first, as image paths."""
        return (*(str(path) for path in reversed(PurePosixPath(self.top).parents[:-1])), self.top)

    def place(self, path: str) -> str:
        """The image path of what the item has at a path."""
        return f"{self.top}/{path}"

    def shows(self, path: str) -> bool:
        """Whether what the item has at a path is below the directory, too."""
        if self.top == USR and path.partition("/")[0] in NOT_IN_USR:
            return False
        return not any(path == one or path.startswith(f"{one}/") for one in self.left_out)


@dataclass(frozen=True, slots=True)
class StoreItem:
    """A valid path of a store."""

    path: StorePath
    nar_hash: Digest
    nar_size: int
    """Length of the NAR serialisation, bytes."""
    references: tuple[StorePath, ...] = ()
    """Sorted; a self-reference is kept here and is never an edge of the graph."""
    deriver: StorePath | None = None
    location: Path | None = None
    """Where the files are on this machine; None when only the graph is known."""
    source: str | None = None
    """The source package the item was built from, where the store knows it: items of one source change together."""
    changed: tuple[int, ...] = ()
    """When the source changed, as far as the store knows: seconds since the epoch, ascending."""
    shown: ShownFiles | None = field(default=None, hash=False)
    """How it appears elsewhere in the image too; None for one that is in the store alone."""
    outputs: tuple[tuple[str, StorePath], ...] = ()
    """Of a derivation: name and path of each thing it makes, sorted by name."""

    @property
    def place(self) -> Path:
        """`location`, where the files must be on this machine; a ValueError for an item that is known only by name."""
        if self.location is None:
            raise ValueError(f"{self.path} has no location")
        return self.location

    def __post_init__(self) -> None:
        if self.nar_size <= 0:
            raise ValueError(f"NAR size of {self.path} is {self.nar_size}, must be positive")
        if any(not a < b for a, b in zip(self.references, self.references[1:], strict=False)):
            raise ValueError(f"references of {self.path} are not sorted or not distinct")
