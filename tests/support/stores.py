"""Small stores on disk for tests of the rooms that move bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from sysimage.digest import fold, nix_base32
from sysimage.store import StoreItem, StorePath
from sysimage.store.nar import nar_hash_and_size


def store_path(name: str, store_dir: str = "/gnu/store") -> StorePath:
    """A store path whose hash part follows from its name."""
    return StorePath(store_dir, nix_base32(fold(hashlib.sha256(name.encode()).digest(), 20)), name)


def make_item(store: Path, name: str, files: Mapping[str, str | bytes | None]) -> StoreItem:
    """An item below ``store``: text after ``->`` is a symlink, bytes a program, text a file, None a directory."""
    path = store_path(name)
    top = store / path.base_name
    top.mkdir(parents=True)
    for file, content in files.items():
        place = top / file
        place.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            place.mkdir()
        elif isinstance(content, bytes):
            place.write_bytes(content)
            place.chmod(0o755)
        elif content.startswith("->"):
            place.symlink_to(content[2:].strip())
        else:
            place.write_text(content)
    digest, size = nar_hash_and_size(top)
    return StoreItem(path, digest, size, location=top)
