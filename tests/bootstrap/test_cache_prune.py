"""What no build has used for long is forgotten; what one has, and all that it needs, stays."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.digest import Digest
from sysimage.files import memo
from sysimage.rootfs.system import SystemResult
from sysimage.spec.model import SystemSpec
from sysimage.store.items import StoreItem
from sysimage_bootstrap.archive.cache import FileCache
from sysimage_bootstrap.cache_prune import prune
from sysimage_bootstrap.store import BuiltItem, ItemStore, Recipe
from sysimage_bootstrap.system.system import build_system
from sysimage_bootstrap.system_cache import SystemCache
from tests.bootstrap.system.packages import make_packages, make_programs

DAY = 24 * 60 * 60 * 10**9


def system_of(cache: Path, name: str, store_dir: str = "/gnu/store") -> SystemResult:
    """A system that was made, and is remembered by its name."""
    spec = SystemSpec.model_validate({"name": name, "files": {"/etc/name": {"text": name}}, "packages": []})
    store = ItemStore(cache / "store", store_dir)
    items, facts = make_packages(store)
    result = build_system(spec, cache, items, facts, store, make_programs(spec, store))
    SystemCache(cache / "systems", store, made_by="code").keep(name, result)
    return result


def stray(cache: Path, name: str) -> StoreItem:
    """An item that no system has."""

    def build(top: Path) -> BuiltItem:
        top.mkdir()
        (top / "file").write_text(name * 5000)
        return BuiltItem()

    return ItemStore(cache / "store", "/gnu/store").realise(Recipe(name, "test", (), {}), build)


def package_file(cache: Path, content: bytes) -> Path:
    files, digest = FileCache(cache / "archive"), Digest.of(content)
    with files.partial(digest, threading.Event()) as partial:
        partial.write(content)
        return files.keep(digest, partial)


def aged(paths: Iterable[Path], days: int = 40) -> None:
    then = time.time_ns() - days * DAY
    for path in paths:
        os.utime(path, ns=(then, then))


def registrations(cache: Path) -> list[Path]:
    return [path for path in (cache / "store/var/sysimage/registered").rglob("*") if path.is_file()]


def remembered(cache: Path, name: str) -> SystemResult | None:
    return SystemCache(cache / "systems", ItemStore(cache / "store", "/gnu/store"), made_by="code").find(name)


def pruned(cache: Path, days: int = 30) -> int:
    return prune(cache, time.time_ns() - days * DAY)


def test_an_old_item_that_no_system_has_is_removed_and_those_of_systems_stay(tmp_path: Path) -> None:
    result = system_of(tmp_path, "web")
    old = stray(tmp_path, "old")
    aged(registrations(tmp_path))
    new = stray(tmp_path, "new")

    assert pruned(tmp_path) > 10_000
    store = ItemStore(tmp_path / "store", "/gnu/store")
    assert store.get(old.path) is None
    assert not store.location(old.path).exists()
    assert store.get(new.path) == new
    assert remembered(tmp_path, "web") == result
    assert all(store.get(item.path) == replace(item, shown=None) for item in result.items)
    assert pruned(tmp_path) == 0


def test_what_is_half_removed_when_it_stops_counts_as_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = stray(tmp_path, "old")
    aged(registrations(tmp_path))

    def full_of_errors(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        for name in ("rmdir", "unlink"):
            patched.setattr(os, name, refusing_below(tmp_path / "store/gnu/store", getattr(os, name), full_of_errors))
        with pytest.raises(OSError, match="Input/output"):
            pruned(tmp_path)
    store = ItemStore(tmp_path / "store", "/gnu/store")
    assert store.location(old.path).exists()
    assert store.get(old.path) is None


def refusing_below(top: Path, real: Callable[..., None], refuse: Callable[..., None]) -> Callable[..., None]:
    """A system call that fails for what is below ``top``, however that is named."""

    def call(path: str | Path, *arguments: object, **options: object) -> None:
        inside = options.get("dir_fd") is not None or str(path).startswith(str(top))
        (refuse if inside else real)(path, *arguments, **options)

    return call


def test_a_system_that_was_not_used_goes_with_its_items_but_not_those_of_others(tmp_path: Path) -> None:
    old = system_of(tmp_path, "old")
    aged([*registrations(tmp_path), *(tmp_path / "systems").iterdir()])
    used = system_of(tmp_path, "used")

    assert pruned(tmp_path) > 0
    assert remembered(tmp_path, "old") is None
    assert remembered(tmp_path, "used") == used
    store = ItemStore(tmp_path / "store", "/gnu/store")
    assert store.get(old.system) is None
    assert {item.path for item in store.items()} >= {item.path for item in used.items}
    assert system_of(tmp_path, "old") == old, "it is made again as it was"


def test_the_items_of_a_system_that_another_version_remembers_stay(tmp_path: Path) -> None:
    result = system_of(tmp_path, "web")
    (text,) = [text for _, text in memo.texts(tmp_path / "systems")]
    shutil.rmtree(tmp_path / "systems")
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems/older.json").write_text(f"2 seal\n{text}")
    aged(registrations(tmp_path))
    assert pruned(tmp_path) == 0
    store = ItemStore(tmp_path / "store", "/gnu/store")
    assert all(store.get(item.path) == replace(item, shown=None) for item in result.items)


def test_a_system_that_was_found_again_counts_as_used(tmp_path: Path) -> None:
    system_of(tmp_path, "web")
    aged([*registrations(tmp_path), *(tmp_path / "systems").iterdir()])
    assert remembered(tmp_path, "web") is not None
    assert pruned(tmp_path) == 0
    assert remembered(tmp_path, "web") is not None


@pytest.mark.parametrize("store_dir", ["/gnu/store", "/nix/store"])
def test_everything_goes_where_nothing_is_to_be_kept(tmp_path: Path, store_dir: str) -> None:
    system_of(tmp_path, "web", store_dir)
    package_file(tmp_path, b"package")
    assert pruned(tmp_path, days=0) > 0
    assert registrations(tmp_path) == []
    assert list((tmp_path / "store" / store_dir[1:]).iterdir()) == []
    assert [path for path in (tmp_path / "archive").rglob("*") if path.is_file()] == []
    assert list((tmp_path / "systems").iterdir()) == []


def test_package_files_stay_as_long_as_builds_ask_for_them(tmp_path: Path) -> None:
    asked, forgotten = package_file(tmp_path, b"asked"), package_file(tmp_path, b"forgotten")
    begun = asked.with_name("begun.part")
    begun.touch()
    aged([asked, forgotten, begun])
    assert FileCache(tmp_path / "archive").find(Digest.of(b"asked"), len(b"asked")) == asked

    assert pruned(tmp_path) > 0
    assert asked.read_bytes() == b"asked"
    assert not forgotten.exists()
    assert not begun.exists()


def test_a_cache_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert pruned(tmp_path / "nothing") == 0
    assert not (tmp_path / "nothing").exists()
