"""Whether a test leaves descriptors open: what is opened for a while is closed, however the while ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    """For every test of a room whose conftest imports it."""
    with no_descriptor_is_left():
        yield


@contextmanager
def no_descriptor_is_left() -> Iterator[None]:
    """Fails where files, directories or pipes are open afterwards that were not before."""
    before = _open_now()
    yield
    left = {number: what for number, what in _open_now().items() if before.get(number) != what}
    assert left == {}


def _open_now() -> dict[str, str]:
    found = {}
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with suppress(FileNotFoundError):  # that of the listing itself
            found[number] = os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115
    return found
