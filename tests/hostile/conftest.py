"""What holds for every test of hostile images."""

from collections.abc import Iterator

import pytest

from tests.support.descriptors import no_descriptor_is_left


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    with no_descriptor_is_left():
        yield
