"""What a store's database registers, and what its owner would not accept of it, read from bytes of any kind."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sysimage.digest import Digest
from sysimage.store.database import Schema, store_database
from sysimage.store.items import StoreItem
from sysimage.verify.database import GUIX, NIX, Row, read_database
from sysimage.verify.issue_collector import IssueCollector
from tests.support.stores import store_path

LIBC, BASH, DERIVATION = (store_path(name) for name in ("libc-2.41", "bash-5.2", "bash-5.2.drv"))
HASH = Digest("a" * 64)
ITEMS = [
    StoreItem(LIBC, HASH, 96, (LIBC,)),
    StoreItem(DERIVATION, HASH, 1, outputs=(("out", BASH), ("doc", LIBC))),
    StoreItem(BASH, HASH, 200, (LIBC,), deriver=DERIVATION),
]
ROWS = {
    str(LIBC): Row(str(LIBC), HASH, 96, frozenset({str(LIBC)}), None, {}),
    str(DERIVATION): Row(str(DERIVATION), HASH, 1, frozenset(), None, {"out": str(BASH), "doc": str(LIBC)}),
    str(BASH): Row(str(BASH), HASH, 200, frozenset({str(LIBC)}), str(DERIVATION), {}),
}


PATHS = "guix's id, path, hash, registrationTime, deriver, narSize"


def changed(script: str, schema: Schema = Schema.GUIX) -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.deserialize(store_database(ITEMS, schema))
    connection.executescript(script)
    data = connection.serialize()
    connection.close()
    return data


def read(data: bytes, *, log: bytes = b"", **options: bool) -> tuple[dict[str, Row] | None, list[str], list[str]]:
    """The rows, the faults and the notes."""
    faults = IssueCollector(20)
    rows = read_database(data, GUIX, "db", faults, log=log, **options)
    return rows, list(map(str, faults.issues)), list(map(str, faults.notes))


def test_every_row_is_read_whole_and_in_order() -> None:
    rows, faults, notes = read(store_database(ITEMS, Schema.GUIX))
    assert (rows, faults, notes) == (ROWS, [], [])
    assert list(rows or ()) == list(ROWS)
    collector = IssueCollector(20)
    assert read_database(store_database(ITEMS, Schema.NIX), NIX, "db", collector) == ROWS
    assert (len(collector), collector.notes) == (0, ())


ODD = {
    "a hash of another kind": ("update ValidPaths set hash = 'sha1:x' where id = 1", ["{0} has the hash 'sha1:x'"]),
    "a size of nothing": ("update ValidPaths set narSize = 0 where id = 2", ["{1} has the NAR size 0"]),
    "a size that is text": ("update ValidPaths set narSize = 'x' where id = 2", ["{1} has the NAR size 'x'"]),
    "a time before time": ("update ValidPaths set registrationTime = 0 where id = 3", ["{2} was registered at 0"]),
    "a time that is text": ("update ValidPaths set registrationTime = 'x' where id = 3", ["{2} was registered at 'x'"]),
    "a reference to what comes later": ("insert into Refs values (1, 3)", ["{0} comes before its reference {2}"]),
    "a row that is gone": (
        "pragma foreign_keys = off; delete from ValidPaths where id = 2",
        ["row 1 of DerivationOutputs refers to a missing row of ValidPaths",
         "row 2 of DerivationOutputs refers to a missing row of ValidPaths"],
    ),
    "a referrer that is gone": (
        "pragma foreign_keys = off; delete from ValidPaths where id = 3",
        ["row 2 of Refs refers to a missing row of ValidPaths"],
    ),
    "no index": ("drop index IndexReferrer", ["has no index IndexReferrer"]),
    "no trigger": ("drop trigger DeleteSelfRefs", ["has no trigger DeleteSelfRefs"]),
    "an index more": ("create index Another on Refs(reference)", []),
    "a table more": ("create table Another (a)", []),
    "a column more": (
        "alter table ValidPaths add column ultimate integer",
        ["ValidPaths has the columns id, path, hash, registrationTime, deriver, narSize, ultimate; " + PATHS],
    ),
    "columns in another order": (
        "drop table FailedPaths; create table FailedPaths (time integer, path text)",
        ["FailedPaths has the columns time, path; guix's path, time"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("script", "expected"), ODD.values(), ids=ODD)
def test_what_is_odd_in_rows_and_schema_is_named_and_the_rest_is_read(script: str, expected: list[str]) -> None:
    rows, faults, notes = read(changed(script))
    assert faults == ["db: " + one.format(*ROWS) for one in expected]
    assert notes == []
    assert rows is not None
    assert len(rows) == (2 if "delete from ValidPaths" in script else 3)


UNREADABLE = {
    "no table": ("drop table FailedPaths", ["has no table FailedPaths, which schema 7 of guix has"]),
    "no table that is read": (
        "drop table DerivationOutputs",
        ["has no table DerivationOutputs, which schema 7 of guix has", "has no index IndexDerivationOutputs"],
    ),
    "a column less": (
        "alter table ValidPaths drop column narSize",
        ["ValidPaths has the columns id, path, hash, registrationTime, deriver; " + PATHS],
    ),
    "a column less, and one more elsewhere": (
        "alter table ValidPaths drop column narSize; alter table Refs add column more",
        ["ValidPaths has the columns id, path, hash, registrationTime, deriver; " + PATHS,
         "Refs has the columns referrer, reference, more; guix's referrer, reference"],
    ),
    "a view": ("create view b as select 1; create view a as select 1",
               ["has a view a, which no store makes", "has a view b, which no store makes"]),
    "a trigger": ("create trigger t after insert on Refs begin select 1; end",
                  ["has a trigger t, which no store makes"]),
    "a view in a table's place": (
        "drop table DerivationOutputs; create view DerivationOutputs as select 1 as drv, 'a' as id, 'b' as path",
        ["has no table DerivationOutputs, which schema 7 of guix has", "has no index IndexDerivationOutputs"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("script", "expected"), UNREADABLE.values(), ids=UNREADABLE)
def test_rows_are_not_read_where_tables_are_not_the_owners(script: str, expected: list[str]) -> None:
    assert read(changed(script)) == (None, [f"db: {one}" for one in expected], [])


def smallest() -> bytes:
    """A database without tables, in one page of 512 bytes."""
    connection = sqlite3.connect(":memory:")
    connection.executescript("pragma page_size = 512; pragma user_version = 1; vacuum")
    data = connection.serialize()
    connection.close()
    return data


def test_what_is_not_a_database_is_refused() -> None:
    data = smallest()
    assert len(data) == 512
    assert read(data)[1][0] == "db: has no table ValidPaths, which schema 7 of guix has"
    for other in (b"", data[:511], b"x" + data[1:], data[:15] + b"x" + data[16:]):
        assert read(other) == (None, ["db: is not an SQLite database"], [])


def test_a_damaged_page_is_named() -> None:
    data = store_database(ITEMS, Schema.GUIX)
    rows, faults, _ = read(data[: 2 * 4096] + bytes(4096) + data[3 * 4096 :])
    assert rows is None
    assert faults
    assert all(fault.startswith(("db: integrity_check: ", "db: cannot be read: ")) for fault in faults)
    index = changed("pragma writable_schema = on; update sqlite_master set sql = replace(sql, 'Refs(referrer)', "
                    "'Refs(reference)') where name = 'IndexReferrer'")  # fmt: skip
    rows, faults, _ = read(index)
    assert rows == ROWS
    assert faults == ["db: integrity_check: row 2 missing from index IndexReferrer"]


def in_use(place: Path) -> tuple[bytes, bytes]:
    """A database of which one item is only in its log."""
    path = place / "db.sqlite"
    path.write_bytes(changed(f"delete from Refs where referrer = 3; delete from ValidPaths where path = '{BASH}'"))
    connection = sqlite3.connect(path)
    connection.execute("pragma journal_mode = wal")
    connection.execute("insert into ValidPaths values (3, ?, ?, 1, ?, 200)", (str(BASH), str(HASH), str(DERIVATION)))
    connection.execute("insert into Refs values (3, 1)")
    connection.commit()
    found = path.read_bytes(), path.with_name("db.sqlite-wal").read_bytes()
    connection.close()
    return found


def test_a_store_that_was_in_use_is_read_with_its_log_and_only_one_of_sysimage_must_be_closed(tmp_path: Path) -> None:
    data, log = in_use(tmp_path)
    said = ["db: is in write-ahead-log mode (header bytes 18 and 19 are 2 and 2)"]
    without = {path: row for path, row in ROWS.items() if path != str(BASH)}
    assert read(data) == read(data, ours=True) == (without, said, [])
    assert read(data, ours=False) == (without, [], said)
    assert read(data, log=log, ours=False) == (ROWS, [], said)
    late = changed("insert into Refs values (1, 3)")
    assert [len(found) for found in read(late, ours=False)[1:]] == [0, 1]
    assert [len(found) for found in read(late)[1:]] == [1, 0]


def test_a_text_may_have_a_mebibyte_and_no_more() -> None:
    def with_deriver(size: int) -> bytes:
        return changed(f"update ValidPaths set deriver = printf('%.{size}c', 'x') where id = 3")

    rows, faults, _ = read(with_deriver(1 << 20))
    assert faults == []
    assert rows is not None
    assert len(rows[str(BASH)].deriver or "") == 1 << 20
    rows, faults, _ = read(with_deriver((1 << 20) + 1))
    assert rows is None
    assert faults[-1] == "db: cannot be read: string or blob too big"


def test_text_that_is_not_utf_8_is_kept_and_can_be_shown() -> None:
    rows, faults, _ = read(changed("update ValidPaths set path = cast(x'2fff0a' as text) where id = 2"))
    assert list(rows or ()) == [str(LIBC), "/\udcff\n", str(BASH)]
    rows, faults, _ = read(changed("update ValidPaths set path = cast(x'2fff0a' as text), narSize = 0 where id = 2"))
    assert faults == ["db: /\\udcff\\n has the NAR size 0"]


def test_a_store_that_remembers_many_failed_builds_is_read() -> None:
    """Its database takes more than a million operations to check."""
    numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)"
    assert read(changed(f"insert into FailedPaths {numbers} select i, 1 from n")) == (ROWS, [], [])
