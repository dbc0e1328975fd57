"""Trees in lock files: compared with what was locked, and written where a lock is brought up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.digest import Digest
from sysimage.errors import LockError
from sysimage.pipeline.options import BuildSources, DeclaredSystem
from sysimage.pipeline.tree_locks import compare_with_lock, tree_hashes, tree_store
from sysimage.spec.parse import spec_of_value
from sysimage_bootstrap.packages.lock import LockFile, read_lock
from sysimage_bootstrap.packages.resolve import Resolution
from tests.support.builds import NO_ARCHIVE


@pytest.fixture
def system(tmp_path: Path) -> DeclaredSystem:
    """A spec with a tree, and a lock file of that."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/page").write_text("page")
    trees = {"/srv/shop": {"source": "dist"}}
    spec = spec_of_value({"name": "x", "packages": [], "trees": trees}, tmp_path).spec
    system = DeclaredSystem.of(spec, tmp_path, tmp_path / "x.lock.json")
    LockFile({}, (), Resolution((), {}, ()), trees=found(system)).write(tmp_path / "x.lock.json")
    return system


def found(system: DeclaredSystem) -> dict[str, str]:
    return tree_hashes(system, tree_store(system, system.spec_dir / "cache"))


def sources(system: DeclaredSystem, *, locked: bool = False, update: bool = False) -> BuildSources:
    stale = "update" if update else "refuse"
    return BuildSources(system.spec_dir / "cache", NO_ARCHIVE, locked=locked, stale=stale)  # type: ignore[arg-type]


def test_a_tree_that_is_what_was_locked_is_taken(system: DeclaredSystem) -> None:
    compare_with_lock(system, sources(system, locked=True), found(system))


def test_a_tree_that_changed_is_named_with_both_hashes(system: DeclaredSystem) -> None:
    before = found(system)["/srv/shop"]
    (system.spec_dir / "dist/page").write_text("other")
    with pytest.raises(LockError, match="trees are not what was locked") as caught:
        compare_with_lock(system, sources(system, locked=True), found(system))
    assert [str(issue) for issue in caught.value.issues] == [
        f"/srv/shop: now {found(system)['/srv/shop']}, locked {before}"
    ]


def test_trees_that_came_and_went_are_named(system: DeclaredSystem) -> None:
    other = {"/srv/new": str(Digest.of(b"new"))}
    with pytest.raises(LockError) as caught:
        compare_with_lock(system, sources(system, locked=True), other)
    assert [issue.where for issue in caught.value.issues] == ["/srv/new", "/srv/shop"]


def test_an_update_writes_what_trees_are_now(system: DeclaredSystem) -> None:
    (system.spec_dir / "dist/page").write_text("other")
    compare_with_lock(system, sources(system, update=True), found(system))
    assert system.lock_file is not None
    assert read_lock(system.lock_file).trees == found(system)


def test_a_plain_build_compares_no_trees(system: DeclaredSystem) -> None:
    assert not sources(system).compares_trees
