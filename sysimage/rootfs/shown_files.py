"""A file of a store item as an entry of the image, at the place where it has its other name."""

from __future__ import annotations

from pathlib import Path

from sysimage.rootfs.declared_entries import is_executable
from sysimage.rootfs.tree import Entry
from sysimage.store.items import ShownFiles

_EXECUTABLE, _READABLE = 0o555, 0o444


def shown_entry(location: Path, path: str, shown: ShownFiles, owner: str) -> Entry:
    """The other name of what the item at ``location`` on this machine has at a path: a file or a link."""
    place, file = shown.place(path), location / path
    if file.is_symlink():
        return Entry.symlink(place, shown.links.get(path, str(file.readlink())), owner=owner)
    own = shown.own.get(path)
    if own is not None:
        return Entry.file(place, file, own.mode, own.uid, own.gid, owner)
    return Entry.file(place, file, _EXECUTABLE if is_executable(file) else _READABLE, owner=owner)
