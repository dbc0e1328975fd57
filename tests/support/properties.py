"""Properties among the tests that were collected, and settings that they get afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import is_hypothesis_test, settings


def properties_of(items: Iterable[pytest.Item]) -> set[Any]:
    """The functions that hypothesis calls; one may be that of several tests."""
    return {item.obj for item in items if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)}


def settings_of(test: Any) -> settings:
    """Those that a property says, or else the profile's."""
    return test._hypothesis_internal_use_settings or settings()


def change_settings(test: Any, **changes: Any) -> None:
    """Give a property others; hypothesis has no public way to change them later."""
    test._hypothesis_internal_use_settings = settings(settings_of(test), **changes)
