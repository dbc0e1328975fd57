"""A system that was made once is found again by what it follows from, and by nothing less."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.rootfs.accounts import NO_ACCOUNTS, Accounts, Group, HeldId, User
from sysimage.rootfs.system import ImageDefaults, SystemResult, UnreadLine
from sysimage.rootfs.tree import Entry, Kind
from sysimage.spec.account_ids import NO_IDS, AccountIds
from sysimage.spec.model import SystemSpec
from sysimage.store.items import OwnFile, ShownFiles, StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.archive import Package
from sysimage_bootstrap.packages.resolve import Resolution
from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system.system import build_system
from sysimage_bootstrap.system_cache import SystemCache, key_of
from tests.bootstrap.system.packages import make_packages, make_programs
from tests.support.examples import ROOT, build_example, default_cache

SPEC = {
    "name": "x",
    "packages": [],
    "users": {"ann": {}},
    "files": {"/etc/own": {"source": "own"}, "/etc/said": {"text": "said"}},
}


def made(tmp_path: Path) -> tuple[SystemResult, ItemStore]:
    (tmp_path / "own").write_text("mine\n")
    spec = SystemSpec.model_validate(SPEC)
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    items, facts = make_packages(store)
    return build_system(spec, tmp_path, items, facts, store, make_programs(spec, store)), store


def package(name: str, version: str = "1", content: bytes = b"") -> Package:
    return Package(name, version, "amd64", "trixie", f"pool/{name}.deb", 1, Digest.of(content), name, version)


RESOLUTION = Resolution((package("a"), package("b")), {"a": ("b",), "b": ()}, ("a",))


def key(
    tmp_path: Path,
    spec: dict[str, Any] | None = None,
    resolution: Resolution = RESOLUTION,
    tools: tuple[str, ...] = ("0.17",),
    store: str = "store",
    below: Accounts = NO_ACCOUNTS,
    locked: AccountIds = NO_IDS,
) -> str | None:
    system = SystemSpec.model_validate(SPEC if spec is None else spec)
    return key_of(system, tmp_path, resolution, ItemStore(tmp_path / store, "/gnu/store"), below, tools, locked)


def test_what_is_remembered_is_what_was_made(tmp_path: Path) -> None:
    result, store = made(tmp_path)
    remembered = SystemCache(tmp_path / "systems", store, made_by="code")
    assert remembered.find("key") is None
    remembered.keep("key", result)
    assert (
        SystemCache(tmp_path / "systems", ItemStore(store.root, store.store_dir), made_by="code").find("key") == result
    )


def test_every_field_of_a_system_is_carried(tmp_path: Path) -> None:
    """With values that no field has by default; one that is new has to be given such a value here."""
    _, store = made(tmp_path)
    path = StorePath.parse(f"/gnu/store/{'a' * 32}-item")
    digest = Digest.of(b"x")
    usr = ShownFiles(("ours",), {"bin/su": OwnFile(0o4755, 1, 2)}, {"bin/sh": "dash"})
    item = StoreItem(path, digest, 5, (path,), path, store.location(path), "source", (1, 2), usr, (("out", path),))
    content = store.location(path) / "file"
    store.location(path).mkdir(parents=True)
    content.write_bytes(b"x")
    result = SystemResult(
        path,
        path,
        (item,),
        Accounts(
            (User("ann", 1, 2, "Ann", "/home", "/bin/sh", "!"),),
            (Group("staff", 2, ("ann",)),),
            ("ann",),
            (HeldId(7, "odd"),),
            (HeldId(8, "odd too"),),
        ),
        (
            Entry("/a", Kind.FILE, 0o600, 1, 2, content, None, "owner", digest, path, b"caps"),
            Entry("/b", Kind.SYMLINK, 0o777, 1, 2, None, "/a", "owner"),
            Entry("/c", Kind.DIRECTORY, 0o755, 0, 0, attributes=((b"SCHILY.xattr.user.a", b"x"),)),
        ),
        ImageDefaults(("/init",), ("-x",), "SIGINT", {"Z": "1", "A": "2"}),
        (path,),
        account_ids=AccountIds({"ann": 1}, {"staff": 2}),
        notices=("nginx: x",),
        unread=(UnreadLine("pkg", "postinst", 3, "mystery", "what mystery does"),),
    )
    for value in (result, item, *result.entries[:1], result.image_defaults, result.accounts):
        unlike_the_default(value)
    store_of_items = store.root / "var/sysimage/registered/gnu/store"
    store_of_items.mkdir(parents=True, exist_ok=True)
    (store_of_items / path.base_name).touch()
    remembered = SystemCache(tmp_path / "systems", store, made_by="code")
    remembered.keep("key", result)
    found = remembered.find("key")
    assert found == result
    assert found.entries[0].known_digest == digest, "which is not part of what makes entries equal"
    assert list(found.image_defaults.environment) == ["Z", "A"]


def unlike_the_default(value: Any) -> None:
    """Every field that has a default has another value, save what a file's entry cannot have."""
    for field in dataclasses.fields(value):
        of_other_kinds = isinstance(value, Entry) and field.name in ("target", "attributes")
        if not of_other_kinds and field.default is not dataclasses.MISSING:
            assert getattr(value, field.name) != field.default, f"{type(value).__name__}.{field.name}"


def test_no_other_user_can_read_what_is_remembered(tmp_path: Path) -> None:
    result, store = made(tmp_path)
    SystemCache(tmp_path / "systems", store, made_by="code").keep("key", result)
    (kept,) = (tmp_path / "systems").iterdir()
    assert b"said" in kept.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0


