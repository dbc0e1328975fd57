"""Times, limits, signals and calendar expressions mean what systemd says they mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage_bootstrap.units import values
from sysimage_bootstrap.units.calendar import Moments, parse_calendar


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1min 30s", 90), ("2h", 7200), ("100ms", 0.1), ("1.5 s", 1.5), ("1d12h", 129600), ("infinity", None)],
)
def test_spans_of_time_are_seconds(text: str, seconds: float | None) -> None:
    assert values.seconds(text) == seconds


@given(st.text(max_size=10))
def test_any_text_is_a_span_or_refused(text: str) -> None:
    try:
        found = values.seconds(text)
    except ValueError:
        return
    assert found is None or found >= 0


@pytest.mark.parametrize("text", ["", "5 parsecs", "s", "-1", "1min x"])
def test_other_texts_are_not_spans(text: str) -> None:
    with pytest.raises(ValueError, match="not a span"):
        values.seconds(text)


@pytest.mark.parametrize(
    ("key", "text", "pair"),
    [
        ("LimitNOFILE", "65536", (65536, 65536)),
        ("LimitNOFILE", "1024:4096", (1024, 4096)),
        ("LimitCORE", "infinity", (None, None)),
        ("LimitMEMLOCK", "64M", (64 * 2**20, 64 * 2**20)),
        ("LimitCPU", "1min", (60, 60)),
        ("LimitNICE", "-5", (25, 25)),
    ],
)
def test_limits_have_a_soft_and_a_hard_side(key: str, text: str, pair: tuple[int | None, int | None]) -> None:
    assert values.limit(key, text) == pair


def test_signals_are_named_with_or_without_their_first_three_letters() -> None:
    assert [values.signal(text) for text in ("SIGQUIT", "QUIT", "3", "SIGRTMIN+3")] == [3, 3, 3, 37]


@pytest.mark.parametrize(
    ("text", "moments"),
    [
        ("daily", Moments((0,), (0,))),
        ("*-*-* 6,18:00", Moments((0,), (6, 18))),
        ("Mon..Fri 12:30", Moments((30,), (12,), days_of_week=(1, 2, 3, 4, 5))),
        ("Sat,Sun", Moments((0,), (0,), days_of_week=(0, 6))),
        ("*:0/15", Moments((0, 15, 30, 45))),
        ("*-1,7-01 00:00:00 UTC", Moments((0,), (0,), (1,), (1, 7))),
        ("*-*-01", Moments((0,), (0,), (1,))),
        ("weekly", Moments((0,), (0,), days_of_week=(1,))),
    ],
)
def test_calendar_expressions_become_lists(text: str, moments: Moments) -> None:
    assert parse_calendar(text) == moments


@pytest.mark.parametrize(
    "text", ["", "2027-01-01", "*:*:0/10", "daily Europe/Berlin", "Funday", "25:00", "*:0/0", "*-*~1", "soon"]
)
def test_what_the_shepherds_calendar_cannot_say_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not|names|time zone"):
        parse_calendar(text)
