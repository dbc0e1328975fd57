"""The store's database: exactly the items, in the owner's schema, the same bytes everywhere."""

import hashlib
import sqlite3

import pytest

from sysimage.digest import Digest
from sysimage.store import StoreItem, StorePath
from sysimage.store.database import Schema, registration_text, store_database


def path(letter: str, name: str) -> StorePath:
    return StorePath("/gnu/store", letter * 32, name)


LIBC, BASH = path("a", "libc"), path("b", "bash")
ITEMS = (
    StoreItem(LIBC, Digest("1" * 64), 120, (LIBC,)),
    StoreItem(BASH, Digest("2" * 64), 240, (LIBC,), deriver=path("c", "bash.drv")),
)


def rows(data: bytes, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(":memory:")
    connection.deserialize(data)
    return connection.execute(query).fetchall()


@pytest.mark.parametrize("schema", list(Schema))
def test_every_item_is_a_row_with_its_hash_size_and_references(schema: Schema) -> None:
    data = store_database(ITEMS, schema)
    assert rows(data, "select path, hash, registrationTime, deriver, narSize from ValidPaths order by id") == [
        (str(LIBC), "sha256:" + "1" * 64, 1, None, 120),
        (str(BASH), "sha256:" + "2" * 64, 1, None, 240),
    ]
    assert rows(data, "select referrer, reference from Refs order by 1, 2") == [(1, 1), (2, 1)]


def test_a_deriver_is_recorded_only_if_it_is_there_too() -> None:
    drv = StoreItem(path("c", "bash.drv"), Digest("3" * 64), 96)
    data = store_database((drv, *ITEMS), Schema.GUIX)
    assert rows(data, "select deriver from ValidPaths where deriver is not null") == [(str(drv.path),)]


@pytest.mark.parametrize("schema", list(Schema))
def test_what_derivations_make_is_recorded_whether_it_is_there_or_not(schema: Schema) -> None:
    drv = StoreItem(path("c", "bash.drv"), Digest("3" * 64), 96, outputs=(("dev", path("d", "dev")), ("out", BASH)))
    data = store_database((*ITEMS, drv), schema)
    found = rows(data, "select drv, id, path from DerivationOutputs order by id")
    assert found == [(3, "dev", str(path("d", "dev"))), (3, "out", str(BASH))]
    assert rows(data, "pragma integrity_check") == [("ok",)]


@pytest.mark.parametrize(("number", "table"), [(7, "FailedPaths"), (10, "ValidPaths")])
def test_the_number_of_a_schema_is_the_one_that_its_owner_keeps_beside_the_database(number: int, table: str) -> None:
    assert rows(store_database(ITEMS, Schema(number)), f"select count(*) from {table}") != []


def test_an_item_registered_before_its_reference_is_refused() -> None:
    with pytest.raises(KeyError):
        store_database(reversed(ITEMS), Schema.GUIX)


@pytest.mark.parametrize("schema", list(Schema))
def test_the_file_is_whole_and_in_rollback_journal_mode(schema: Schema) -> None:
    data = store_database(ITEMS, schema)
    assert data[18:20] == b"\x01\x01"
    assert rows(data, "pragma integrity_check") == [("ok",)]
    assert rows(data, "pragma foreign_key_check") == []


def test_only_nix_knows_signatures_and_only_guix_failed_paths() -> None:
    def columns(schema: Schema) -> set[object]:
        return {row[1] for row in rows(store_database(ITEMS, schema), "pragma table_info(ValidPaths)")}

    def tables(schema: Schema) -> set[object]:
        return {row[0] for row in rows(store_database(ITEMS, schema), "select name from sqlite_master")}

    assert columns(Schema.NIX) - columns(Schema.GUIX) == {"ultimate", "sigs", "ca"}
    assert tables(Schema.GUIX) - tables(Schema.NIX) == {"FailedPaths", "sqlite_autoindex_FailedPaths_1"}


@pytest.mark.parametrize("schema", list(Schema))
def test_sqlite_makes_the_same_schema_of_the_same_statements(schema: Schema) -> None:
    """Which indexes constraints imply, their names, and ``sqlite_sequence`` are the library's own doing."""
    data = store_database(ITEMS, schema)
    connection = sqlite3.connect(":memory:")
    for kind, sql in rows(data, "select type, sql from sqlite_master where name not like 'sqlite\\_%' escape '\\'"):
        assert kind in ("table", "index", "trigger")
        connection.execute(str(sql))
    listed = "select type, name, tbl_name, sql from sqlite_master order by name"
    assert rows(data, listed) == connection.execute(listed).fetchall()


def test_sqlite_gives_the_next_path_the_next_number() -> None:
    connection = sqlite3.connect(":memory:")
    connection.deserialize(store_database(ITEMS, Schema.GUIX))
    connection.execute("insert into ValidPaths (path, hash, registrationTime) values ('/gnu/store/new', 'x', 2)")
    assert connection.execute("select max(id) from ValidPaths").fetchone() == (3,)
    with pytest.raises(sqlite3.IntegrityError, match=r"ValidPaths\.path"):
        connection.execute(
            "insert into ValidPaths (path, hash, registrationTime) values (?, 'x', 2)", (str(ITEMS[0].path),)
        )


@pytest.mark.parametrize(
    ("schema", "digest"),
    [
        (Schema.GUIX, "eca83954fc3de8ab96964d8f2ddb83c74b7b0f149533aa12b13579d4a218274f"),
        (Schema.NIX, "7672c7962cc8146097fd44d03271e712b58bbede528e582e2fb13ed5bec1bad2"),
    ],
)
def test_the_bytes_are_the_same_on_every_machine(schema: Schema, digest: str) -> None:
    """If this has to change, the digest of every image does."""
    assert hashlib.sha256(store_database(ITEMS, schema)).hexdigest() == digest


def test_registration_text_lists_path_hash_size_deriver_and_references() -> None:
    assert registration_text(ITEMS[1:]).splitlines() == [str(BASH), "2" * 64, "240", "", "1", str(LIBC)]
