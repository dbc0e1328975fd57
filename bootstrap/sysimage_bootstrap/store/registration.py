"""What a store knows about its items: one small sealed file for each. Without one, or with a damaged one, there is no
item: it is made again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysimage.digest import Digest
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.sealed import read_sealed, write_sealed

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Registration:
    """An item, and what its maker wanted remembered about it."""

    item: StoreItem
    """Without location: that is where the store is found, not something it remembers."""
    facts: Mapping[str, Any]
    """JSON; what was true of the source and is lost in the item, such as set-user-ID bits."""
    state: str | None = None
    """`tree_state` of the item's files when their hash was known to be right."""


def write(file: Path, registration: Registration) -> None:
    """Put a registration in place, durably and at once."""
    item = registration.item
    write_sealed(
        file,
        {
            "format": FORMAT,
            "path": str(item.path),
            "nar-hash": str(item.nar_hash),
            "nar-size": item.nar_size,
            "references": [str(reference) for reference in item.references],
            "source": item.source,
            "changed": list(item.changed),
            "facts": registration.facts,
            "state": registration.state,
        },
        durable=True,
    )


def write_again(file: Path, registration: Registration) -> None:
    """Change a registration without making its item younger; losing the change costs reading the item once more."""
    with contextlib.suppress(OSError):
        status = file.stat()
        write(file, registration)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def read(file: Path) -> Registration | None:
    """The registration in ``file``; None if there is none, or none that can be believed."""
    value = read_sealed(file)
    if value is None or value.get("format") != FORMAT:
        return None
    item = StoreItem(
        path=StorePath.parse(value["path"]),
        nar_hash=Digest.parse(value["nar-hash"]),
        nar_size=value["nar-size"],
        references=tuple(StorePath.parse(reference) for reference in value["references"]),
        source=value["source"],
        changed=tuple(value["changed"]),
    )
    return Registration(item, value["facts"], value.get("state")) if item.path.base_name == file.name else None
