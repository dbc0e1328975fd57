"""What a store knows about its items: one small file for each, written whole or not at all.

    <digest of the rest, 64 hexadecimal digits>
    {"format": 1, "path": ..., "nar-hash": ..., "nar-size": ..., "references": [...], "source": ..., "changed": [...],
     "facts": {...}}

A file that is cut short, edited or of another format is no registration: the item is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysimage.digest import Digest
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Registration:
    """An item, and what its maker wanted remembered about it."""

    item: StoreItem
    """Without location: that is where the store is found, not something it remembers."""
    facts: Mapping[str, Any]
    """JSON; what was true of the source and is lost in the item, such as set-user-ID bits."""


def write(file: Path, registration: Registration) -> None:
    """Put a registration in place, durably and at once."""
    item = registration.item
    body = json.dumps(
        {
            "format": FORMAT,
            "path": str(item.path),
            "nar-hash": str(item.nar_hash),
            "nar-size": item.nar_size,
            "references": [str(reference) for reference in item.references],
            "source": item.source,
            "changed": list(item.changed),
            "facts": registration.facts,
        },
        sort_keys=True,
        separators=(",", ":"),
    ).encode("ascii")
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with open(draft, "wb") as out:
        out.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)


def read(file: Path) -> Registration | None:
    """The registration in ``file``; None if there is none, or none that can be believed."""
    try:
        checksum, newline, body = file.read_bytes().partition(b"\n")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    if not newline or hashlib.sha256(body).hexdigest().encode() != checksum:
        return None
    value = json.loads(body)
    if value.get("format") != FORMAT:
        return None
    item = StoreItem(
        path=StorePath.parse(value["path"]),
        nar_hash=Digest.parse(value["nar-hash"]),
        nar_size=value["nar-size"],
        references=tuple(StorePath.parse(reference) for reference in value["references"]),
        source=value["source"],
        changed=tuple(value["changed"]),
    )
    return Registration(item, value["facts"]) if item.path.base_name == file.name else None
