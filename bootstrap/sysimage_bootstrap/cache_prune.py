"""Forgets what no build has used for long: systems, inventories, the items that no other system has, package files."""

from __future__ import annotations

from pathlib import Path

from sysimage.files import memo
from sysimage_bootstrap.archive.cache import FileCache
from sysimage_bootstrap.debs.inventory_cache import INVENTORIES
from sysimage_bootstrap.store.item_store import ItemStore, store_dirs
from sysimage_bootstrap.system_cache import paths_of_systems

_NAMING_ITEMS = ("systems", "trees", "wheels/used", "npm/used", "jars/used")
"""Directories of the cache whose texts name the items that builds have used."""


def prune(cache_dir: Path, before: int) -> int:
    """Forget what was not used since ``before``, in nanoseconds since the epoch; returns the bytes freed.

    Items of the systems that are left stay. The caller must have the cache for itself.
    """
    freed = FileCache(cache_dir / "archive").prune(before)
    naming = [cache_dir / name for name in _NAMING_ITEMS]
    for directory in (*naming, cache_dir / "store" / INVENTORIES):
        memo.forget(directory, before)
    for store_dir in store_dirs(cache_dir / "store"):
        store = ItemStore(cache_dir / "store", store_dir)
        alive = frozenset().union(*(paths_of_systems(directory, store_dir) for directory in naming))
        freed += store.prune(alive, before)
    return freed
