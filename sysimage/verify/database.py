"""The store database inside an image, read from its bytes, which are not trusted."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sysimage.digest import Digest
from sysimage.verify.issue_collector import IssueCollector, escaped

_MAGIC = b"SQLite format 3\0"
_MOST_OPERATIONS = 500_000_000
_OPERATIONS_PER_CALL = 1_000_000

_COLUMNS = {
    "ValidPaths": ("id", "path", "hash", "registrationTime", "deriver", "narSize"),
    "Refs": ("referrer", "reference"),
    "DerivationOutputs": ("drv", "id", "path"),
}
_GUIX_COLUMNS = {**_COLUMNS, "FailedPaths": ("path", "time")}
_NIX_COLUMNS = {**_COLUMNS, "ValidPaths": (*_COLUMNS["ValidPaths"], "ultimate", "sigs", "ca")}
_INDEXES = ("IndexDerivationOutputs", "IndexReference", "IndexReferrer")
_TRIGGERS = ("DeleteSelfRefs",)


@dataclass(frozen=True, slots=True)
class DatabaseLayout:
    """What the database of one kind of store looks like."""

    kind: str
    version: str
    """What the ``schema`` file beside the database says."""
    columns: dict[str, tuple[str, ...]]
    """Column names by table."""


GUIX = DatabaseLayout("guix", "7", _GUIX_COLUMNS)
NIX = DatabaseLayout("nix", "10", _NIX_COLUMNS)


@dataclass(frozen=True, slots=True)
class Row:
    """A valid path as the database registers it."""

    path: str
    nar_hash: Digest | None
    """None if the text there is not a hash."""
    nar_size: int | None
    references: frozenset[str]
    deriver: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    """What a derivation makes: name → path."""


def read_database(
    data: bytes, schema: DatabaseLayout, where: str, faults: IssueCollector, *, log: bytes = b"", ours: bool = True
) -> dict[str, Row] | None:
    """The rows by path, or None when the file cannot be read as a database at all.

    ``log`` is the write-ahead log beside it, which a store that was in use leaves. With ``ours``, the schema must be
    the one that sysimage writes.
    """
    if data[:16] != _MAGIC or len(data) < 512:
        faults.add("database", where, "is not an SQLite database")
        return None
    style = faults.style(ours=ours)
    try:
        if log:
            data = _with_log(data, log)
        if data[18:20] != b"\x01\x01":
            style(
                "database", where, f"is in write-ahead-log mode (header bytes 18 and 19 are {data[18]} and {data[19]})"
            )
            # In write-ahead mode it could not be opened without its log; the pages are the same in either mode.
            data = data[:18] + b"\x01\x01" + data[20:]
        with _opened(data) as connection:
            _check_integrity(connection, where, faults)
            if not _check_schema(connection, schema, where, faults):
                return None
            return _rows(connection, where, faults, style)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        # The library decodes its own messages, in which a damaged name may occur, strictly.
        faults.add("database", where, f"cannot be read: {escaped(str(error))}")
        return None


def _with_log(data: bytes, log: bytes) -> bytes:
    """The database with everything that is only in its log."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "db.sqlite"
        path.write_bytes(data)
        path.with_name("db.sqlite-wal").write_bytes(log)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return path.read_bytes()


@contextmanager
def _opened(data: bytes) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        calls = iter(range(_MOST_OPERATIONS // _OPERATIONS_PER_CALL))
        connection.set_progress_handler(lambda: next(calls, None) is None, _OPERATIONS_PER_CALL)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1 << 20)
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON"):
            connection.execute(f"PRAGMA {pragma}")
        yield connection


def _check_integrity(connection: sqlite3.Connection, where: str, faults: IssueCollector) -> None:
    for (line,) in connection.execute("PRAGMA integrity_check(20)"):
        if line != "ok":
            faults.add("database", where, f"integrity_check: {escaped(str(line))}")
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        faults.add(
            "database", where, f"row {row} of {escaped(str(table))} refers to a missing row of {escaped(str(parent))}"
        )


def _check_schema(connection: sqlite3.Connection, schema: DatabaseLayout, where: str, faults: IssueCollector) -> bool:
    """Whether the tables that are read are there, as tables."""
    found = {(kind, name) for kind, name in connection.execute("SELECT type, name FROM sqlite_master")}
    readable = True
    for table, columns in schema.columns.items():
        if ("table", table) not in found:
            faults.add("schema", where, f"has no table {table}, which schema {schema.version} of {schema.kind} has")
            readable = False
            continue
        present = tuple(str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})"))
        if present != columns:
            faults.add(
                "schema",
                where,
                f"{table} has the columns {escaped(', '.join(present))}; {schema.kind}'s {', '.join(columns)}",
            )
            readable = readable and set(columns) <= set(present)
    for kind, names in (("index", _INDEXES), ("trigger", _TRIGGERS)):
        for name in names:
            if (kind, name) not in found:
                faults.add("schema", where, f"has no {kind} {name}")
    known = {*schema.columns, *_INDEXES, *_TRIGGERS}
    for kind, name in sorted((str(kind), str(name)) for kind, name in found):
        if name not in known and not name.startswith("sqlite_") and kind in ("view", "trigger"):
            faults.add("schema", where, f"has a {kind} {escaped(name)}, which no store makes")
            readable = False
    return readable


def _rows(
    connection: sqlite3.Connection, where: str, faults: IssueCollector, style: Callable[[str, str, str], None]
) -> dict[str, Row]:
    identifiers: dict[int, str] = {}
    values: dict[str, tuple[object, object, object]] = {}
    for identifier, path, text, time, size, deriver in connection.execute(
        "SELECT id, path, hash, registrationTime, narSize, deriver FROM ValidPaths ORDER BY id"
    ):
        identifiers[identifier] = str(path)
        values[str(path)] = (text, size, deriver)
        if not isinstance(time, int) or time <= 0:
            faults.add("registration", where, f"{escaped(str(path))} was registered at {escaped(repr(time))}")
    references: dict[str, set[str]] = {path: set() for path in values}
    for referrer, reference in connection.execute("SELECT referrer, reference FROM Refs"):
        if referrer in identifiers and reference in identifiers:
            references[identifiers[referrer]].add(identifiers[reference])
            if reference > referrer:
                style(
                    "row order",
                    where,
                    f"{escaped(identifiers[referrer])} comes before its reference {escaped(identifiers[reference])}",
                )
    outputs: dict[str, dict[str, str]] = {path: {} for path in values}
    for derivation, name, path in connection.execute("SELECT drv, id, path FROM DerivationOutputs"):
        if derivation in identifiers:
            outputs[identifiers[derivation]][str(name)] = str(path)
    return {
        path: Row(
            path,
            _digest(text, path, where, faults),
            _size(size, path, where, faults),
            frozenset(references[path]),
            deriver if isinstance(deriver, str) else None,
            outputs[path],
        )
        for path, (text, size, deriver) in values.items()
    }


def _digest(text: object, path: str, where: str, faults: IssueCollector) -> Digest | None:
    try:
        return Digest.parse(str(text))
    except ValueError:
        faults.add("registration", where, f"{escaped(path)} has the hash {escaped(repr(text))}")
        return None


def _size(size: object, path: str, where: str, faults: IssueCollector) -> int | None:
    if isinstance(size, int) and size > 0:
        return size
    faults.add("registration", where, f"{escaped(path)} has the NAR size {escaped(repr(size))}")
    return None