def test_files_of_items_come_back_with_their_digests_and_others_without(tmp_path: Path) -> None:
    result, store = made(tmp_path)
    remembered = SystemCache(tmp_path / "systems", store, made_by="code")
    remembered.keep("key", result)
    found = remembered.find("key")
    assert found is not None
    files = {entry.path: entry for entry in found.entries if isinstance(entry.content, Path)}
    profile = files["/root/.profile"]
    assert profile.known_digest == Digest.of(b"umask 022\n") == profile.digest()
    assert files["/etc/own"].known_digest is None, "it may be another at any time"


def test_a_system_is_found_from_any_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").write_text("mine\n")
    spec = SystemSpec.model_validate(SPEC)
    store = ItemStore(Path("store"), spec.store.store_dir)
    items, facts = make_packages(store)
    result = build_system(spec, Path(), items, facts, store, make_programs(spec, store))
    here = key_of(spec, Path(), RESOLUTION, store, NO_ACCOUNTS, ())
    SystemCache(Path("systems"), store, made_by="code").keep(here, result)

    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    there = ItemStore(tmp_path / "store", spec.store.store_dir)
    assert key_of(spec, tmp_path, RESOLUTION, there, NO_ACCOUNTS, ()) == here
    found = SystemCache(tmp_path / "systems", there, made_by="code").find(here)
    assert found is not None
    files = [entry for entry in found.entries if isinstance(entry.content, Path)]
    assert {entry.path for entry in files} > {"/etc/own", "/root/.profile"}
    for entry in files:
        assert Digest.of(entry.read()) == entry.digest()


def test_a_system_is_forgotten_with_any_of_its_items(tmp_path: Path) -> None:
    result, store = made(tmp_path)
    remembered = SystemCache(tmp_path / "systems", store, made_by="code")
    remembered.keep("key", result)
    moved = store.location(result.items[0].path)
    moved.rename(tmp_path / "away")
    assert remembered.find("key") is None
    (tmp_path / "away").rename(moved)
    assert remembered.find("key") == result
    shutil.rmtree(store.root / "var/sysimage/registered")
    assert remembered.find("key") is None


def test_everything_that_a_system_follows_from_is_in_its_key(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("mine\n")
    keys = [
        key(tmp_path),
        key(tmp_path, tools=("0.18",)),
        key(tmp_path, store="another"),
        key(tmp_path, below=Accounts((), (Group("staff", 2),))),
        key(tmp_path, below=Accounts((), (), odd_users=(HeldId(7, "odd"),))),
        key(tmp_path, locked=AccountIds({"ann": 1500})),
        key(tmp_path, {**SPEC, "time-zone": "Europe/Berlin"}),
        key(tmp_path, {**SPEC, "users": {"ann": {"password-hash": "*"}}}),
        key(tmp_path, {**SPEC, "users": {"ann": {"password-hash": "$y$x"}}}),
        key(tmp_path, resolution=replace(RESOLUTION, edges={"a": (), "b": ()})),
        key(tmp_path, resolution=replace(RESOLUTION, roots=("a", "b"))),
        key(tmp_path, resolution=replace(RESOLUTION, packages=(package("a"), package("b", "2")))),
        key(tmp_path, resolution=replace(RESOLUTION, packages=(package("a"), package("b", content=b"rebuilt")))),
    ]
    (tmp_path / "own").write_text("changed\n")
    keys.append(key(tmp_path))
    (tmp_path / "below").mkdir()
    shutil.copy(tmp_path / "own", tmp_path / "below")
    keys.append(key(tmp_path / "below", store="../store"))
    assert None not in keys
    assert len(set(keys)) == len(keys)
    assert key(tmp_path) == keys[-2], "and nothing else"


def test_with_a_file_that_cannot_be_read_there_is_no_key(tmp_path: Path) -> None:
    assert key(tmp_path) is None
    remembered = SystemCache(tmp_path / "systems", ItemStore(tmp_path / "store", "/gnu/store"), made_by="code")
    assert remembered.find(None) is None


@pytest.mark.programs
def test_a_build_of_what_did_not_change_opens_only_what_the_system_starts_and_starts_no_program(tmp_path: Path) -> None:
    cache, seen, lock = default_cache(), tmp_path / "seen.json", tmp_path / "base.lock.json"

    def watched_run(verb: str, *flags: str | Path) -> None:
        arguments = [verb, "-q", "--offline", "--cache-dir", cache, "--lockfile", lock, *flags]
        subprocess.run(
            [sys.executable, "-m", "tests.support.watched", seen, *arguments, ROOT / "examples" / "base.json"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
        )

    build_example("base", tmp_path / "fetched.tar")
    watched_run("lock")
    assert json.loads(seen.read_text())["started"], "it listens: signatures are checked by another program"
    first = build_example("base", tmp_path / "first.tar", "--offline", "--lockfile", str(lock))
    watched_run("build", "-o", tmp_path / "again.tar")
    watched = json.loads(seen.read_text())
    assert (tmp_path / "again.tar").read_bytes() == first.read_bytes()
    assert any(path.startswith(str(cache / "systems")) for path in watched["opened"]), "it listens"
    opened = [path for path in watched["opened"] if path.startswith(str(cache / "store"))]
    assert len(opened) <= 10, "shells and the boot program, with what runs them"
    assert all(os.access(path, os.X_OK) for path in opened)
    assert watched["started"] == []
