"""The small system that images on bases are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.closure import Closure
from tests.support.builds import registered
from tests.support.store_builder import StoreBuilder, small_system


@pytest.fixture
def closure(tmp_path: Path) -> Closure:
    closure = small_system(StoreBuilder(tmp_path / "store"))
    registered(closure, tmp_path / "registration")
    return closure
