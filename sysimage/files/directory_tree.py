"""Trees of files on this machine: walked from the top, and removed whatever their modes are."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path


def remove_tree(top: Path) -> None:
    """Remove ``top`` and everything below it, read-only directories too. Nothing there is fine."""
    try:
        top_mode = os.lstat(top).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(top_mode):
        top.unlink()
        return
    for path, mode in walk_down(str(top), top_mode):
        if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
            os.chmod(path, 0o700)  # noqa: PTH101
    shutil.rmtree(top)


def walk_down(top: str, mode: int) -> Iterator[tuple[str, int]]:
    """Path and mode of everything at and below ``top``, every directory before it is opened: the consumer may change
    its mode first."""
    stack = [(top, mode)]
    while stack:
        path, mode = stack.pop()
        yield path, mode
        if stat.S_ISDIR(mode):
            with os.scandir(path) as entries:
                stack += [(entry.path, entry.stat(follow_symlinks=False).st_mode) for entry in entries]
