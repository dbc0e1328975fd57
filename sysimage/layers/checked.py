"""An item written into a layer and hashed as a NAR at the same time, from one read of each file.

What the store says about an item is believed when the layer's bytes do not matter to anybody's safety; with this it is
proven, for less than reading everything again.
"""

from __future__ import annotations

import hashlib
import os
import stat

from sysimage.errors import IntegrityError
from sysimage.layers.headers import BLOCK, Headers
from sysimage.layers.items import OPEN_FLAGS, PADDING, entries_of, no_such_thing, place
from sysimage.store import nar
from sysimage.store.items import StoreItem
from sysimage.store.pieces import Pieces


def write_checked_item(item: StoreItem, headers: Headers, tar: Pieces) -> None:
    """Write the item into the archive; an `IntegrityError` if its NAR is not the promised one."""
    top, name = place(item)
    hasher = hashlib.sha256()
    witness = Pieces(hasher.update)
    witness.put(nar.MAGIC)
    _write(top, name, b"", b"", headers, tar, witness)
    size = witness.finish()
    if (hasher.hexdigest(), size) != (item.nar_hash.hex, item.nar_size):
        raise IntegrityError(
            f"cannot use {item.path}: its files at {os.fsdecode(top)} have the NAR hash sha256:{hasher.hexdigest()} "
            f"and {size} bytes, its store says {item.nar_hash} and {item.nar_size}",
            hint="the item was changed or damaged; repair it in its store",
        )


def _write(
    top: bytes, name: bytes, before: bytes, after: bytes, headers: Headers, tar: Pieces, witness: Pieces
) -> None:
    # What is still to be written, the next at the end; a string is something the NAR closes with.
    stack: list[tuple[bytes, bytes, bytes, bytes] | bytes] = [(top, name, before, after)]
    while stack:
        following = stack.pop()
        if isinstance(following, bytes):
            witness.put(following)
            continue
        path, name, before, after = following
        fd = _opened(path)
        if fd is None:
            target = os.readlink(path)  # noqa: PTH115 (bytes)
            tar.put(headers.symlink(name, target))
            witness.put(b"%b%b%b%b%b" % (before, nar.SYMLINK, nar.string(target), nar.CLOSE, after))
            continue
        try:
            status = os.fstat(fd)
            if stat.S_ISREG(status.st_mode):
                size, executable = status.st_size, status.st_mode & 0o100 != 0
                witness.put(before + nar.file_head(size, executable))
                header = headers.item_file(name, size, executable)
                tar.put_file(header, fd, size, PADDING[size % BLOCK], path, witness)
                witness.put(nar.PADDED_CLOSE[size % 8] + after)
                continue
        finally:
            os.close(fd)
        if not stat.S_ISDIR(status.st_mode):
            raise no_such_thing(path)
        tar.put(headers.item_directory(name))
        witness.put(before + nar.DIRECTORY)
        stack.append(nar.CLOSE + after)
        stack += [
            (entry.path, b"%b/%b" % (name, entry.name), nar.entry_head(entry.name), nar.CLOSE)
            for entry in entries_of(path)
        ]


def _opened(path: bytes) -> int | None:
    """A descriptor; None for a symlink, which is never followed."""
    try:
        return os.open(path, OPEN_FLAGS)
    except OSError:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            return None
        raise
