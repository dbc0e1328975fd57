#!/usr/bin/python3
"""Compares a store's database with what is in the store, for the root file system given; prints JSON.

Runs in the guest, on the root of a running container (``/proc/PID/root``), with Python's standard library alone.
Usage: store_check.py ROOT STORE-DIRECTORY DATABASE
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import stat
import sys
from typing import Any

_OWN = frozenset({".links"})
"""What a store's owner keeps beside the items."""


class Nar:
    """The NAR serialisation of a path, as a hash and a length."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.size = 0
        self.text(b"nix-archive-1")

    def write(self, data: bytes) -> None:
        self.hash.update(data)
        self.size += len(data)

    def text(self, *words: bytes) -> None:
        for word in words:
            self.write(len(word).to_bytes(8, "little") + word + bytes(-len(word) % 8))

    def add(self, path: bytes) -> None:
        status = os.lstat(path)
        self.text(b"(", b"type")
        if stat.S_ISLNK(status.st_mode):
            self.text(b"symlink", b"target", os.readlink(path))  # noqa: PTH115 - bytes
        elif stat.S_ISREG(status.st_mode):
            self.text(b"regular")
            if status.st_mode & 0o100:
                self.text(b"executable", b"")
            self.text(b"contents")
            self.write(status.st_size.to_bytes(8, "little"))
            with open(path, "rb") as file:
                while data := file.read(1 << 20):
                    self.write(data)
            self.write(bytes(-status.st_size % 8))
        elif stat.S_ISDIR(status.st_mode):
            self.text(b"directory")
            for name in sorted(os.listdir(path)):  # noqa: PTH208 - bytes
                self.text(b"entry", b"(", b"name", name, b"node")
                self.add(path + b"/" + name)
                self.text(b")")
        else:
            raise OSError(f"{os.fsdecode(path)} is neither file, directory nor link")
        self.text(b")")


def check(root: str, store: str, database: str) -> dict[str, Any]:
    """What is wrong: items that are not as registered, missing, or not registered at all; and how many are fine."""
    # A copy in memory: SQLite would follow /proc/PID/root out of the container, and might write beside the file.
    connection = sqlite3.connect(":memory:")
    with open(root + database, "rb") as file:
        connection.deserialize(file.read())
    registered = connection.execute("SELECT path, hash, narSize FROM ValidPaths ORDER BY path").fetchall()
    integrity = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    dangling = connection.execute("PRAGMA foreign_key_check").fetchall()
    report: dict[str, Any] = {"items": len(registered), "changed": [], "missing": [], "stray": []}
    report["database"] = [*(line for line in integrity if line != "ok"), *map(str, dangling)]
    for path, expected, size in registered:
        nar = Nar()
        try:
            nar.add(os.fsencode(root + path))
        except FileNotFoundError:
            report["missing"].append(path)
            continue
        if expected not in (f"sha256:{nar.hash.hexdigest()}",) or size != nar.size:
            report["changed"].append(path)
    known = {path for path, _, _ in registered}
    there = {f"{store}/{entry.name}" for entry in os.scandir(root + store) if entry.name not in _OWN}
    report["stray"] = sorted(there - known)
    return report


if __name__ == "__main__":
    print(json.dumps(check(*sys.argv[1:])))
