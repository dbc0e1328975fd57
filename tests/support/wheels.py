"""Wheels as build tools write them: a zip with metadata and a RECORD of every file's hash."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from packaging.utils import canonicalize_name


def make_wheel(
    directory: Path,
    name: str,
    version: str,
    files: Mapping[str, str | bytes],
    *,
    tag: str = "py3-none-any",
    scripts: Mapping[str, str] | None = None,
    record: bool = True,
) -> Path:
    """A wheel that holds ``files``; without a ``record`` of what is in them it is not sound."""
    stem = f"{canonicalize_name(name).replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    whole = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    whole[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    root = "false" if "any" not in tag else "true"
    whole[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: {root}\nTag: {tag}\n".encode()
    if scripts:
        lines = "".join(f"{script} = {target}\n" for script, target in scripts.items())
        whole[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}".encode()
    rows = [f"{path},{_hash(data if record else data + b'!')},{len(data)}\n" for path, data in whole.items()]
    whole[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    directory.mkdir(parents=True, exist_ok=True)
    place = directory / f"{stem}-{tag}.whl"
    with ZipFile(place, "w") as archive:
        for path, data in whole.items():
            archive.writestr(ZipInfo(path, (2026, 1, 31, 12, 0, 0)), data)
    return place


def sha256(place: Path) -> str:
    return hashlib.sha256(place.read_bytes()).hexdigest()


def _hash(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
