"""Trees in lock files: what they held when the lock was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import Issue, LockError
from sysimage.pipeline.options import BuildSources, DeclaredSystem
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage.trees.items import TreeStore
from sysimage.trees.selection import Selection
from sysimage_bootstrap.packages.lock import read_lock
from sysimage_bootstrap.store.item_store import ItemStore


def tree_store(system: DeclaredSystem, cache_dir: Path, present: tuple[StorePath, ...] = ()) -> TreeStore:
    """Where the trees of a system become items; ``present`` is what they may mention."""
    store = ItemStore(cache_dir / "store", system.spec.store.store_dir)
    return TreeStore(store, cache_dir / "trees", present)


def tree_hashes(system: DeclaredSystem, trees: TreeStore) -> dict[str, str]:
    """Image path of each tree of a spec → the NAR hash of what it holds, or of those of its parts, one a line; a
    `SpecError` for one that is refused."""
    spec = system.spec
    return {
        path: str(_together(trees.items(Selection.of(path, tree, system.spec_dir, spec.allow_secrets))))
        for path, tree in sorted(spec.trees.items())
    }


def _together(items: Sequence[StoreItem]) -> Digest:
    if len(items) == 1:
        return items[0].nar_hash
    return Digest.of("".join(f"{item.path.name} {item.nar_hash}\n" for item in items).encode())


def compare_with_lock(system: DeclaredSystem, sources: BuildSources, found: Mapping[str, str]) -> None:
    """Refuse trees that are not what the lock file says, where ``sources`` demand that; or write down what they are,
    where a lock is to be brought up to date. A plain build takes trees as they are: they change with every release."""
    lock_file = system.lock_file
    if lock_file is None or not lock_file.exists():
        return
    lock = read_lock(lock_file)
    if lock.trees == found:
        return
    if sources.stale == "update":
        replace(lock, trees=dict(found)).write(lock_file)
        return
    issues = [
        Issue(path, f"now {found.get(path, 'not in the spec')}, locked {lock.trees.get(path, 'without it')}")
        for path in sorted(found.keys() | lock.trees.keys())
        if found.get(path) != lock.trees.get(path)
    ]
    raise LockError(
        "cannot use the lock file: trees are not what was locked",
        hint="`sysimage build --update` writes down what they are now",
        issues=issues,
    )
