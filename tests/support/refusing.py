"""An operating system that refuses calls, as file systems do that are full or of another kind."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def refuse(monkeypatch: pytest.MonkeyPatch, calls: Iterable[str], error: int, where: ModuleType = os) -> None:
    """Let functions of `os`, or of another module, fail with this number of an error."""

    def fail(*_: object, **__: object) -> int:
        raise OSError(error, os.strerror(error))

    for call in calls:
        monkeypatch.setattr(where, call, fail)


def refuse_to_open(monkeypatch: pytest.MonkeyPatch, below: Path) -> None:
    """From now on nothing below a directory can be opened."""
    real = os.open

    def open_others(path: Any, *arguments: Any, **named: Any) -> int:
        if Path(os.fsdecode(path)).is_relative_to(below):
            raise AssertionError(f"opened {path!r}")
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, "open", open_others)
