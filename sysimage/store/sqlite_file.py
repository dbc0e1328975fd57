"""SQLite database files written page by page, so that their bytes depend on the rows and on nothing else.

The library writes valid files, not the same ones: what it leaves in the unused parts of a page, and how it fills pages,
differs from version to version and with the options it was compiled with. What every version reads is one format, which
is documented and does not change (sqlite.org/fileformat2.html; the numbers in comments are its sections). Written here
is the part of it that a new database needs: pages are filled in order, unused bytes are zero, nothing is free.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PAGE_SIZE = 4096
_SIZE_LIMIT = 1 << 30
"""Bytes; the page that begins here must not be used (1.2, the lock-byte page)."""

_INDEX_INTERIOR, _TABLE_INTERIOR, _INDEX_LEAF, _TABLE_LEAF = 2, 5, 10, 13
_MOST_IN_TABLE = PAGE_SIZE - 35
_MOST_IN_INDEX = (PAGE_SIZE - 12) * 64 // 255 - 23
_LEAST_LOCAL = (PAGE_SIZE - 12) * 32 // 255 - 23
_INTEGERS = ((1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (6, 8))
"""Serial types of integers, and the bytes they take (2.1)."""
_ONE_BYTE = [bytes([value]) for value in range(0x80)]
"""Most numbers of the format are this small."""

Value = int | str | None
Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a table."""

    name: str
    columns: tuple[int, ...]
    """Which values of a row, from 0."""
    sql: str | None = None
    """The statement that makes it; None for one that a constraint of the table implies."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its rows, whose rowids count from 1."""

    name: str
    sql: str
    """The statement that makes it, as SQLite keeps it: ``CREATE TABLE``, the name, and the rest as it was written."""
    indexes: tuple[Index, ...] = ()
    rows: Sequence[Row] = ()
    """A column that is declared ``INTEGER PRIMARY KEY`` is the rowid and is None here."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger on a table."""

    name: str
    table: str
    sql: str


def sqlite_file(objects: Iterable[Table | Trigger], written_by: int) -> bytes:
    """The database that holds exactly ``objects``, in UTF-8 and rollback-journal mode.

    ``written_by`` is the version of the library that the file says wrote it, such as 3040001. A ValueError if the
    statements do not fit in the first page (some 3,900 bytes) or the file would reach a gibibyte.
    """
    pages = _Pages()
    schema: list[Row] = []
    for thing in objects:
        if isinstance(thing, Trigger):
            schema.append(("trigger", thing.name, thing.table, 0, thing.sql))
            continue
        schema.append(("table", thing.name, thing.name, pages.add_table(thing.rows), thing.sql))
        for index in thing.indexes:
            root = pages.add_index(_index_entries(thing.rows, index.columns))
            schema.append(("index", index.name, thing.name, root, index.sql))
    return pages.whole(schema, written_by)


def _index_entries(rows: Sequence[Row], columns: Sequence[int]) -> list[Row]:
    """The indexed values of each row with its rowid, in the order of an index: NULL, numbers, texts by their bytes."""
    entries: list[Row] = [(*(row[column] for column in columns), at) for at, row in enumerate(rows, 1)]
    return sorted(entries, key=lambda entry: [_rank(value) for value in entry])


def _rank(value: Value) -> tuple[bool | int | bytes, ...]:
    if value is None:
        return ()
    return isinstance(value, str), value.encode() if isinstance(value, str) else value


