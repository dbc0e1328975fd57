"""Damage of the kinds that happen: a byte is another one, and the file looks as it did."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from sysimage.blobs.file_fingerprint import FileFingerprint
from sysimage.layers import LayerCache
from sysimage.store.paths import StorePath
from sysimage.store.tree_fingerprint import tree_fingerprint
from sysimage_bootstrap.store import ItemStore, registration


def flip_a_byte(file: Path, at: int = -1) -> None:
    """Change a byte and give the file back its mode and its times: all of them that a program can set."""
    before = file.stat()
    data = bytearray(file.read_bytes())
    data[at] ^= 0x20
    file.chmod(0o644)
    with file.open("r+b") as opened:
        opened.write(data)
    file.chmod(before.st_mode & 0o7777)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def lose_a_bit(store: ItemStore, path: StorePath, name: str) -> None:
    """Change a byte of an item as a disk does, which moves no time at all: what the store noted is as it is now."""
    flip_a_byte(store.location(path) / name)
    noted = store.root / "var/sysimage/registered" / store.store_dir[1:] / path.base_name
    known = registration.read(noted)
    if known is None:
        raise ValueError(f"{path} is not registered")
    registration.write(noted, replace(known, state=tree_fingerprint(store.location(path))))


def lose_a_bit_of_a_layer(cache: LayerCache, key: str, at: int = -1) -> None:
    """The same with a layer's blob."""
    (record,) = [one for one in cache.layers() if one.key == key]
    blob = cache.blobs.path(record.blob.descriptor.digest)
    flip_a_byte(blob, at)
    cache.linked(key, record.stamp, FileFingerprint.of(blob))
