"""A registry in memory and a small image, which several modules bring from place to place."""

from __future__ import annotations

import pytest

from tests.destinations.registry_server import registry
from tests.support.images import BuiltImage, build_image

__all__ = ["registry"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    return build_image(tmp_path_factory.mktemp("small"))