class _Pages:
    """The pages of a file; the first is kept free for the schema and written last."""

    def __init__(self) -> None:
        self._pages = [b""]

    def add_table(self, rows: Sequence[Row]) -> int:
        """Write a table's b-tree and return the number of its root page."""
        cells = [self._cell(_record(row), _varint(at), _MOST_IN_TABLE) for at, row in enumerate(rows, 1)]
        spans = _spans(cells, PAGE_SIZE - 8, kept=True)
        children = [self._add(_page(_TABLE_LEAF, cells[start:stop])) for start, stop in spans]
        # Between two children is the largest rowid of the first.
        return self._interior(_TABLE_INTERIOR, children, [_varint(stop) for _, stop in spans[:-1]])

    def add_index(self, entries: Sequence[Row]) -> int:
        """Write the b-tree of entries that are in order, and return the number of its root page."""
        cells = [self._cell(_record(entry), b"", _MOST_IN_INDEX) for entry in entries]
        spans = _spans(cells, PAGE_SIZE - 8, kept=False)
        children = [self._add(_page(_INDEX_LEAF, cells[start:stop])) for start, stop in spans]
        # Between two children is an entry that is in neither.
        return self._interior(_INDEX_INTERIOR, children, [cells[stop] for _, stop in spans[:-1]])

    def whole(self, schema: Sequence[Row], written_by: int) -> bytes:
        """The file, with ``schema`` as its first page."""
        cells = [self._cell(_record(row), _varint(at), _MOST_IN_TABLE) for at, row in enumerate(schema, 1)]
        header = struct.pack(
            ">16sHBBBBBB12I20x2I",
            b"SQLite format 3\0",
            PAGE_SIZE,
            *(1, 1),  # rollback journal, to write and to read: a WAL database cannot be read from a read-only directory
            *(0, 64, 32, 32),  # bytes reserved in each page; three fractions that are always these
            *(1, len(self._pages), 0, 0),  # file change counter, pages, first of the free ones, number of free ones
            *(1, 4, 0, 0, 1),  # schema cookie, schema format, cache size, no auto-vacuum, UTF-8
            *(0, 0, 0),  # user version, no incremental vacuum, application
            *(1, written_by),  # the change counter for which the number of pages and the version are valid
        )
        if _room(cells) > PAGE_SIZE - 8 - len(header):
            raise ValueError("cannot write an SQLite file: its statements do not fit in the first page")
        self._pages[0] = _page(_TABLE_LEAF, cells, header=header)
        if len(self._pages) * PAGE_SIZE > _SIZE_LIMIT:
            raise ValueError("cannot write an SQLite file: it would be larger than a gibibyte")
        return b"".join(self._pages)

    def _add(self, page: bytes) -> int:
        self._pages.append(page)
        return len(self._pages)

    def _interior(self, kind: int, children: list[int], between: list[bytes]) -> int:
        """Write pages over ``children`` until there is one; ``between`` has what is between each and the next."""
        while between:
            cells = [child.to_bytes(4, "big") + key for child, key in zip(children, between, strict=False)]
            spans = _spans(cells, PAGE_SIZE - 12, kept=False)
            children = [self._add(_page(kind, cells[start:stop], right=children[stop])) for start, stop in spans]
            between = [between[stop] for _, stop in spans[:-1]]
        return children[0]

    def _cell(self, payload: bytes, key: bytes, most: int) -> bytes:
        """A cell of a leaf; of a payload larger than ``most`` bytes the end goes to pages of its own (1.6)."""
        start = _varint(len(payload)) + key
        if len(payload) <= most:
            return start + payload
        local = _LEAST_LOCAL + (len(payload) - _LEAST_LOCAL) % (PAGE_SIZE - 4)
        if local > most:
            local = _LEAST_LOCAL
        first = len(self._pages) + 1
        for at in range(local, len(payload), PAGE_SIZE - 4):
            is_last = at + PAGE_SIZE - 4 >= len(payload)
            following = 0 if is_last else len(self._pages) + 2
            part = following.to_bytes(4, "big") + payload[at : at + PAGE_SIZE - 4]
            self._add(part.ljust(PAGE_SIZE, b"\0"))
        return start + payload[:local] + first.to_bytes(4, "big")


def _spans(cells: Sequence[bytes], room: int, *, kept: bool) -> list[tuple[int, int]]:
    """Which cells go into which page of a level, each page as full as may be: from start to before stop.

    The cell after a page's last begins the next page if it is ``kept`` in this level. Otherwise it goes between the two
    pages, in the level above; then no page is left empty, since no reader takes one.
    """
    spans: list[tuple[int, int]] = []
    start = used = 0
    for at, cell in enumerate(cells):
        size = len(cell) + 2
        if used + size > room:
            stop = at if kept or at < len(cells) - 1 else at - 1
            spans.append((start, stop))
            start = stop if kept else stop + 1
            used = 0
        if at >= start:
            used += size
    return [*spans, (start, len(cells))]


def _room(cells: Iterable[bytes]) -> int:
    """Bytes that cells take in a page, each with its pointer."""
    return sum(len(cell) + 2 for cell in cells)


def _page(kind: int, cells: Sequence[bytes], *, right: int | None = None, header: bytes = b"") -> bytes:
    """A page of a b-tree (1.6): cells are at its end, the last one first, and pointers to them at its start."""
    at, pointers = PAGE_SIZE, b""
    for cell in cells:
        at -= len(cell)
        pointers += at.to_bytes(2, "big")
    start = header + struct.pack(">BHHHB", kind, 0, len(cells), at, 0)
    start += (b"" if right is None else right.to_bytes(4, "big")) + pointers
    return start + bytes(at - len(start)) + b"".join(reversed(cells))


def _record(values: Row) -> bytes:
    """Values in the record format (2.1)."""
    types = body = b""
    for value in values:
        kind, data = _serial(value)
        types += _varint(kind)
        body += data
    size = len(types) + 1
    return _varint(size if size < 0x80 else size + 1) + types + body


def _serial(value: Value) -> tuple[int, bytes]:
    if value is None:
        return 0, b""
    if isinstance(value, str):
        data = value.encode()
        return 13 + 2 * len(data), data
    if value in (0, 1):
        return 8 + value, b""
    bits = max(value, ~value).bit_length()
    for kind, size in _INTEGERS:
        if bits < 8 * size:
            return kind, value.to_bytes(size, "big", signed=True)
    raise OverflowError(f"{value} has more than 64 bits")


def _varint(value: int) -> bytes:
    """A number from 0 to 2⁵⁶ - 1, seven bits a byte, the highest first (1.6)."""
    if value < len(_ONE_BYTE):
        return _ONE_BYTE[value]
    data = bytes([value & 0x7F])
    while value := value >> 7:
        data = bytes([value & 0x7F | 0x80]) + data
    return data
