"""SQLite files of our own: the library reads every one of them, finds it whole, and writes on in it."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.store.sqlite_file import PAGE_SIZE, Index, Row, Table, Trigger, sqlite_file

VERSION = 3_040_001
NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-2, 300)
# Around the sizes at which a text leaves its page: of an index, of a table, and over two pages more.
SIZES = st.sampled_from([0, 1, 60, 61, 980, 1000, 1010, 4000, 4061, 4070, 8100, 8200]) | st.integers(0, 300)
LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXTS = st.builds(lambda start, size: start + "x" * size, st.text(LETTERS), SIZES)
VALUES = st.none() | NUMBERS | TEXTS


@contextmanager
def opened(data: bytes) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        yield connection


def whole(connection: sqlite3.Connection) -> bool:
    return connection.execute("pragma integrity_check").fetchall() == [("ok",)]


def table(rows: list[Row]) -> Table:
    return Table(
        "T", "CREATE TABLE T (a, b)", (Index("by_b", (1,), "CREATE INDEX by_b on T(b)"), index_of_both()), rows
    )


def index_of_both() -> Index:
    return Index("by_both", (0, 1), "CREATE INDEX by_both on T(a, b)")


@pytest.mark.slow
@given(st.lists(st.tuples(VALUES, VALUES), max_size=60), st.sampled_from([1, 1, 2, 30]))
def test_what_was_written_is_read_by_table_and_by_index(rows: list[Row], times: int) -> None:
    rows = rows * times
    with opened(sqlite_file([table(rows)], VERSION)) as connection:
        assert whole(connection)
        assert connection.execute("select rowid, a, b from T").fetchall() == [
            (at, *row) for at, row in enumerate(rows, 1)
        ]
        for _, b in rows[:5]:
            found = connection.execute("select rowid from T indexed by by_b where b is ?", (b,)).fetchall()
            assert found == [(at,) for at, row in enumerate(rows, 1) if row[1] == b]


def test_a_text_of_any_size_around_those_at_which_a_page_takes_no_more_is_read_back() -> None:
    """In a table up to 4061 bytes with the head of the row are in its page, in an index up to 1002; of longer ones so
    much is there that whole pages follow, if that is not more than these."""
    sizes = [size for limit in (1002, 4061, 5094, 8153) for size in range(limit - 15, limit + 6)]
    rows: list[Row] = [(None, f"{size}".ljust(size, "x")) for size in sizes]
    for some in (rows, *([row] for row in rows)):
        with opened(sqlite_file([table(some)], VERSION)) as connection:
            assert whole(connection)
            assert connection.execute("select a, b from T").fetchall() == some
            assert connection.execute("select b from T indexed by by_b order by b").fetchall() == sorted(
                (b,) for _, b in some
            )


@pytest.mark.parametrize("columns", [1, 125, 126, 127, 128, 300])
def test_a_row_may_have_any_number_of_columns(columns: int) -> None:
    names = ", ".join(f"c{number}" for number in range(columns))
    row: Row = tuple(number if number % 3 else f"{number}" for number in range(columns))
    with opened(sqlite_file([Table("T", f"CREATE TABLE T ({names})", rows=[row, row])], VERSION)) as connection:
        assert whole(connection)
        assert connection.execute("select * from T").fetchall() == [row, row]


def test_an_index_has_nothing_then_numbers_then_texts_by_their_bytes() -> None:
    values: list[Row] = [(None,), (-(1 << 40),), (-1,), (0,), (1,), (300,), ("",), ("Z",), ("a",), ("aa",), ("é",)]
    index = Index("by_a", (0,), "CREATE INDEX by_a on T(a)")
    with opened(sqlite_file([Table("T", "CREATE TABLE T (a)", (index,), values[::-1])], VERSION)) as connection:
        assert whole(connection)
        assert connection.execute("select a from T indexed by by_a order by a").fetchall() == values


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 30, 900, 1002])
def test_a_tree_of_any_number_of_entries_is_whole(size: int) -> None:
    """With every number of pages and levels; where the last entry just does not fit, no page is left empty."""
    for count in (*range(0, 110, 1 if size >= 900 else 7), *range(110, 1200, 61), 20_000 if size < 900 else 1200):
        rows: list[Row] = [(at * 7919 % 65_537, f"{at:04}" + "x" * size) for at in range(count)]
        with opened(sqlite_file([table(rows)], VERSION)) as connection:
            assert whole(connection)
            assert connection.execute("select count(*), max(rowid) from T").fetchall() == [(count, count or None)]


def test_the_library_writes_on_where_we_ended() -> None:
    rows: list[Row] = [(at % 10, f"{at}") for at in range(5000)]
    with opened(sqlite_file([table(rows)], VERSION)) as connection:
        connection.executemany("insert into T values (?, ?)", [(at, "new") for at in range(2000)])
        connection.execute("delete from T where a < 7")
        assert whole(connection)
        assert connection.execute("select count(*) from T").fetchone() == (5000 * 3 // 10 + 2000 - 7,)
        connection.commit()
        connection.execute("vacuum")
        assert whole(connection)


@given(st.lists(NUMBERS, min_size=1, max_size=30))
def test_numbers_take_the_bytes_that_the_library_gives_them(numbers: list[int]) -> None:
    def unused(data: bytes) -> int:
        """Bytes of the table's page, the last one, that no cell takes."""
        page = data[-PAGE_SIZE:]
        return int.from_bytes(page[5:7], "big") - 8 - 2 * int.from_bytes(page[3:5], "big")

    database = sqlite3.connect(":memory:")
    database.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    database.execute("CREATE TABLE T (a)")
    database.executemany("INSERT INTO T VALUES (?)", [(number,) for number in numbers])
    database.commit()
    ours = sqlite_file([Table("T", "CREATE TABLE T (a)", rows=[(number,) for number in numbers])], VERSION)
    assert unused(ours) == unused(database.serialize())


