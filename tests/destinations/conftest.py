"""A registry in memory, a directory of blobs, and what tests of destinations may ask of the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.blobs.directory import BlobDirectory
from tests.destinations.registry_server import registry
from tests.support.on_disk import disk

__all__ = ["disk", "registry"]


@pytest.fixture
def blobs(tmp_path: Path) -> BlobDirectory:
    return BlobDirectory(tmp_path / "blobs")
