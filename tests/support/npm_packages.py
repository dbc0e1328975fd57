"""Tarballs as `npm pack` writes them, and what a lock file says of them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def make_tarball(
    place: Path,
    files: Mapping[str, str | bytes],
    *,
    programs: tuple[str, ...] = (),
    links: Mapping[str, str] | None = None,
    name: str = "x",
    version: str = "1.0.0",
) -> Path:
    """A tarball whose ``files`` are below ``package/``; ``programs`` of them are executable."""
    whole = {"package.json": json.dumps({"name": name, "version": version}), **files}
    place.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(place, "w:gz") as archive:
        for path, text in whole.items():
            data = text.encode() if isinstance(text, str) else text
            member = tarfile.TarInfo(f"package/{path}")
            member.size, member.mode = len(data), 0o755 if path in programs else 0o600
            archive.addfile(member, io.BytesIO(data))
        for path, target in (links or {}).items():
            member = tarfile.TarInfo(f"package/{path}")
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return place


def integrity(place: Path) -> str:
    """As npm writes it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(place.read_bytes()).digest()).decode()


def write_lock(place: Path, packages: Mapping[str, Mapping[str, Any]], **root: Any) -> Path:
    """A lock file; the application depends on all packages at its top unless ``root`` says otherwise."""
    names = [path.removeprefix("node_modules/") for path in packages]
    wanted = {name: "*" for name in names if "node_modules/" not in name}
    entries = {"": {"dependencies": wanted, **root}, **packages}
    place.write_text(json.dumps({"lockfileVersion": 3, "packages": entries}))
    return place