def test_no_byte_is_left_to_chance() -> None:
    """A file with every kind of page and cell. If this has to change, the digest of every image does."""
    rows: list[Row] = [(None if at % 5 == 0 else at * 1_000_003, "é" * (at % 2500)) for at in range(3000)]
    data = sqlite_file([table(rows), Trigger("D", "T", "CREATE TRIGGER D delete on T begin select 1; end")], VERSION)
    kinds = {data[at] for at in range(PAGE_SIZE, len(data), PAGE_SIZE)}
    assert kinds >= {0, 2, 5, 10, 13}
    assert hashlib.sha256(data).hexdigest() == "2d42370ee0d0fa1b21b2e8440285ea00835dbd0c30601eafd0b44b3b9e6a1720"


@pytest.mark.parametrize(
    ("index", "sizes", "pages"),
    [(False, [2036, 2036], 2), (False, [2036, 2037], 4), (True, [809] * 4 + [808], 3), (True, [809] * 5, 5)],
)
def test_a_page_is_filled_to_its_last_byte(index: bool, sizes: list[int], pages: int) -> None:
    """One byte more needs another leaf, and a page above both."""
    indexes = (Index("by_a", (0,), "CREATE INDEX by_a on T(a)"),) if index else ()
    rows: list[Row] = [(f"{at}".ljust(size, "x"),) for at, size in enumerate(sizes)]
    data = sqlite_file([Table("T", "CREATE TABLE T (a)", indexes, rows)], VERSION)
    assert len(data) == pages * PAGE_SIZE
    with opened(data) as connection:
        assert whole(connection)


def test_statements_take_the_whole_rest_of_the_first_page() -> None:
    fits = "CREATE TABLE T (a /* " + "x" * 3943 + " */)"
    with opened(sqlite_file([Table("T", fits)], VERSION)) as connection:
        assert whole(connection)
        assert connection.execute("select sql from sqlite_master").fetchall() == [(fits,)]
    with pytest.raises(ValueError, match="do not fit in the first page"):
        sqlite_file([Table("T", fits.replace("x */", "xx */"))], VERSION)


def test_statements_that_need_more_than_the_first_page_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit in the first page"):
        sqlite_file([Table("T", f"CREATE TABLE T (a /* {'x' * 4000} */)")], VERSION)
    with pytest.raises(OverflowError):
        sqlite_file([Table("T", "CREATE TABLE T (a)", rows=[(1 << 63,)])], VERSION)
