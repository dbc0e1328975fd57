"""The whole cache is read, each part by itself, and what is damaged in it is named and can be forgotten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sysimage.blobs import BlobDirectory
from sysimage.closure import Closure
from sysimage.files.memo import Memo
from sysimage.layerplan import plan_by
from sysimage.layers import Compression, LayerCache, build_layers
from sysimage.layers.split_layers import layer_sources
from sysimage.pipeline.base_images import BASE_IMAGES_DIRECTORY, prune_base_images
from sysimage.pipeline.cache_check import ExaminedCache, examine_cache
from sysimage.rootfs.tree import Entry, RootTree
from tests.support.refusing import refuse_to_open
from tests.support.store_builder import StoreBuilder, small_system

PARTS = ("layers", "archive", "store", "systems", "base-images", "measured", "plans")


def examined(cache: Path) -> dict[str, ExaminedCache]:
    found = {part.part: part for part in examine_cache(cache)}
    assert tuple(dict.fromkeys(found)) == PARTS
    return found


def counts(cache: Path) -> dict[str, tuple[int, int]]:
    """Of each part that has something: how much, and how much of that is damaged."""
    return {name: (part.count, len(part.damage)) for name, part in examined(cache).items() if part.count}


def layers_of(cache: Path, closure: Closure, compression: str) -> list[Path]:
    tree = RootTree([Entry.directory("/"), Entry.file("/etc/a", b"a")])
    sources = layer_sources(plan_by("guix-size", closure, 3), closure, tree)
    made = build_layers(sources, LayerCache(cache / "layers"), compression=Compression.parse(compression))
    return [LayerCache(cache / "layers").blobs.path(layer.descriptor.digest) for layer in made]


def change(place: Path) -> None:
    """Another byte at the end, in a file of its own."""
    data = place.read_bytes()
    place.unlink()
    place.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_an_empty_cache_has_nothing_in_it(tmp_path: Path) -> None:
    assert counts(tmp_path / "none") == {}


def test_what_is_damaged_is_named_and_forgotten(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    closure = small_system(StoreBuilder(tmp_path / "store"))
    plain, packed = layers_of(cache, closure, "none"), layers_of(cache, closure, "gzip")
    blobs = BlobDirectory(cache / BASE_IMAGES_DIRECTORY)
    kept = [blobs.path(blobs.put(data, "x").digest) for data in (b"one", b"two", b"three")]
    for part in ("plans", "measured"):
        memo = Memo(cache / part, made_by="x")
        for key in ("a", "b"):
            memo.keep(key, key)
    said: list[tuple[str, int, int | None, str]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "", at: str = "") -> None:
        said.append((stage, done, total, unit))

    whole = list(examine_cache(cache, progress))
    assert not any(part.damage for part in whole)
    assert counts(cache) == {
        "layers": (len(plain) + len(packed), 0),
        "base-images": (3, 0),
        "measured": (2, 0),
        "plans": (2, 0),
    }
    sizes = [place.stat().st_size for place in (*plain, *packed)]
    of_layers = [step for step in said if step[0] == "layers"]
    assert of_layers[-1] == ("layers", sum(sizes), sum(sizes), "bytes")
    assert len(of_layers) == len(sizes)

    for place in (plain[0], packed[1], kept[1], Memo(cache / "plans", made_by="x").path("a")):
        change(place)
    stray = cache / "layers" / "blobs" / "sha256" / ("0" * 64)
    stray.write_bytes(b"no layer")
    found = examined(cache)
    assert {one.place for part in found.values() for one in part.damage} == {
        plain[0],
        packed[1],
        kept[1],
        Memo(cache / "plans", made_by="x").path("a"),
        stray,
    }
    for examined_part in found.values():
        for one in examined_part.damage:
            one.drop()
            one.drop()  # another process was faster
    assert counts(cache) == {
        "layers": (len(plain) + len(packed) - 2, 0),
        "base-images": (2, 0),
        "measured": (2, 0),
        "plans": (1, 0),
    }


def test_layers_that_were_found_right_are_believed_by_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    closure = small_system(StoreBuilder(tmp_path / "store"))
    for place in layers_of(cache, closure, "none"):
        os.utime(place, (1, 1))  # as a copy of the cache has it
    assert counts(cache) == {"layers": (3, 0)}
    refuse_to_open(monkeypatch, cache / "layers/blobs")
    assert len(layers_of(cache, closure, "none")) == 3


def test_base_images_that_were_not_used_since_a_time_are_forgotten(tmp_path: Path) -> None:
    blobs = BlobDirectory(tmp_path / BASE_IMAGES_DIRECTORY)
    places = [blobs.path(blobs.put(bytes([number]) * 5000, "x").digest) for number in range(3)]
    for place, time in zip(places, (99, 100, 1), strict=True):
        os.utime(place, (time, time))
    blocks = [place.stat().st_blocks for place in places]
    assert prune_base_images(tmp_path, 100 * 10**9) == 512 * (blocks[0] + blocks[2]) > 0
    assert [place.exists() for place in places] == [False, True, False]
