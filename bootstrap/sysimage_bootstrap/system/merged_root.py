"""The file tree that triggers read: the packages, the files on top of them and those that the spec declares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from sysimage.rootfs.tree import Entry, Kind
from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.system.usr import Usr
from sysimage_bootstrap.triggers.merged_tree import Found, MergedTree


def merged_tree(usr: Usr, packages: Sequence[Installed], over: Iterable[Entry], store: ItemStore) -> MergedTree:
    """The tree of /usr, /etc and /var. ``over`` are entries that take the place of what packages have, and of those
    before them."""
    entries = {entry.path: entry for entry in over if entry.kind is not Kind.DIRECTORY}
    elsewhere = {
        f"/{path}": package
        for package in reversed(packages)
        for top in ("etc", "var")
        for path, file in package.walk(top)
        if file.is_symlink() or not file.is_dir()
    }

    def look(path: str) -> Found | None:
        if path in entries:
            return _found(entries[path])
        if path in elsewhere:
            file = elsewhere[path].location / path.lstrip("/")
            return str(file.readlink()) if file.is_symlink() else file
        holders = usr.holders.get(path.removeprefix("/usr/")) if path.startswith("/usr/") else None
        return _found(holders[0].usr_entry(path.removeprefix("/usr/"))) if holders else None

    paths = {*entries, *elsewhere, *(f"/usr/{path}" for path in usr.holders)}
    return MergedTree(paths, look, store.store_dir, Path(store.root))


def _found(entry: Entry) -> Found | None:
    return entry.content if entry.target is None else entry.target
