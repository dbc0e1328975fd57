"""An operating system that refuses calls, as file systems do that are full or of another kind."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest


def refuse(monkeypatch: pytest.MonkeyPatch, calls: Iterable[str], error: int) -> None:
    """Let functions of `os` fail with this number of an error."""

    def fail(*_: object, **__: object) -> int:
        raise OSError(error, os.strerror(error))

    for call in calls:
        monkeypatch.setattr(os, call, fail)
