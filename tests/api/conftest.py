"""A small system that a store holds, as a directory with a spec; nothing is fetched for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage import api
from tests.support.builds import small_spec


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("store")
    small_spec(top)
    return top


@pytest.fixture
def spec(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The small system as a mapping; its paths are relative to ``store``. The working directory is empty."""
    monkeypatch.chdir(tmp_path)
    value: dict[str, Any] = json.loads((store / "small.json").read_text())
    return value


@pytest.fixture
def settings(tmp_path: Path) -> api.Settings:
    """A cache of this test's own, and nothing of the environment."""
    return api.Settings(cache_dir=tmp_path / "cache", jobs=2, environ={})
