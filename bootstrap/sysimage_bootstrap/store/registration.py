"""What a store knows about its items: one small file with a checksum for each. Without one, or with a damaged one,
there is no item: it is made again.

The file belongs to the store, as the items do, and not to the version that made it: an item's recipe says all that its
content depends on, and what an older version has made is not made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysimage.digest import Digest
from sysimage.files.checksummed_file import DamagedFileError, read_checksummed, write_checksummed
from sysimage.notices import notice
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath

REGISTRATION_FORMAT = 1
"""Of the file, as every version of this program must read it."""


@dataclass(frozen=True, slots=True)
class Registration:
    """An item, and the facts that its builder recorded about it."""

    item: StoreItem
    """Without location: that is where the store is found, not something it remembers."""
    facts: Mapping[str, Any]
    """JSON: facts about the source that the item cannot hold, such as set-user-ID bits."""
    state: str | None = None
    """`tree_fingerprint` of the item's files when their hash was known to be right."""


def write(file: Path, registration: Registration) -> None:
    """Put a registration in place, durably and at once."""
    item = registration.item
    value = {
        "format": REGISTRATION_FORMAT,
        "path": str(item.path),
        "nar-hash": str(item.nar_hash),
        "nar-size": item.nar_size,
        "references": [str(reference) for reference in item.references],
        "source": item.source,
        "changed": list(item.changed),
        "facts": registration.facts,
        "state": registration.state,
    }
    write_checksummed(file, json.dumps(value, sort_keys=True, separators=(",", ":")).encode(), durable=True)


def write_again(file: Path, registration: Registration) -> None:
    """Change a registration without making its item younger; losing the change costs reading the item once more."""
    with contextlib.suppress(OSError):
        status = file.stat()
        write(file, registration)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def read(file: Path) -> Registration | None:
    """The registration in ``file``; None if it is absent or damaged."""
    try:
        data = read_checksummed(file)
    except DamagedFileError:
        data = _with_older_seal(file)
        if data is None:
            notice(f"{file} was damaged: what it stands for is made again")
    value = {} if data is None else json.loads(data)
    if value.get("format") != REGISTRATION_FORMAT:
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


def _with_older_seal(file: Path) -> bytes | None:
    """The content of a file of an older version, whose checksum covers the content alone."""
    with contextlib.suppress(OSError):
        seal, _, content = file.read_bytes().partition(b"\n")
        if seal == hashlib.sha256(content).hexdigest().encode():
            return content
    return None
