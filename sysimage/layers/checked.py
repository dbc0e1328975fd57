"""An item written into a layer and hashed as a NAR at the same time, from one read of each file.

What the store says about an item is believed when the layer's bytes do not matter to anybody's safety; with this it is
proven, for less than reading everything again. The references can be proven too: nothing is mentioned but them.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass

from sysimage.errors import Issue
from sysimage.layers.headers import BLOCK, Headers
from sysimage.layers.items import OPEN_FLAGS, PADDING, entries_of, no_such_thing, place
from sysimage.store import nar
from sysimage.store.items import StoreItem
from sysimage.store.pieces import Pieces, Witness
from sysimage.store.scan import Candidates, ReferenceScanner


@dataclass(frozen=True, slots=True)
class Check:
    """What is proven of the items that are written; their NAR hashes in any case."""

    candidates: Candidates | None = None
    """Those of these paths that an item mentions must be among its references."""


def write_checked_item(item: StoreItem, headers: Headers, tar: Pieces, check: Check) -> list[Issue]:
    """Write the item into the archive; says what is not as its store promised."""
    top, name = place(item)
    hasher = hashlib.sha256()
    scanner = ReferenceScanner(check.candidates) if check.candidates is not None else None
    if scanner is None:
        witness = Witness(hasher.update)
    else:
        scan = scanner.feed

        def see(data: memoryview) -> None:
            hasher.update(data)
            scan(data)

        witness = Witness(see)
    witness.put(nar.MAGIC)
    mode = os.lstat(top).st_mode
    if stat.S_ISDIR(mode):
        tar.put(headers.item_directory(name))
        witness.put(nar.DIRECTORY)
        _write_directory(top, name, headers, tar, witness)
        witness.put(nar.CLOSE)
    elif stat.S_ISLNK(mode):
        _write_link(top, name, b"", b"", headers, tar, witness)
    else:
        _write_file(top, name, b"", b"", headers, tar, witness)
    witness.flush()
    return [*_other_nar(item, top, hasher.hexdigest(), witness.length), *_undeclared(item, scanner)]


def _other_nar(item: StoreItem, top: bytes, nar_hash: str, nar_size: int) -> list[Issue]:
    if (nar_hash, nar_size) == (item.nar_hash.hex, item.nar_size):
        return []
    said = (
        f"its files at {os.fsdecode(top)} have the NAR hash sha256:{nar_hash} and {nar_size} bytes, "
        f"its store says {item.nar_hash} and {item.nar_size}"
    )
    return [Issue(str(item.path), said)]


def _undeclared(item: StoreItem, scanner: ReferenceScanner | None) -> list[Issue]:
    mentioned = scanner.found - {item.path, *item.references} if scanner else ()
    return [
        Issue(str(item.path), f"mentions {path}, which its store does not call a reference of it")
        for path in sorted(mentioned)
    ]


def _write_directory(top: bytes, top_name: bytes, headers: Headers, tar: Pieces, witness: Witness) -> None:
    unfinished = [(top_name + b"/", iter(entries_of(top)))]
    while unfinished:
        above, entries = unfinished[-1]
        for entry in entries:
            name, before = above + entry.name, nar.entry_head(entry.name)
            if entry.is_file(follow_symlinks=False):
                _write_file(entry.path, name, before, nar.CLOSE, headers, tar, witness)
            elif entry.is_symlink():
                _write_link(entry.path, name, before, nar.CLOSE, headers, tar, witness)
            elif entry.is_dir(follow_symlinks=False):
                tar.put(headers.item_directory(name))
                witness.put(before + nar.DIRECTORY)
                unfinished.append((name + b"/", iter(entries_of(entry.path))))
                break
            else:
                raise no_such_thing(entry.path)
        else:
            unfinished.pop()
            if unfinished:
                witness.put(nar.CLOSE + nar.CLOSE)


def _write_link(
    path: bytes, name: bytes, before: bytes, after: bytes, headers: Headers, tar: Pieces, witness: Witness
) -> None:
    target = os.readlink(path)  # noqa: PTH115 (bytes)
    tar.put(headers.symlink(name, target))
    witness.put(b"%b%b%b%b%b" % (before, nar.SYMLINK, nar.string(target), nar.CLOSE, after))


def _write_file(
    path: bytes, name: bytes, before: bytes, after: bytes, headers: Headers, tar: Pieces, witness: Witness
) -> None:
    fd = os.open(path, OPEN_FLAGS)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise no_such_thing(path)
        size, executable = status.st_size, status.st_mode & 0o100 != 0
        witness.put(before + nar.file_head(size, executable))
        tar.put_file(headers.item_file(name, size, executable), fd, size, PADDING[size % BLOCK], path, witness)
        witness.put(nar.PADDED_CLOSE[size % 8] + after)
    finally:
        os.close(fd)
