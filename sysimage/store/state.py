"""What a tree of files looks like from outside: cheap to ask for, and moved by every change of its contents.

A change of a byte moves at least a file's change time, which no program can set. A copy, a restored backup for example,
has other numbers and change times: it is read once more and believed from then on.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from sysimage.errors import MachineError


def tree_state(place: Path) -> str:
    """Stands for the names, numbers, modes, sizes and times of everything below ``place``; no file is opened."""
    state = hashlib.blake2b(digest_size=16)
    top = os.fsencode(place)
    try:
        state.update(_line(b"", os.lstat(top)))
        waiting = [top] if place.is_dir() and not place.is_symlink() else []
        while waiting:
            with os.scandir(waiting.pop()) as found:
                entries = sorted(found, key=lambda entry: entry.name)
            for entry in entries:
                state.update(_line(entry.name, entry.stat(follow_symlinks=False)))
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    except OSError as error:
        raise MachineError(f"cannot read {os.fsdecode(error.filename or top)}: {error.strerror}") from error
    return state.hexdigest()


def _line(name: bytes, status: os.stat_result) -> bytes:
    return b"%b\0%d %d %d %d %d\n" % (
        name,
        status.st_ino,
        status.st_mode,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
