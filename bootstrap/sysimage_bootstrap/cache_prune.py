"""Forgets what no build has used for long: systems, inventories, the items that no other system has, package files."""

from __future__ import annotations

from pathlib import Path

from sysimage.files import memo
from sysimage_bootstrap.archive.cache import FileCache
from sysimage_bootstrap.debs.inventory_cache import INVENTORIES
from sysimage_bootstrap.store.item_store import ItemStore, store_dirs
from sysimage_bootstrap.system_cache import paths_of_systems


def prune(cache_dir: Path, before: int) -> int:
    """Forget what was not used since ``before``, in nanoseconds since the epoch; returns the bytes freed.

    Items of the systems that are left stay. The caller must have the cache for itself.
    """
    freed = FileCache(cache_dir / "archive").prune(before)
    for directory in (cache_dir / "systems", cache_dir / "store" / INVENTORIES):
        memo.forget(directory, before)
    for store_dir in store_dirs(cache_dir / "store"):
        store = ItemStore(cache_dir / "store", store_dir)
        freed += store.prune(paths_of_systems(cache_dir / "systems", store_dir), before)
    return freed
