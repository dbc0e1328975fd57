"""A store's database says what it says, and is believed as one state of the store or not at all."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sysimage.digest import Digest
from sysimage.errors import MachineError
from sysimage.store import StoreItem
from sysimage.store.database import Schema, store_database
from sysimage.store.query import PathInfo, StoreSourceError, open_catalogue
from tests.support.descriptors import no_descriptor_is_left
from tests.support.stores import store_path

DRV, LIB, TOOL = (store_path(name) for name in ("tool.drv", "lib", "tool"))
ITEMS = (
    StoreItem(DRV, Digest("1" * 64), 96),
    StoreItem(LIB, Digest("2" * 64), 104, (LIB,)),
    StoreItem(TOOL, Digest("3" * 64), 112, tuple(sorted((LIB, TOOL))), deriver=DRV),
)
FACTS = {one.path: PathInfo(one.path, one.references, one.nar_hash, one.nar_size, one.deriver) for one in ITEMS}
LOG = "its log db.sqlite-wal is being written or was left behind: read it as the store's owner"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "db.sqlite"
    place.write_bytes(store_database(ITEMS, Schema.NIX))
    return place


def change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_every_fact_of_a_path_is_read_and_paths_that_are_not_there_are_left_out(file: Path) -> None:
    with closing(open_catalogue(file)) as catalogue:
        assert catalogue.find([*FACTS, store_path("missing")]) == FACTS
        assert set(catalogue.paths()) == set(FACTS)


@pytest.mark.parametrize("size", ["null", "0"])
def test_a_size_that_was_never_registered_is_not_known(file: Path, size: str) -> None:
    change(file, f"update ValidPaths set narSize = {size}, deriver = ''")
    with closing(open_catalogue(file)) as catalogue:
        found = catalogue.find([TOOL])[TOOL]
    assert (found.nar_size, found.deriver, found.nar_hash) == (None, None, Digest("3" * 64))


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("update ValidPaths set narSize = -1", f"NAR size of {TOOL} is -1, must be positive"),
        ("update ValidPaths set hash = 'md5:x'", "not a SHA-256 hash: 'md5:x'"),
        ("update ValidPaths set deriver = 'x'", "not a store path: 'x'"),
    ],
)
def test_a_fact_that_cannot_be_is_refused_with_the_path_and_the_database(
    file: Path, statement: str, cause: str
) -> None:
    change(file, statement)
    with closing(open_catalogue(file)) as catalogue, pytest.raises(StoreSourceError) as caught:
        catalogue.find([TOOL])
    assert caught.value.message == f"cannot read {TOOL} in the store database {file}: {cause}"


def test_a_path_of_another_form_in_the_list_is_refused(file: Path) -> None:
    change(file, "update ValidPaths set path = 'x' where id = 2")
    with closing(open_catalogue(file)) as catalogue, pytest.raises(StoreSourceError) as caught:
        list(catalogue.paths())
    assert caught.value.message == f"cannot list the store database {file}: not a store path: 'x'"


def test_a_view_in_the_place_of_a_table_calls_no_function_that_reaches_out_of_the_database(file: Path) -> None:
    change(
        file,
        "alter table ValidPaths rename to Hidden",
        "create view ValidPaths as select id, path, fts5_source_id() as hash, narSize, deriver from Hidden",
    )
    with pytest.raises(StoreSourceError, match=rf"^cannot read the store database {file}: unsafe use of"):
        open_catalogue(file)


@pytest.mark.parametrize(
    ("columns", "lacks"),
    [("id, path, hash, narSize", "deriver"), ("id, path", "deriver"), ("id, deriver, narSize", "hash")],
)
def test_a_table_without_what_is_needed_names_the_first_column_that_it_lacks(
    tmp_path: Path, columns: str, lacks: str
) -> None:
    change(tmp_path / "db.sqlite", f"create table ValidPaths ({columns})")
    with no_descriptor_is_left(), pytest.raises(StoreSourceError) as caught:
        open_catalogue(tmp_path / "db.sqlite")
    assert caught.value.message == (
        f"cannot read the store database {tmp_path}/db.sqlite: it is not a store's: its table ValidPaths lacks {lacks}"
    )
    assert caught.value.hint is None


def test_what_is_called_like_a_database_and_is_not_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite").write_bytes(b"SQLite format 4\0" + bytes(4096))
    with pytest.raises(StoreSourceError, match=r"cannot read the store database .*: it is not an SQLite database$"):
        open_catalogue(tmp_path)


def test_a_catalogue_that_is_closed_has_let_go_of_its_files(file: Path) -> None:
    with no_descriptor_is_left():
        catalogue = open_catalogue(file)
        catalogue.close()
        with pytest.raises(StoreSourceError, match="closed database"):
            catalogue.find([TOOL])
        with pytest.raises(StoreSourceError, match="closed database"):
            list(catalogue.paths())


@pytest.fixture
def left_in_log_mode(file: Path) -> Path:
    """A database in log mode whose log cannot be made: as in another user's directory; here a link is in its way."""
    change(file, "pragma journal_mode = wal")
    file.with_name("db.sqlite-shm").symlink_to("nowhere/shm")
    return file


def test_a_database_in_log_mode_whose_log_cannot_be_made_is_read_as_it_is(left_in_log_mode: Path) -> None:
    left_in_log_mode.with_name("db.sqlite-wal").touch()
    with closing(open_catalogue(left_in_log_mode)) as catalogue:
        assert catalogue.find(list(FACTS)) == FACTS


def longer_at_the_same_time(file: Path) -> None:
    before = file.stat()
    os.truncate(file, before.st_size + 1)
    os.utime(file, ns=(0, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "its time": lambda file: os.utime(file, ns=(0, file.stat().st_mtime_ns + 1)),
    "its size": lambda file: longer_at_the_same_time(file),
    "a log that was begun": lambda file: file.with_name("db.sqlite-wal").write_bytes(b"x"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_database_that_was_written_to_while_it_was_read_as_it_is_cannot_be_relied_on(
    left_in_log_mode: Path, change: Callable[[Path], object]
) -> None:
    catalogue = open_catalogue(left_in_log_mode)
    change(left_in_log_mode)
    with pytest.raises(StoreSourceError) as caught:
        catalogue.close()
    assert caught.value.message == (
        f"cannot rely on the store database {left_in_log_mode}: it changed while it was read"
    )
    assert caught.value.hint == "run again, when nothing is being installed or built"


def test_a_database_with_a_log_is_not_read_without_it(left_in_log_mode: Path) -> None:
    left_in_log_mode.with_name("db.sqlite-wal").write_bytes(b"x")
    with no_descriptor_is_left(), pytest.raises(StoreSourceError, match="unable to open database file") as caught:
        open_catalogue(left_in_log_mode)
    assert caught.value.hint == LOG


def test_a_database_that_is_changed_in_the_usual_way_is_seen_in_one_state(file: Path) -> None:
    change(file, "pragma journal_mode = wal")
    with closing(open_catalogue(file)) as catalogue:
        change(file, "delete from Refs where referrer = 3", "delete from ValidPaths where id = 3")
        assert catalogue.find(list(FACTS)) == FACTS
    with closing(open_catalogue(file)) as catalogue:
        assert set(catalogue.paths()) == {DRV, LIB}


def test_a_database_that_cannot_be_opened_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"^cannot read .*/db\.sqlite: No such file or directory$"):
        open_catalogue(tmp_path / "db.sqlite")
