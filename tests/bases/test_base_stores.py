"""The store that a base has: measured, and believed where its database says the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.bases import BaseImage, BaseImageError
from sysimage.digest import Digest
from sysimage.store import StoreItem, StorePath
from sysimage.store.database import Schema, store_database
from sysimage.store.nar import nar_hash_and_size
from tests.bases.small_bases import base_of
from tests.support import raw_tar as tar

PATHS = {name: StorePath("/gnu/store", name[0] * 32, name) for name in ("a", "b", "c", "d")}


@pytest.fixture
def items(tmp_path: Path) -> dict[str, StoreItem]:
    """Files: ``a``, ``b`` that mentions it and itself, and ``c`` that mentions one that the base does not have."""
    texts = {"a": b"a", "b": f"{PATHS['a']} {PATHS['b']}".encode(), "c": f"{PATHS['d']}".encode()}
    found = {}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text)
        needed = tuple(sorted(path for other, path in PATHS.items() if str(path).encode() in text and other != "d"))
        found[name] = StoreItem(PATHS[name], *nar_hash_and_size(tmp_path / name), needed)
    return found


def base_with(tmp_path: Path, names: str, *members: bytes) -> BaseImage:
    files = (tar.file(str(PATHS[name])[1:].encode(), (tmp_path / name).read_bytes(), mode=0o444) for name in names)
    return base_of(tmp_path, *files, *members)


def database(items: Iterable[StoreItem], schema: Schema = Schema.GUIX) -> bytes:
    place = "var/guix" if schema is Schema.GUIX else "nix/var/nix"
    return tar.file(f"{place}/db/db.sqlite".encode(), store_database(items, schema))


def faults(tmp_path: Path, names: str, *members: bytes) -> list[str]:
    with pytest.raises(BaseImageError) as caught:
        base_with(tmp_path, names, *members)
    message, *issues = str(caught.value).splitlines()
    assert message == f"cannot build on the store in {tmp_path}/base.tar"
    return [issue.strip() for issue in issues]


def test_items_that_no_database_knows_are_measured(tmp_path: Path, items: dict[str, StoreItem]) -> None:
    odd = (
        tar.file(b"gnu/store/.links/x"),
        tar.file(b"gnu/store/README"),
        tar.directory(b"gnu/store/" + b"e" * 32 + b"-x"),
    )
    base = base_with(tmp_path, "cba", *odd)
    assert base.items == (items["a"], items["b"], items["c"])
    assert base.unregistered == tuple(PATHS[name] for name in "abc")
    assert base.state_dirs == ()
    assert base_of(tmp_path, tar.directory(b"gnu")).items == ()


def test_items_that_the_database_knows_are_as_it_says(tmp_path: Path, items: dict[str, StoreItem]) -> None:
    derived = replace(items["b"], deriver=PATHS["a"])
    base = base_with(tmp_path, "abc", database([items["a"], derived]))
    assert base.items == (items["a"], derived, items["c"])
    assert base.unregistered == (PATHS["c"],)
    assert base.state_dirs == ("/var/guix",)
    known = replace(items["c"], references=(PATHS["a"],))
    assert base_with(tmp_path, "ac", database([items["a"], known])).items == (items["a"], known)


def test_a_database_of_another_store_counts_and_says_nothing_of_this_one(
    tmp_path: Path, items: dict[str, StoreItem]
) -> None:
    there = StoreItem(StorePath("/nix/store", "a" * 32, "a"), Digest("0" * 64), 9)
    base = base_with(tmp_path, "a", database([there], Schema.NIX), tar.file(b"nix/var/nix/db/schema", b"10"))
    assert (base.items, base.unregistered) == ((items["a"],), (PATHS["a"],))
    assert base.state_dirs == ("/nix/var/nix",)


def test_every_item_that_is_not_as_the_database_says_is_named(tmp_path: Path, items: dict[str, StoreItem]) -> None:
    lying = [replace(items["a"], nar_hash=Digest("1" * 64)), items["b"], replace(items["c"], nar_size=7)]
    gone = StoreItem(PATHS["d"], Digest("0" * 64), 9)
    assert faults(tmp_path, "abc", database([*lying, gone])) == [
        f"{PATHS['a']}: has the NAR hash {items['a'].nar_hash}, the base's database says sha256:{'1' * 64}",
        f"{PATHS['c']}: has a NAR of {items['c'].nar_size} bytes, the base's database says 7",
        f"{PATHS['d']}: is in the base's database, but not in the base",
    ]


@pytest.mark.parametrize("change", ["hash = ''", "narSize = NULL"])
def test_an_item_that_is_registered_by_half_is_named(change: str, tmp_path: Path, items: dict[str, StoreItem]) -> None:
    (tmp_path / "db").write_bytes(store_database([items["a"], items["b"]], Schema.GUIX))
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.execute(f"UPDATE ValidPaths SET {change} WHERE path = ?", (str(PATHS["a"]),))
    connection.close()
    log = tar.file(b"var/guix/db/db.sqlite", (tmp_path / "db").read_bytes())
    assert faults(tmp_path, "ab", log) == [
        f"{PATHS['a']}: is registered without a NAR hash or size in the base's database"
    ]


def test_what_is_not_a_database_is_refused(tmp_path: Path, items: dict[str, StoreItem]) -> None:
    with pytest.raises(BaseImageError) as caught:
        base_with(tmp_path, "a", tar.file(b"var/guix/db/db.sqlite", b"x" * 5000))
    assert caught.value.message == f"cannot read the store database of {tmp_path}/base.tar"
    assert len(caught.value.issues) >= 1
