"""The canonical form of a store item on disk, and how to remove what has that form."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from sysimage.errors import IntegrityError

MTIME = 1
"""Seconds since the epoch: the time of everything in a store."""


def canonicalise(top: Path) -> None:
    """Give everything at and below ``top`` the form that Nix and Guix give their items.

    Directories 0555, files 0555 if their owner may execute them and 0444 otherwise, all times 1, no set-ID bits.
    Sockets, pipes and devices are an `IntegrityError`.
    """
    for path, mode in _bottom_up(top):
        if stat.S_ISDIR(mode):
            os.chmod(path, 0o555)  # noqa: PTH101, S103 - thousands of them: no Path objects; everyone may read a store
        elif stat.S_ISREG(mode):
            os.chmod(path, 0o555 if mode & stat.S_IXUSR else 0o444)  # noqa: PTH101
        elif not stat.S_ISLNK(mode):
            raise IntegrityError(f"cannot store {path}: it is neither file, directory nor symlink")
        os.utime(path, (MTIME, MTIME), follow_symlinks=False)


def remove_tree(top: Path) -> None:
    """Remove ``top`` and everything below it, read-only directories too. Nothing there is fine."""
    try:
        top_mode = os.lstat(top).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(top_mode):
        top.unlink()
        return
    for path, mode in _top_down(str(top), top_mode):
        if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
            os.chmod(path, 0o700)  # noqa: PTH101
    shutil.rmtree(top)


def bytes_below(top: Path) -> int:
    """Bytes on the disk of ``top`` and everything below it."""
    return sum(os.lstat(path).st_blocks * 512 for path, _ in _top_down(str(top), os.lstat(top).st_mode))


def _top_down(top: str, mode: int) -> Iterator[tuple[str, int]]:
    """Every directory before it is opened: the consumer may change its mode first."""
    stack = [(top, mode)]
    while stack:
        path, mode = stack.pop()
        yield path, mode
        if stat.S_ISDIR(mode):
            with os.scandir(path) as entries:
                stack += [(entry.path, entry.stat(follow_symlinks=False).st_mode) for entry in entries]


def _bottom_up(top: Path) -> Iterator[tuple[str, int]]:
    """Everything below a directory comes before it, so that it may lose its write permission."""
    return reversed(list(_top_down(str(top), os.lstat(top).st_mode)))
