"""IDs of accounts in lock files: added by builds, kept by every lock that comes after."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.notices import listen_to_notices
from sysimage.pipeline.account_locks import ids_to_lock, keep_ids
from sysimage.pipeline.options import BuildSources, DeclaredSystem
from sysimage.spec.account_ids import AccountIds
from sysimage.spec.parse import spec_of_value
from sysimage_bootstrap.packages.lock import LockFile, read_lock
from sysimage_bootstrap.packages.resolve import Resolution
from tests.support.builds import NO_ARCHIVE

REDIS = AccountIds({"redis": 512}, {"redis": 512})


@pytest.fixture
def system(tmp_path: Path) -> DeclaredSystem:
    spec = spec_of_value({"name": "x", "packages": []}, tmp_path).spec
    system = DeclaredSystem.of(spec, tmp_path, tmp_path / "x.lock.json")
    LockFile({}, (), Resolution((), {}, ()), account_ids=REDIS).write(tmp_path / "x.lock.json")
    return system


def sources(system: DeclaredSystem, *, locked: bool = False) -> BuildSources:
    return BuildSources(system.spec_dir / "cache", NO_ARCHIVE, locked=locked, keeps_ids=True)


def kept(system: DeclaredSystem) -> AccountIds:
    assert system.lock_file is not None
    return read_lock(system.lock_file).account_ids


def test_ids_that_a_build_chose_are_added_and_those_that_are_there_stay(system: DeclaredSystem) -> None:
    said: list[str] = []
    with listen_to_notices(said.append):
        keep_ids(system, sources(system), AccountIds({"redis": 999, "git": 700}, {"web": 701}))
    assert kept(system) == AccountIds({"git": 700, "redis": 512}, {"redis": 512, "web": 701})
    assert said == [f"{system.lock_file}: the IDs of accounts were added (git, web)"]


def test_nothing_is_written_or_printed_where_all_are_there(system: DeclaredSystem) -> None:
    assert system.lock_file is not None
    before = system.lock_file.stat()
    said: list[str] = []
    with listen_to_notices(said.append):
        keep_ids(system, sources(system), REDIS)
    assert system.lock_file.stat() == before
    assert said == []


def test_a_locked_build_says_what_is_missing_and_writes_nothing(system: DeclaredSystem) -> None:
    names = ["a", "b", "c", "d", "e", "f", "g"]
    said: list[str] = []
    with listen_to_notices(said.append):
        keep_ids(system, sources(system, locked=True), AccountIds({name: 300 + at for at, name in enumerate(names)}))
    assert kept(system) == REDIS
    assert said == [
        f"{system.lock_file} lacks the IDs of accounts (a, b, c, d, e and 2 more): "
        "a build without --locked writes them down"
    ]


def test_a_plan_or_a_run_leaves_the_lock_file_alone(system: DeclaredSystem) -> None:
    keep_ids(system, BuildSources(system.spec_dir / "cache", NO_ARCHIVE), AccountIds({"git": 700}))
    assert kept(system) == REDIS


def test_a_new_lock_keeps_the_ids_of_the_one_before(system: DeclaredSystem, tmp_path: Path) -> None:
    assert system.lock_file is not None
    nothing = Resolution((), {}, ())
    assert ids_to_lock(system, read_lock(system.lock_file), nothing, tmp_path / "cache") == REDIS
    assert not ids_to_lock(system, None, nothing, tmp_path / "cache")
