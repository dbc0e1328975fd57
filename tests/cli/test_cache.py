"""`sysimage cache`: what is there, by part and by layer, and less of it afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.cli import main
from sysimage.digest import Digest
from sysimage.files.locks import in_use
from sysimage.layers import LayerCache, LayerSource
from sysimage.layers.cache import CachedLayer
from sysimage.rootfs import Entry
from tests.support.builds import build_from_store, registered
from tests.support.damaged import flip_a_byte, lose_a_bit_of_a_layer
from tests.support.documents import read_document
from tests.support.store_builder import StoreBuilder, small_system


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A place with a small system, of which one image was built."""
    registered(small_system(StoreBuilder(tmp_path / "store")), tmp_path / "registration")
    build(tmp_path)
    return tmp_path


def build(workspace: Path, **options: Any) -> None:
    (system,) = [path.name for path in (workspace / "store").iterdir() if path.name.endswith("-system")]
    source = {"paths": [f"/gnu/store/{system}"], "source": "registration", "location": "store"}
    build_from_store(workspace, {"name": "small", "from-store": source}, **options)


def say(capsys: pytest.CaptureFixture[str], *words: str | Path) -> Any:
    assert main(["cache", *map(str, words), "--json"]) == 0
    return read_document(capsys.readouterr().out)


def layers_in(capsys: pytest.CaptureFixture[str], cache: Path) -> Any:
    return say(capsys, "--layers", "--cache-dir", cache)["layers"]


def test_the_cache_is_reported_by_part_and_by_layer(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = {part["name"]: part for part in say(capsys, "--cache-dir", workspace / "cache")["parts"]}
    layers = say(capsys, "list", "--layers", "--cache-dir", workspace / "cache")["layers"]
    assert parts["layers"]["file_count"] == 2 * len(layers) + 1, "a record and a blob for each, and the lock"
    assert parts["plans"]["file_count"] == 1
    assert parts["archive"]["file_count"] == 0
    held = [name for layer in layers for name in layer["contents"]]
    assert any(name.endswith("-system") for name in held)
    assert main(["cache", "--cache-dir", str(workspace / "cache")]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-1].startswith(f"{workspace}/cache: ")
    assert main(["cache", "--layers", "--cache-dir", str(workspace / "cache")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(layers) + 1


def test_what_is_too_much_is_forgotten_and_built_again(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = (workspace / "small.tar").read_bytes()
    pruned = say(capsys, "prune", "--max-bytes", "0", "--cache-dir", workspace / "cache")
    assert pruned["freed_size"] > 0
    assert (pruned["parts"][0]["name"], pruned["parts"][0]["size"]) == ("layers", 0)
    assert not pruned["in_use"]
    assert layers_in(capsys, workspace / "cache") == []
    build(workspace)
    assert (workspace / "small.tar").read_bytes() == image


def test_nothing_is_forgotten_while_a_build_uses_the_cache(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = workspace / "cache"
    layers = layers_in(capsys, cache)
    with in_use(cache):
        pruned = say(capsys, "prune", "--max-bytes", "0", "--unused-days", "0", "--cache-dir", cache)
        assert main(["cache", "prune", "--cache-dir", str(cache)]) == 0
        assert capsys.readouterr().out.endswith("kept; what a build uses meanwhile stays\n")
    assert pruned["freed_size"] == 0
    assert pruned["in_use"]
    assert layers_in(capsys, cache) == layers


def test_a_build_keeps_no_more_than_it_may(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = (workspace / "small.tar").read_bytes()
    build(workspace, cache_bytes=1)
    assert layers_in(capsys, workspace / "cache") == []
    assert (workspace / "small.tar").read_bytes() == image


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_an_image_is_the_same_with_nothing_kept(compression: str, workspace: Path) -> None:
    build(workspace, compression=compression)
    kept = (workspace / "small.tar").read_bytes()
    cache = workspace / "cache"
    cache.rename(workspace / "away")
    build(workspace, compression=compression, keep_layers=False)
    assert (workspace / "small.tar").read_bytes() == kept
    assert not (cache / "layers").exists()
    names = sorted(path.name for path in workspace.iterdir())
    assert names == ["away", "cache", "registration", "small.tar", "store"]


def test_an_empty_cache_is_empty_and_stays_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert say(capsys, "prune", "--cache-dir", tmp_path / "cache")["freed_size"] == 0
    assert all(part["size"] == 0 for part in say(capsys, "--cache-dir", tmp_path / "cache")["parts"])
    assert not (tmp_path / "cache").exists()


def test_a_sound_cache_is_proven(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = say(capsys, "verify", "--cache-dir", workspace / "cache")
    assert told["repaired"] == []
    parts = {part["name"]: part for part in told["parts"]}
    assert parts["layers"]["examined_count"] == len(layers_in(capsys, workspace / "cache"))
    assert parts["plans"] == {"name": "plans", "examined_count": 1, "damaged_count": 0}
    assert main(["cache", "verify", "--cache-dir", str(workspace / "cache")]) == 0
    assert "things read, all right" in capsys.readouterr().out
    assert main(["cache", "verify", "--cache-dir", str(workspace / "nothing")]) == 0


def seal_with_another_diff_id(layers: LayerCache, record: CachedLayer) -> None:
    source = LayerSource("forged", (), (Entry.file("/file", b""),))
    layers.remember(record.key, replace(record.blob, diff_id=Digest.of(b"")), source, checked=True)


def damage(cache: Path, how: str) -> None:
    layers = LayerCache(cache / "layers")
    record = next(iter(layers.layers()))
    if how == "a blob":
        lose_a_bit_of_a_layer(layers, record.key)
    elif how == "a diff ID":  # forged with all seals: only unpacking the layer shows it
        seal_with_another_diff_id(layers, record)
    elif how == "a record":
        flip_a_byte(layers.record_path(record.key), 200)
    elif how == "a plan":
        flip_a_byte(next((cache / "plans").glob("*.memo")))
    elif how == "a blob that nobody knows":
        layers.blobs.put(b"data", "text/plain")
        flip_a_byte(layers.blobs.path(Digest.of(b"data")))


@pytest.mark.parametrize("how", ["a blob", "a diff ID", "a record", "a plan", "a blob that nobody knows"])
def test_damage_is_named_and_mended(workspace: Path, capsys: pytest.CaptureFixture[str], how: str) -> None:
    image, cache = (workspace / "small.tar").read_bytes(), workspace / "cache"
    damage(cache, how)
    assert main(["cache", "verify", "--json", "--cache-dir", str(cache)]) == 4
    error = read_document(capsys.readouterr().out)["error"]
    part = "plans" if how == "a plan" else "layers"
    assert [issue["where"] for issue in error["issues"]] == [part]
    assert "--repair" in error["hint"]
    repaired = say(capsys, "verify", "--repair", "--cache-dir", cache)
    assert len(repaired["repaired"]) == 1
    assert say(capsys, "verify", "--cache-dir", cache)["repaired"] == []
    build(workspace)
    assert (workspace / "small.tar").read_bytes() == image
