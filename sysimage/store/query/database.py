"""The database of a Guix or Nix store, read while its daemon may be writing.

SQLite does what is needed if it is asked for it: a read-only connection in one transaction sees one state of the
store, write-ahead log included, and waits for a writer that is committing. It cannot open a database in log mode when
the log is not there and cannot be made, as in another user's directory with no daemon running. Then nothing is
being written, and the file is read as it is; that it stayed as it was is checked in the end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from sysimage.errors import MachineError
from sysimage.store.paths import StorePath
from sysimage.store.query.catalogue import PathInfo, StoreSourceError, parse_hash, sorted_paths

MAGIC = b"SQLite format 3\0"
_PATIENCE = 30.0
"""Seconds to wait for a writer."""
_NEEDED = {
    "ValidPaths": {"id", "path", "hash", "deriver", "narSize"},
    "Refs": {"referrer", "reference"},
}


class DatabaseCatalogue:
    """Valid paths as the store's owner registered them: Guix's schema and Nix's have what is read here in common."""

    def __init__(self, file: Path) -> None:
        """Open ``file``. StoreSourceError if the file is not the database of a store, MachineError if it cannot be
        read."""
        self._file = file
        self._unwatched: tuple[int, int] | None = None
        try:
            self._connection = self._open()
            try:
                self._check_schema()
            except sqlite3.Error:
                self._connection.close()
                raise
        except OSError as error:
            raise MachineError(f"cannot read {file}: {error.strerror}") from error
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise StoreSourceError(
                f"cannot read the store database {file}: {error}",
                hint=f"its log {file.name}-wal is being written or was left behind: read it as the store's owner"
                if self._has_log()
                else None,
            ) from error

    def find(self, paths: Sequence[StorePath]) -> dict[StorePath, PathInfo]:
        found = ((path, self._find_one(path)) for path in paths)
        return {path: facts for path, facts in found if facts is not None}

    def _find_one(self, path: StorePath) -> PathInfo | None:
        try:
            row = self._connection.execute(
                "select id, hash, narSize, deriver from ValidPaths where path = ?", (str(path),)
            ).fetchone()
            if row is None:
                return None
            number, nar_hash, nar_size, deriver = row
            references = self._connection.execute(
                "select path from Refs join ValidPaths on reference = id where referrer = ?", (number,)
            )
            return PathInfo(
                path,
                sorted_paths(reference for (reference,) in references),
                parse_hash(nar_hash),
                nar_size or None,
                StorePath.parse(deriver) if deriver else None,
            )
        except (sqlite3.Error, ValueError) as error:
            raise StoreSourceError(f"cannot read {path} in the store database {self._file}: {error}") from error

    def paths(self) -> Iterator[StorePath]:
        try:
            for (path,) in self._connection.execute("select path from ValidPaths"):
                yield StorePath.parse(path)
        except (sqlite3.Error, ValueError) as error:
            raise StoreSourceError(f"cannot list the store database {self._file}: {error}") from error

    def close(self) -> None:
        """Close the connection; a StoreSourceError if what was read may not be one state of the store."""
        self._connection.close()
        if self._unwatched is not None and (self._state() != self._unwatched or self._has_log()):
            raise StoreSourceError(
                f"cannot rely on the store database {self._file}: it changed while it was read",
                hint="run again, when nothing is being installed or built",
            )

    def _open(self) -> sqlite3.Connection:
        with self._file.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise sqlite3.DatabaseError("it is not an SQLite database")
        try:
            return self._connect("mode=ro")
        except sqlite3.OperationalError:
            if self._has_log():
                raise
            self._unwatched = self._state()
            return self._connect("mode=ro&immutable=1")

    def _connect(self, how: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._file.absolute().as_uri()}?{how}", uri=True, timeout=_PATIENCE, isolation_level=None
        )
        try:
            connection.execute("pragma trusted_schema = off")
            connection.execute("begin")
            # The transaction's state is the one at the first read.
            connection.execute("select count(*) from sqlite_master").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _check_schema(self) -> None:
        for table, columns in _NEEDED.items():
            present = {row[1] for row in self._connection.execute(f"pragma table_info({table})")}
            if not columns <= present:
                raise sqlite3.DatabaseError(f"it is not a store's: its table {table} lacks {min(columns - present)}")

    def _has_log(self) -> bool:
        log = self._file.with_name(self._file.name + "-wal")
        return log.exists() and log.stat().st_size > 0

    def _state(self) -> tuple[int, int]:
        status = self._file.stat()
        return status.st_mtime_ns, status.st_size
