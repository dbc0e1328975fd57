"""Times, limits, signals and calendar expressions mean what systemd says they mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage_bootstrap.units import values
from sysimage_bootstrap.units.calendar import Moments, parse_calendar


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90), ("1min 30s", 90), ("2h", 7200), ("100ms", 0.1), ("1.5 s", 1.5), ("1d12h", 129600),
        ("1usec", 1e-6), ("0s", 0), (" 2w ", 1209600), ("1month", 2630016), ("1y", 31557600), ("1M", 2630016),
        ("1 hr 1 minute 1 second 1 msec", 3661.001), ("infinity", None),
    ],
)  # fmt: skip
def test_spans_of_time_are_seconds(text: str, seconds: float | None) -> None:
    assert values.seconds(text) == (None if seconds is None else pytest.approx(seconds, rel=1e-9))


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
        ("LimitNICE", "+5:5", (15, 5)),
        ("LimitNICE", "infinity", (None, None)),
        ("LimitRTTIME", "2s", (2_000_000, 2_000_000)),
        ("LimitCPU", "90:infinity", (90, None)),
        *(
            ("LimitAS", f"3 {letter}", (3 * 1024**power, 3 * 1024**power))
            for power, letter in enumerate("KMGTPE", start=1)
        ),
    ],
)
def test_limits_have_a_soft_and_a_hard_side(key: str, text: str, pair: tuple[int | None, int | None]) -> None:
    assert values.limit(key, text) == pair


@pytest.mark.parametrize(
    ("key", "text"),
    [("LimitNICE", "+x"), ("LimitNOFILE", "1min"), ("LimitNOFILE", "5:"), ("LimitNOFILE", "-1"), ("LimitNICE", "100")],
)
def test_what_is_not_a_limit_is_refused(key: str, text: str) -> None:
    with pytest.raises(ValueError, match="not a limit"):
        values.limit(key, text)


def test_modes_have_up_to_four_octal_digits_that_count() -> None:
    assert [values.mode(text) for text in ("0", "755", "07777")] == [0, 0o755, 0o7777]
    for text in ("", "8", "10000", "000755", "-1"):
        with pytest.raises(ValueError, match="not an octal mode"):
            values.mode(text)


def test_truth_has_many_words() -> None:
    assert {values.boolean(text) for text in ("1", "yes", "Y", "True", "t", "on")} == {True}
    assert {values.boolean(text) for text in ("0", "no", "N", "False", "f", "off")} == {False}
    with pytest.raises(ValueError, match="neither yes nor no: 'maybe'"):
        values.boolean("maybe")


def test_signals_are_named_with_or_without_their_first_three_letters() -> None:
    assert [values.signal(text) for text in ("SIGQUIT", "QUIT", "3", "SIGRTMIN+3")] == [3, 3, 3, 37]
    assert [values.signal(text) for text in ("1", "64", "RTMIN", "RTMAX")] == [1, 64, 34, 64]
    assert [values.signal(text) for text in ("RTMIN+30", "RTMAX-30")] == [64, 34]


@pytest.mark.parametrize("text", ["0", "65", "SIG", "TERMX", "RTMIN-1", "RTMIN+31", "RTMAX+1", "RTMAX-31", "RTMIN+"])
def test_what_is_not_a_signal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a signal"):
        values.signal(text)


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
        ("Monthly", Moments((0,), (0,), (1,))),
        ("hourly", Moments((0,))),
        ("minutely", Moments()),
        ("quarterly", Moments((0,), (0,), (1,), (1, 4, 7, 10))),
        ("*-*/1-*/1 */1:*/1", Moments(*(tuple(range(*span)) for span in ((60,), (24,), (1, 32), (1, 13))))),
        ("*-1..3-31 23:59", Moments((59,), (23,), (31,), (1, 2, 3))),
        ("*:45,30,8,0", Moments((0, 8, 30, 45))),
        ("*:10/20", Moments((10, 30, 50))),
        ("*:0..20/10", Moments((0, 10, 20))),
        ("Sunday,Tue Thursday 0:00", Moments((0,), (0,), days_of_week=(0, 2, 4))),
        ("Fri..Mon", Moments((0,), (0,), days_of_week=(0, 1, 5, 6))),
        ("Sat-Sun", Moments((0,), (0,), days_of_week=(0, 6))),
        ("Mon..Sun", Moments((0,), (0,), days_of_week=(0, 1, 2, 3, 4, 5, 6))),
        ("7:00:0", Moments((0,), (7,))),
    ],
)
def test_calendar_expressions_become_lists(text: str, moments: Moments) -> None:
    assert parse_calendar(text) == moments


@pytest.mark.parametrize(
    ("fault", "texts"),
    [
        ("not a calendar expression", ["", "1:2:3:4", "*-*-* x y"]),
        ("names a year", ["2027-01-01"]),
        ("names seconds", ["*:*:0/10", "*:*:30"]),
        ("has a time zone of its own", ["daily Europe/Berlin"]),
        ("not a day of the week", ["soon", "Funday", "Mond", "Mondays", "Mon..Fun"]),
        ("not numbers from 0 to 23", ["24:00", "20..25:00", "5..4:00"]),
        ("not numbers from 0 to 59", ["*:60"]),
        ("not numbers from 1 to 31", ["*-*-0", "*-*-32"]),
        ("not numbers from 1 to 12", ["*-0-1", "*-13-1"]),
        ("not numbers of days of month", ["*-*-x", "*-*~1", "*-*-1..x", "*-*-1..", "*-*-001"]),
        ("not a step", ["*:0/0", "*:0/", "*:0/x"]),
    ],
)
def test_what_the_shepherds_calendar_cannot_say_is_refused(fault: str, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(ValueError, match=fault):
            parse_calendar(text)
