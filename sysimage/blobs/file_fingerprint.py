"""What a file looked like when its bytes were known to be right."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class FileFingerprint:
    """Inode number, size and times of a file. A write changes at least the change time, which no program can set."""

    inode: int
    size: int
    modified: int
    """Nanoseconds since the epoch, as ``changed``."""
    changed: int
    """When anything about the file changed, the number of its names included."""

    @classmethod
    def of(cls, path: Path) -> Self:
        """As it is now; an OSError if it is not there."""
        return cls.of_status(os.lstat(path))

    @classmethod
    def of_status(cls, status: os.stat_result) -> Self:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read what `as_json` gave; a ValueError or TypeError for anything else."""
        if not isinstance(value, list) or len(value) != 4 or not all(type(number) is int for number in value):
            raise ValueError(f"not a stamp: {value!r}")
        return cls(*value)

    def as_json(self) -> list[int]:
        return [self.inode, self.size, self.modified, self.changed]
