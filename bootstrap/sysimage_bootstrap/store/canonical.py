"""The canonical form of a store item on disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sysimage.errors import IntegrityError
from sysimage.files.directory_tree import walk_down

MTIME = 1
"""Seconds since the epoch: the time of everything in a store."""


def canonicalise(top: Path) -> None:
    """Give everything at and below ``top`` the form that Nix and Guix give their items.

    Directories 0555, files 0555 if their owner may execute them and 0444 otherwise, all times 1, no set-ID bits.
    Sockets, pipes and devices are an `IntegrityError`.
    """
    for path, mode in _bottom_up(top):
        if stat.S_ISDIR(mode):
            os.chmod(path, 0o555)  # noqa: PTH101, S103 - thousands of them: no Path objects; every user may read a store
        elif stat.S_ISREG(mode):
            os.chmod(path, 0o555 if mode & stat.S_IXUSR else 0o444)  # noqa: PTH101
        elif not stat.S_ISLNK(mode):
            raise IntegrityError(f"cannot store {path}: it is neither file, directory nor symlink")
        os.utime(path, (MTIME, MTIME), follow_symlinks=False)


def bytes_below(top: Path) -> int:
    """Bytes on the disk of ``top`` and everything below it."""
    return sum(os.lstat(path).st_blocks * 512 for path, _ in walk_down(str(top), os.lstat(top).st_mode))


def _bottom_up(top: Path) -> Iterator[tuple[str, int]]:
    """Everything below a directory comes before it, so that it may lose its write permission."""
    return reversed(list(walk_down(str(top), os.lstat(top).st_mode)))
