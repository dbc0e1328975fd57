"""In which order files are written out and get their names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is brought to the disk, and what gets another name, in this order, with numbers of inodes."""
    steps: list[tuple[str, int]] = []
    sync, rename = os.fsync, os.rename

    def seen_sync(fd: int) -> None:
        steps.append(("written out", os.fstat(fd).st_ino))
        sync(fd)

    def seen_rename(before: Path, after: Path) -> None:
        rename(before, after)
        steps.append(("renamed", os.stat(after).st_ino))  # noqa: PTH116

    monkeypatch.setattr(os, "fsync", seen_sync)
    monkeypatch.setattr(os, "rename", seen_rename)
    return steps
