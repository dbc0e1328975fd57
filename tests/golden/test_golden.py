"""What any version wrote is read by this one; and what this one writes is what its golden files hold.

A failure of the first kind breaks a promise of docs/stability.md. One of the second says that something changed: if it
is meant, `make golden` renews the files, and CHANGELOG.md says what changed.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sysimage
from sysimage import api
from sysimage.formats import DOCUMENT_VERSION
from sysimage.layerplan import from_json
from sysimage.pipeline.compressed_text import decompress_text
from sysimage.pipeline.history import ANNOTATION
from sysimage.store.database import Schema
from sysimage.verify.database import read_database
from sysimage.verify.issue_collector import IssueCollector
from sysimage_bootstrap.packages.lock import read_lock
from sysimage_bootstrap.store.registration import read
from tests.golden.generate import CREATED, HERE, STORES, small_store, surface
from tests.support.builds import registered

VERSIONS = sorted(path for path in HERE.iterdir() if (path / "surface.json").exists())
TODAY = HERE / sysimage.__version__
IMAGES = [path for version in VERSIONS for path in sorted(version.glob("*/*")) if path.suffix == ".tar"]
IMAGES += sorted(path for version in VERSIONS for path in version.glob("*/layout"))
NOT_COMPARED = {"cache", "gzip.tar", "zstd.tar"}
"""What another compressor writes otherwise, and what says where it lay on which disk."""


def name(path: Path) -> str:
    return str(path.relative_to(HERE))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What today's code writes, in a fresh process."""
    target = tmp_path_factory.mktemp("golden") / "new"
    command: list[str | Path] = [sys.executable, "-m", "tests.golden.generate", target]
    done = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True)
    assert (done.stderr, done.returncode) == ("", 0)
    return target


def test_today_s_version_has_golden_files() -> None:
    assert TODAY in VERSIONS, "make golden"


@pytest.mark.slow
def test_what_is_written_today_is_what_the_golden_files_hold(written: Path) -> None:
    assert differences(TODAY, written) == [], "if this is meant: `make golden`, and a line in CHANGELOG.md"


def differences(old: Path, new: Path) -> list[str]:
    """Names of files that are not the same in both."""
    found = []
    names = {path.relative_to(top) for top in (old, new) for path in top.rglob("*") if path.is_file()}
    for path in sorted(names):
        if NOT_COMPARED & set(path.parts):
            continue
        data = [(top / path).read_bytes() if (top / path).is_file() else None for top in (old, new)]
        if data[0] != data[1]:
            found.append(str(path))
    return found


def test_a_difference_is_seen(tmp_path: Path) -> None:
    for top in ("a", "b"):
        (tmp_path / top / "cache").mkdir(parents=True)
        (tmp_path / top / "same").write_text("1")
        (tmp_path / top / "other").write_text(top)
        (tmp_path / top / "cache" / "x").write_text(top)
    (tmp_path / "a" / "only").write_text("")
    assert differences(tmp_path / "a", tmp_path / "b") == ["only", "other"]


def digest_of(image: Path) -> str:
    said: dict[str, str] = json.loads((image.parent / "digests.json").read_text())
    return said[image.name]


@pytest.mark.parametrize("image", IMAGES, ids=name)
def test_an_image_of_any_version_verifies_and_is_inspected(image: Path) -> None:
    verified, summary = api.verify(image), api.inspect(image)
    assert str(verified.image_id) == str(summary.image_id) == digest_of(image)
    assert verified.notes == ()
    assert summary.config.labels["k"] == "ü"


@pytest.mark.parametrize("image", [path for path in IMAGES if path.name in ("archive.tar", "layout")], ids=name)
def test_a_build_goes_on_from_an_image_of_any_version(image: Path, tmp_path: Path) -> None:
    schema = Schema[image.parent.name.upper()]
    registered(small_store(tmp_path / "store", STORES[schema]).closure("tool-1"), tmp_path / "registration")
    shutil.copy(image.parent / "system.json", tmp_path)
    settings = api.Settings(cache_dir=tmp_path / "cache", jobs=1, environ={})
    plan = api.plan(tmp_path / "system.json", previous=image, settings=settings)
    before = from_json(decompress_text(api.inspect(image).annotations[ANNOTATION])).plan
    assert [layer.paths for layer in plan.layers] == [tuple(map(str, layer.paths)) for layer in before.layers]


