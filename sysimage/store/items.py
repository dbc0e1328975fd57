"""Store items: what the later rooms need to know about a path, so that none has to ask again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sysimage.digest import Digest
from sysimage.store.paths import StorePath


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
    """Where the files lie on this machine; None when only the graph is known."""
    source: str | None = None
    """The source package the item was built from, where the store knows it: items of one source change together."""
    changed: tuple[int, ...] = ()
    """When the source changed, as far as the store knows: seconds since the epoch, ascending."""
    outputs: tuple[tuple[str, StorePath], ...] = ()
    """Of a derivation: name and path of each thing it makes, sorted by name."""

    def __post_init__(self) -> None:
        if self.nar_size <= 0:
            raise ValueError(f"NAR size of {self.path} is {self.nar_size}, must be positive")
        if any(not a < b for a, b in zip(self.references, self.references[1:], strict=False)):
            raise ValueError(f"references of {self.path} are not sorted or not distinct")
