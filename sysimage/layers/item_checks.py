"""An item written into a layer and hashed as a NAR at the same time, from one read of each file.

A layer normally trusts what the store says about an item. This check proves it, at a lower cost than reading
everything again. It can also prove the references: the item mentions no others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sysimage.errors import Issue
from sysimage.layers.headers import Headers
from sysimage.layers.items import ItemWriter, walk_item
from sysimage.layers.shown_files import ItemShown
from sysimage.store import nar
from sysimage.store.items import StoreItem
from sysimage.store.scan import Candidates, ReferenceScanner
from sysimage.store.walk import Entry
from sysimage.streams.pieces import PieceObserver, Pieces


@dataclass(frozen=True, slots=True)
class Check:
    """What is proven of the items that are written; their NAR hashes in any case."""

    candidates: Candidates | None = None
    """Those of these paths that an item mentions must be among its references."""


def write_checked_item(
    item: StoreItem, headers: Headers, tar: Pieces, check: Check, shown: ItemShown | None = None
) -> list[Issue]:
    """Write the item into the archive, and what it shows elsewhere; reports every difference from the store's
    registration."""
    hasher = hashlib.sha256()
    scanner = ReferenceScanner(check.candidates) if check.candidates is not None else None
    if scanner is None:
        witness = PieceObserver(hasher.update)
    else:
        scan = scanner.feed

        def see(data: memoryview) -> None:
            hasher.update(data)
            scan(data)

        witness = PieceObserver(see)
    witness.put(nar.MAGIC)
    walk_item(item, _CheckedTarWriter(headers, tar, shown, witness))
    witness.flush()
    return [*_other_nar(item, hasher.hexdigest(), witness.length), *_undeclared(item, scanner)]


def _other_nar(item: StoreItem, nar_hash: str, nar_size: int) -> list[Issue]:
    if (nar_hash, nar_size) == (item.nar_hash.hex, item.nar_size):
        return []
    said = (
        f"its files at {item.location} have the NAR hash sha256:{nar_hash} and {nar_size} bytes, "
        f"its store says {item.nar_hash} and {item.nar_size}"
    )
    return [Issue(str(item.path), said)]


def _undeclared(item: StoreItem, scanner: ReferenceScanner | None) -> list[Issue]:
    mentioned = scanner.found - {item.path, *item.references} if scanner else ()
    return [
        Issue(str(item.path), f"mentions {path}, which its store does not call a reference of it")
        for path in sorted(mentioned)
    ]


class _CheckedTarWriter(ItemWriter):
    __slots__ = ("_witness",)

    def __init__(self, headers: Headers, tar: Pieces, shown: ItemShown | None, witness: PieceObserver) -> None:
        super().__init__(headers, tar, shown)
        self._witness = witness

    def content(self, entry: Entry, name: bytes, fd: int, size: int, executable: bool) -> None:
        witness = self._witness
        witness.put(nar.entry_head(entry.name) + nar.file_head(size, executable))
        self.put_file(entry, name, fd, size, executable, witness)
        witness.put(nar.file_end(size, entry.name))

    def target(self, entry: Entry, name: bytes, target: bytes) -> None:
        self.put_link(name, target)
        self._witness.put(nar.link(entry.name, target))

    def enter(self, entry: Entry, name: bytes) -> None:
        self.put_directory(name)
        self._witness.put(nar.entry_head(entry.name) + nar.DIRECTORY)

    def leave(self, depth: int) -> None:
        self._witness.put(nar.directory_end(depth))
