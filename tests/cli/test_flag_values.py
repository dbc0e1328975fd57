"""What flags may say, and what follows where they say nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.cli.flag_values import LATEST, created_at, positive, source_date_epoch
from sysimage.errors import SpecError
from sysimage.files.user_cache import cache_directory


@given(st.integers(0, LATEST))
def test_any_second_of_documents_is_a_source_date_epoch(seconds: int) -> None:
    assert source_date_epoch({"SOURCE_DATE_EPOCH": str(seconds)}) == seconds == created_at(str(seconds))


@pytest.mark.parametrize("text", ["", "-1", "1.5", " 1", "now", "0x10", "１", str(LATEST + 1)])
def test_any_other_source_date_epoch_fails_loudly(text: str) -> None:
    with pytest.raises(SpecError, match="SOURCE_DATE_EPOCH"):
        source_date_epoch({"SOURCE_DATE_EPOCH": text})


def test_no_source_date_epoch_says_nothing() -> None:
    assert source_date_epoch({}) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01", 0),
        ("2026-01-31T12:00:00Z", 1769860800),
        ("2026-01-31T12:00:00+02:00", 1769853600),
        ("2026-01-31T12:00:00", 1769860800),
    ],
)
def test_dates_are_read_as_utc_unless_they_say_otherwise(text: str, seconds: int) -> None:
    assert created_at(text) == seconds


@pytest.mark.parametrize("text", ["yesterday", "", "-5", "1969-12-31", "253402300800"])
def test_what_is_not_a_time_of_a_document_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        created_at(text)


@pytest.mark.parametrize("text", ["0", "-1", "1.0", "", "²"])
def test_a_count_is_a_whole_number_from_one(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        positive(text)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, "/c/sysimage"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/sysimage"),
        ({"HOME": "/h"}, "/h/.cache/sysimage"),
    ],
)
def test_the_cache_is_where_the_xdg_specification_says(environ: dict[str, str], expected: str) -> None:
    assert cache_directory(None, environ) == Path(expected)
    assert cache_directory(Path("/flag"), environ) == Path("/flag")


def test_without_a_home_a_cache_directory_must_be_named() -> None:
    with pytest.raises(SpecError, match="HOME is not set"):
        cache_directory(None, {})
