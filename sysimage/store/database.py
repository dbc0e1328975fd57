"""The store's own database, as a pure function from items to the bytes of an SQLite file.

Two schemas, each in the owner's words so that its daemon takes the file for its own: Guix's (version 7, unchanged
since 2018) and Nix's (version 10, since Nix 2.0). The bytes are the same wherever they are made: one connection in
memory, rows in a fixed order, rollback journal (a WAL database cannot be opened from a read-only directory), and the
library's version stamp replaced by a constant, because it says who wrote last and not what was written.
"""

from __future__ import annotations

import enum
import sqlite3
from collections.abc import Iterable

from sysimage.store.items import StoreItem


class Schema(enum.Enum):
    """Whose schema; the value is the number its owner keeps in the file ``schema`` beside the database."""

    GUIX = 7
    NIX = 10


REGISTRATION_TIME = 1
"""Seconds since the epoch, of every row: when a path was registered is not part of what an image is."""

_VERSION_STAMP = slice(96, 100)
"""Where the SQLite file header keeps the version of the library that wrote it (sqlite.org/fileformat2.html, 1.3)."""
_VERSION = (3_040_001).to_bytes(4, "big")

_REFS = """
create table if not exists Refs (
    referrer integer not null, reference integer not null,
    primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict
);
create index if not exists IndexReferrer on Refs(referrer);
create index if not exists IndexReference on Refs(reference);
create trigger if not exists DeleteSelfRefs before delete on ValidPaths begin
    delete from Refs where referrer = old.id and reference = old.id;
end;
create table if not exists DerivationOutputs (
    drv integer not null, id text not null, path text not null,
    primary key (drv, id),
    foreign key (drv) references ValidPaths(id) on delete cascade
);
create index if not exists IndexDerivationOutputs on DerivationOutputs(path);
"""

_SCHEMAS = {
    Schema.GUIX: """
create table if not exists ValidPaths (
    id integer primary key autoincrement not null, path text unique not null, hash text not null,
    registrationTime integer not null, deriver text, narSize integer
);
"""
    + _REFS
    + "create table if not exists FailedPaths (path text primary key not null, time integer not null);",
    Schema.NIX: """
create table if not exists ValidPaths (
    id integer primary key autoincrement not null, path text unique not null, hash text not null,
    registrationTime integer not null, deriver text, narSize integer, ultimate integer, sigs text, ca text
);
"""
    + _REFS,
}


def store_database(items: Iterable[StoreItem], schema: Schema) -> bytes:
    """The database that lists exactly ``items``, which come dependencies first and closed under references (as a
    `Closure` iterates): every reference must be registered before it is referred to, self-references aside.

    A deriver is recorded only if it is among the items: Guix records none in images, and a deriver that is not there
    is a dangling name.
    """
    items = tuple(items)
    present = {item.path for item in items}
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("pragma page_size = 4096")
        connection.execute("pragma encoding = 'UTF-8'")
        connection.execute("pragma foreign_keys = 1")
        connection.executescript(_SCHEMAS[schema])
        ids = {}
        with connection:
            for number, item in enumerate(items, start=1):
                ids[item.path] = number
                deriver = str(item.deriver) if item.deriver in present else None
                connection.execute(
                    "insert into ValidPaths (id, path, hash, registrationTime, deriver, narSize) "
                    "values (?, ?, ?, ?, ?, ?)",
                    (number, str(item.path), str(item.nar_hash), REGISTRATION_TIME, deriver, item.nar_size),
                )
                connection.executemany(
                    "insert into Refs (referrer, reference) values (?, ?)",
                    [(number, ids[reference]) for reference in item.references],
                )
        connection.execute("vacuum")
        data = bytearray(connection.serialize())
    finally:
        connection.close()
    data[_VERSION_STAMP] = _VERSION
    return bytes(data)


def registration_text(items: Iterable[StoreItem]) -> str:
    """The same facts as ``nix-store --load-db`` reads them: path, hash in hexadecimal, size, deriver (empty), number
    of references, references."""
    lines: list[str] = []
    for item in items:
        lines += [str(item.path), item.nar_hash.hex, str(item.nar_size), "", str(len(item.references))]
        lines += map(str, item.references)
    return "".join(f"{line}\n" for line in lines)
