"""Divides a large tree: its large directories are items of their own, so that each may have a layer of its own."""

from __future__ import annotations

import os
from pathlib import Path

LEAST_SIZE = 1 << 20
"""Bytes of a directory that is worth the layer which it may get: one costs as much time as about so many bytes do."""


def divide(top: Path, beside: Path) -> tuple[tuple[str, Path], ...]:
    """Name and place of each part of the tree at ``top``, the rest of it first under the empty name.

    A large directory of it is moved into a directory of its own in ``beside``, at the place that it had in the tree.
    A tree that consists of one directory is not divided.
    """
    names = sorted(os.listdir(top), key=os.fsencode)  # noqa: PTH208 - names only
    large = [name for name in names if _is_large(top / name)]
    if len(names) < 2:
        large = []
    parts = [] if len(large) == len(names) else [("", top)]
    for number, name in enumerate(large):
        part = beside / f"part-{number}"
        part.mkdir()
        (top / name).rename(part / name)
        parts.append((name, part))
    return tuple(parts)


def _is_large(place: Path) -> bool:
    if place.is_symlink() or not place.is_dir():
        return False
    files = (Path(directory, name) for directory, _, names in os.walk(place) for name in names)
    return sum(file.lstat().st_size for file in files) >= LEAST_SIZE
