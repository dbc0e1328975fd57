"""Looks for damage in what was fetched and made; what is dropped is fetched or made again when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sysimage.digest import Digest
from sysimage.files import memo
from sysimage.progress import Progress, silent
from sysimage.store.paths import StorePath
from sysimage_bootstrap.archive.cache import FileCache
from sysimage_bootstrap.archive.index import PackageList
from sysimage_bootstrap.archive.signed_release import examine_releases
from sysimage_bootstrap.debs.inventory_cache import INVENTORIES
from sysimage_bootstrap.store.item_store import ItemStore, store_dirs


def damaged_items(store: ItemStore, named: Iterable[str]) -> tuple[StorePath, ...]:
    """Of the items that are ``named``, by store path or by a file of theirs on this machine, those that are damaged,
    sorted; every byte of them is read."""
    paths = set()
    for name in named:
        place = Path(name)
        if place.is_relative_to(store.items_dir):
            name = f"{store.store_dir}/{place.relative_to(store.items_dir).parts[0]}"
        if name.startswith(store.store_dir + "/"):
            paths.add(StorePath.parse(name))
    return tuple(path for path in sorted(paths) if store.read(path) is None)


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in the cache that is not what it was when it was put there."""

    place: Path
    """The file, or the directory of an item."""
    drop: Callable[[], object]
    """Makes the cache forget it."""


@dataclass(frozen=True, slots=True)
class ExaminedCache:
    """A part of the cache that was read whole."""

    part: str
    count: int
    """How many things it has."""
    damage: tuple[Damage, ...]


def examine(cache_dir: Path, progress: Progress = silent) -> Iterator[ExaminedCache]:
    """Read every byte of package files and lists, store items, inventories and systems."""
    yield _archive(cache_dir / "archive", progress)
    yield _store(cache_dir / "store", progress)
    yield texts("systems", cache_dir / "systems")


def texts(part: str, directory: Path) -> ExaminedCache:
    """Read the texts that a build keeps in ``directory``."""
    found = list(memo.texts(directory))
    return ExaminedCache(part, len(found), _files(path for path, text in found if text is None))


def _archive(directory: Path, progress: Progress) -> ExaminedCache:
    files = FileCache(directory).files()
    damaged = []
    for done, (digest, path) in enumerate(files, 1):
        with path.open("rb") as file:
            if Digest.of_file(file) != digest:
                damaged.append(path)
        progress("archive", done, len(files))
    lists, damaged_lists = PackageList.damaged(directory / "lists")
    resolutions = texts("archive", directory / "resolutions")
    releases, damaged_releases = examine_releases(directory)
    damage = _files((*damaged, *damaged_lists, *damaged_releases)) + resolutions.damage
    return ExaminedCache("archive", len(files) + lists + resolutions.count + releases, damage)


def _store(root: Path, progress: Progress) -> ExaminedCache:
    count = 0
    damage: list[Damage] = []
    for store_dir in store_dirs(root):
        store = ItemStore(root, store_dir)
        paths = store.registered()
        for done, path in enumerate(paths, 1):
            if store.read(path) is None:
                damage.append(Damage(store.location(path), partial(store.drop, path)))
            progress("store", done, len(paths))
        count += len(paths)
    inventories = texts("store", root / INVENTORIES)
    return ExaminedCache("store", count + inventories.count, (*damage, *inventories.damage))


def _files(paths: Iterable[Path]) -> tuple[Damage, ...]:
    return tuple(Damage(path, partial(path.unlink, missing_ok=True)) for path in paths)
