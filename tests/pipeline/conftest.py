"""A registry in memory and a small image, which several modules bring from place to place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.destinations.registry_server import Registry, running
from tests.support.images import BuiltImage, build_image


@pytest.fixture
def registry() -> Iterator[Registry]:
    with running() as registry:
        yield registry


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    return build_image(tmp_path_factory.mktemp("small"))
