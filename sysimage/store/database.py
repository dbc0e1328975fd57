"""The store's own database, as a pure function from items to the bytes of an SQLite file.

Two schemas, each in the owner's words so that its daemon takes the file for its own: Guix's (version 7, unchanged
since 2018) and Nix's (version 10, since Nix 2.0). The bytes are the same wherever they are made: no library decides
about them (`sqlite_file`), and rows are in the order of the items.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence

from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage.store.sqlite_file import Index, Row, Table, Trigger, sqlite_file


class Schema(enum.Enum):
    """Whose schema; the value is the number its owner keeps in the file ``schema`` beside the database."""

    GUIX = 7
    NIX = 10


REGISTRATION_TIME = 1
"""Seconds since the epoch, of every row: when a path was registered is not part of what an image is."""

_WRITTEN_BY = 3_040_001
"""The version of SQLite that the file says wrote it."""

_REFS_SQL = """CREATE TABLE Refs (
    referrer integer not null, reference integer not null,
    primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict
)"""
_OUTPUTS_SQL = """CREATE TABLE DerivationOutputs (
    drv integer not null, id text not null, path text not null,
    primary key (drv, id),
    foreign key (drv) references ValidPaths(id) on delete cascade
)"""
_DELETE_SQL = """CREATE TRIGGER DeleteSelfRefs before delete on ValidPaths begin
    delete from Refs where referrer = old.id and reference = old.id;
end"""
_PATHS_SQL = {
    Schema.GUIX: """CREATE TABLE ValidPaths (
    id integer primary key autoincrement not null, path text unique not null, hash text not null,
    registrationTime integer not null, deriver text, narSize integer
)""",
    Schema.NIX: """CREATE TABLE ValidPaths (
    id integer primary key autoincrement not null, path text unique not null, hash text not null,
    registrationTime integer not null, deriver text, narSize integer, ultimate integer, sigs text, ca text
)""",
}
_FAILED_SQL = "CREATE TABLE FailedPaths (path text primary key not null, time integer not null)"


def store_database(items: Iterable[StoreItem], schema: Schema) -> bytes:
    """The database that lists exactly ``items``, which come dependencies first and closed under references (as a
    `Closure` iterates): every reference must be registered before it is referred to, self-references aside.

    What derivations make is recorded as ``nix-store --load-db`` does, whether it is there or not: by that a store finds
    it, or knows what to build. A deriver is recorded only if it is among the items: Guix records none in images, and a
    deriver that is not there is a dangling name.
    """
    items = tuple(items)
    present = {item.path for item in items}
    ids: dict[StorePath, int] = {}
    paths: list[Row] = []
    references: list[Row] = []
    outputs: list[Row] = []
    for number, item in enumerate(items, start=1):
        ids[item.path] = number
        deriver = str(item.deriver) if item.deriver in present else None
        row = (None, str(item.path), str(item.nar_hash), REGISTRATION_TIME, deriver, item.nar_size)
        paths.append(row if schema is Schema.GUIX else (*row, None, None, None))
        references += [(number, ids[reference]) for reference in item.references]
        outputs += [(number, name, str(path)) for name, path in item.outputs]
    return sqlite_file(_objects(schema, paths, references, outputs), _WRITTEN_BY)


def _objects(
    schema: Schema, paths: Sequence[Row], references: Sequence[Row], outputs: Sequence[Row]
) -> Iterator[Table | Trigger]:
    """What the owner's schema has, in the order in which its statements make it."""
    yield Table("ValidPaths", _PATHS_SQL[schema], (Index("sqlite_autoindex_ValidPaths_1", (1,)),), paths)
    # The library's own, for `autoincrement`: the largest id that was ever given.
    last = [("ValidPaths", len(paths))] if paths else []
    yield Table("sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq)", rows=last)
    yield Table(
        "Refs",
        _REFS_SQL,
        (
            Index("sqlite_autoindex_Refs_1", (0, 1)),
            Index("IndexReferrer", (0,), "CREATE INDEX IndexReferrer on Refs(referrer)"),
            Index("IndexReference", (1,), "CREATE INDEX IndexReference on Refs(reference)"),
        ),
        references,
    )
    yield Trigger("DeleteSelfRefs", "ValidPaths", _DELETE_SQL)
    yield Table(
        "DerivationOutputs",
        _OUTPUTS_SQL,
        (
            Index("sqlite_autoindex_DerivationOutputs_1", (0, 1)),
            Index("IndexDerivationOutputs", (2,), "CREATE INDEX IndexDerivationOutputs on DerivationOutputs(path)"),
        ),
        outputs,
    )
    if schema is Schema.GUIX:
        yield Table("FailedPaths", _FAILED_SQL, (Index("sqlite_autoindex_FailedPaths_1", (0,)),))


def registration_text(items: Iterable[StoreItem]) -> str:
    """The same facts as ``nix-store --load-db`` reads them: path, hash in hexadecimal, size, deriver (empty), number
    of references, references."""
    lines: list[str] = []
    for item in items:
        lines += [str(item.path), item.nar_hash.hex, str(item.nar_size), "", str(len(item.references))]
        lines += map(str, item.references)
    return "".join(f"{line}\n" for line in lines)