@pytest.mark.parametrize("image", [path for path in IMAGES if path.name == "archive.tar"], ids=name)
def test_an_image_of_any_version_is_a_base(image: Path, tmp_path: Path) -> None:
    schema = Schema[image.parent.name.upper()]
    registered(small_store(tmp_path / "store", STORES[schema]).closure("tool-1"), tmp_path / "registration")
    value: dict[str, Any] = json.loads((image.parent / "system.json").read_text())
    settings = api.Settings(cache_dir=tmp_path / "cache", jobs=1, environ={})
    spec = {**value, "from-image": str(image.resolve()), "max-layers": 10, "files": {"/srv/x": {"text": "x"}}}
    api.build(spec, tmp_path / "on-top.tar", directory=tmp_path, settings=settings)
    assert api.verify(tmp_path / "on-top.tar").items == 4


@pytest.mark.parametrize("record", [path for top in VERSIONS for path in top.glob("*/*.plan.json")], ids=name)
def test_a_record_of_any_version_is_read(record: Path) -> None:
    read = from_json(record.read_text())
    assert (len(read.closure), read.created) == (4, CREATED)


@pytest.mark.parametrize("lock", [path for top in VERSIONS for path in top.glob("lock/*")], ids=name)
def test_a_lock_file_of_any_version_is_read(lock: Path) -> None:
    resolution = read_lock(lock).resolution
    assert [package.name for package in resolution.packages] == ["bash", "libc6", "libgcc-s1", "nginx"]


@pytest.mark.parametrize("database", [path for top in VERSIONS for path in top.glob("*/db.sqlite")], ids=name)
def test_a_database_of_any_version_is_read_by_sqlite_and_by_us(database: Path) -> None:
    rows = read_database(database.read_bytes(), _schema(database), "the database", faults := IssueCollector(9))
    assert rows is not None
    assert faults.issues == ()
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert {path for (path,) in connection.execute("select path from ValidPaths")} == rows.keys()


def _schema(database: Path) -> Any:
    from sysimage.verify.store import STATE_DIRECTORIES

    return next(schema for state, schema in STATE_DIRECTORIES.items() if database.parent.name in state)


@pytest.mark.parametrize("file", [path for top in VERSIONS for path in top.glob("*/item/*")], ids=name)
def test_an_item_s_registration_of_any_version_is_read(file: Path) -> None:
    registration = read(file)
    assert registration is not None
    assert registration.facts == {"privileged": {}}


@pytest.mark.parametrize("version", VERSIONS, ids=name)
def test_a_cache_of_any_version_is_used_or_ignored(version: Path, tmp_path: Path) -> None:
    registered(small_store(tmp_path / "store", "/gnu/store").closure("tool-1"), tmp_path / "registration")
    shutil.copy(version / "guix" / "system.json", tmp_path)
    shutil.copytree(version / "cache", tmp_path / "cache")
    digests = set()
    for cache in ("cache", "fresh"):
        settings = api.Settings(cache_dir=tmp_path / cache, jobs=1, environ={})
        image = api.build(tmp_path / "system.json", tmp_path / "image.tar", created=CREATED, settings=settings)
        digests.add(image.digest)
    assert len(digests) == 1


@pytest.mark.parametrize("version", VERSIONS, ids=name)
def test_every_promised_flag_status_function_and_field_is_still_there(version: Path) -> None:
    assert missing(json.loads((version / "surface.json").read_text()), surface()) == []


@pytest.mark.parametrize("path", [path for top in VERSIONS for path in top.glob("documents/*.json")], ids=name)
def test_every_key_of_a_document_of_any_version_is_still_there(path: Path, written: Path) -> None:
    old = json.loads(path.read_text())
    if old["format_version"] == DOCUMENT_VERSION:
        assert missing(shape(old), shape(json.loads((written / "documents" / path.name).read_text()))) == []


def shape(value: Any) -> Any:
    """The keys of a document; of an array those of its first element."""
    if isinstance(value, dict):
        return {key: shape(below) for key, below in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def missing(old: Any, new: Any, where: str = "") -> list[str]:
    """What is missing or different now; an addition is not a fault."""
    if isinstance(old, dict) and isinstance(new, dict):
        gone = [f"{where}/{key}" for key in old if key not in new]
        return gone + [fault for key in old if key in new for fault in missing(old[key], new[key], f"{where}/{key}")]
    if isinstance(old, list) and isinstance(new, list):
        if all(isinstance(one, str) for one in [*old, *new]):
            return [f"{where}/{one}" for one in old if one not in new]
        return [fault for one, other in zip(old, new, strict=False) for fault in missing(one, other, f"{where}/0")]
    return [] if old == new else [where]


def test_what_is_missing_is_seen() -> None:
    old = {"a": ["x", "y"], "b": {"c": 1}, "d": [{"e": None}]}
    assert missing(old, {**old, "more": 1, "a": ["z", "y", "x"]}) == []
    assert missing(old, {"a": ["x"], "b": {"c": 2}, "d": [{}]}) == ["/a/y", "/b/c", "/d/0/e"]
