"""What a spec takes from beside it, in lock files: trees, wheels, npm packages and jars, as they were when it was
locked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.digest import Digest
from sysimage.errors import Issue, LockError
from sysimage.pipeline.options import BuildSources, DeclaredSystem
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage.trees.items import TreeStore
from sysimage.trees.selection import Selection
from sysimage_bootstrap.packages.lock import InputChange, LockedInputs, read_lock
from sysimage_bootstrap.store.item_store import ItemStore

if TYPE_CHECKING:
    from sysimage.spec.python import Python
    from sysimage.wheels.fetch import WheelSource

_ALWAYS = ("python", "node")
"""Kinds that another lock file names: if that lock file changes, they change, and sysimage's lock file has to be made
again."""
_LOCKED = ("trees", "java")
"""Kinds that a release of the application changes."""


def tree_store(system: DeclaredSystem, cache_dir: Path, present: tuple[StorePath, ...] = ()) -> TreeStore:
    """Where the trees of a system become items; ``present`` is what they may mention."""
    store = ItemStore(cache_dir / "store", system.spec.store.store_dir)
    return TreeStore(store, cache_dir / "trees", present)


def wheel_source(system: DeclaredSystem, python: Python, sources: BuildSources) -> WheelSource:
    """Where the wheels of a system come from."""
    from sysimage.wheels.fetch import WheelSource

    directory = None if python.wheels is None else system.spec_dir / python.wheels
    offline = sources.archive.options.transport.offline
    return WheelSource(sources.cache_dir / "wheels", sources.environment, directory, offline)


def locked_inputs(
    system: DeclaredSystem, sources: BuildSources, trees: TreeStore, made_of: Sequence[StoreItem] | Mapping[str, str]
) -> LockedInputs:
    """What the spec takes besides packages, as it is now. Which wheels are taken follows from what the image is
    ``made_of``: items, or versions of packages by name. Those that only an index can choose are fetched. A `SpecError`
    names what is refused.
    """
    spec = system.spec
    found: dict[str, dict[str, str]] = {}
    if spec.trees or (spec.python is not None and spec.python.source is not None):
        found["trees"] = dict(_trees(system, trees))
    if spec.python is not None and spec.python.lock is not None:
        from sysimage.wheels.lock_file import read_lock as read_python_lock
        from sysimage.wheels.target import Target

        architecture = spec.architecture
        if isinstance(made_of, Mapping):
            target = Target.of_versions(made_of, architecture)
        else:
            target = Target.of(made_of, architecture)
        wheels = read_python_lock(spec.python, system.spec_dir, target)
        files = wheel_source(system, spec.python, sources).choose(wheels, target)
        found["python"] = {file.wheel.name: f"{file.file} sha256:{file.sha256}" for file in files}
    if spec.node is not None:
        from sysimage.npm_packages.lock_file import read_lock as read_npm_lock

        packages = read_npm_lock(spec.node, system.spec_dir, spec.architecture)
        found["node"] = {one.place: f"{one.name} {one.version} {one.algorithm}:{one.digest}" for one in packages}
    if spec.java is not None:
        from sysimage.jars.source import find_jars

        found["java"] = {jar.path: f"sha256:{jar.sha256}" for jar in find_jars(spec.java, system.spec_dir).jars}
    return found


def _trees(system: DeclaredSystem, trees: TreeStore) -> Iterator[tuple[str, str]]:
    spec = system.spec
    chosen = [Selection.of(path, tree, system.spec_dir, spec.allow_secrets) for path, tree in spec.trees.items()]
    if spec.python is not None and spec.python.source is not None:
        from sysimage.wheels.own_source import selection_of

        chosen.append(selection_of(spec.python.source, system.spec_dir, spec.allow_secrets))
    for selection in sorted(chosen, key=lambda one: one.path):
        yield selection.path, str(_together(trees.items(selection)))


def _together(items: Sequence[StoreItem]) -> Digest:
    """The NAR hash of the item of a tree; of several, that of their names and NAR hashes, one a line."""
    if len(items) == 1:
        return items[0].nar_hash
    return Digest.of("".join(f"{item.path.name} {item.nar_hash}\n" for item in items).encode())


def compare_with_lock(system: DeclaredSystem, sources: BuildSources, found: LockedInputs) -> None:
    """Refuse inputs that are not what the lock file says, or write down what they are where a lock is to be brought up
    to date. A plain build takes trees and jars as they are: they change with every release. What another lock file
    names is compared always."""
    lock_file = system.lock_file
    if lock_file is None or not lock_file.exists():
        return
    lock = read_lock(lock_file)
    if sources.stale == "update":
        if lock.inputs != found:
            replace(lock, inputs=found).write(lock_file)
        return
    kinds = (*_LOCKED, *_ALWAYS) if sources.locked else _ALWAYS
    issues = [
        Issue(where(change), f"now {change.new or 'not in the spec'}, locked {change.old or 'without it'}")
        for change in lock.input_changes(found)
        if change.kind in kinds
    ]
    if issues:
        raise LockError(
            "cannot use the lock file: what the spec takes besides packages is not what was locked",
            hint="`sysimage lock` shows what changed, `sysimage build --update` takes it",
            issues=issues,
        )


def where(change: InputChange) -> str:
    """What a change is about, for messages."""
    return change.name if change.kind == "trees" else f"{change.kind}: {change.name}"
