"""Moments of timers: ``OnCalendar`` of systemd.time(7) as lists of minutes, hours, days and months."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_SHORT = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
    "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00",
}
_RANGES = {"months": (1, 12), "days_of_month": (1, 31), "hours": (0, 23), "minutes": (0, 59)}
_EXPRESSION = re.compile(
    r"(?:(?P<weekdays>[A-Za-z][A-Za-z,.\s-]*?),?\s+|(?P<only>[A-Za-z][A-Za-z,.-]*)$)?"
    r"(?:(?:(?P<year>[^\s:-]+)-)?(?P<months>[^\s:-]+)-(?P<days_of_month>[^\s:]+))?"
    r"(?:(?:^|\s|(?<=^))?\s*(?P<hours>[^\s:]+):(?P<minutes>[^\s:]+)(?::(?P<seconds>[^\s:]+))?)?"
)


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments whose fields are all listed; an empty field matches always."""

    minutes: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    days_of_month: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    days_of_week: tuple[int, ...] = ()
    """0 is Sunday."""


def parse_calendar(text: str) -> Moments:
    """Read an expression; a ValueError for what the Shepherd's calendar cannot express: years, seconds other than 0,
    time zones other than the system's, days counted from a month's end."""
    words = re.sub(r"\s+(UTC|[A-Z][a-z]+/[A-Za-z_]+)$", "", text.strip())
    if words != text.strip() and not text.strip().endswith("UTC"):
        raise ValueError(f"has a time zone of its own: {text!r}")
    words = _SHORT.get(words.lower(), words)
    match = _EXPRESSION.fullmatch(words)
    if not words or match is None:
        raise ValueError(f"not a calendar expression: {text!r}")
    if match["year"] not in (None, "*"):
        raise ValueError(f"names a year: {text!r}")
    if match["seconds"] not in (None, "0", "00"):
        raise ValueError(f"names seconds: {text!r}")
    weekdays = match["weekdays"] or match["only"]
    fields = {key: _numbers(match[key] or ("*" if key in ("months", "days_of_month") else "0"), key) for key in _RANGES}
    return Moments(days_of_week=_weekdays(weekdays) if weekdays else (), **fields)


def _numbers(text: str, key: str) -> tuple[int, ...]:
    low, high = _RANGES[key]
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dots, last = span.partition("..")
        if not re.fullmatch(r"\*|[0-9]{1,2}", first) or (dots and not re.fullmatch("[0-9]{1,2}", last)):
            raise ValueError(f"not numbers of {key.replace('_', ' ')}: {text!r}")
        if slash and not re.fullmatch("[1-9][0-9]?", step):
            raise ValueError(f"not a step: {text!r}")
        if first == "*" and not slash:
            return ()
        start = low if first == "*" else int(first)
        end = int(last) if dots else high if slash else start
        if not low <= start <= end <= high:
            raise ValueError(f"not numbers from {low} to {high}: {text!r}")
        found.update(range(start, end + 1, int(step) if slash else 1))
    return tuple(sorted(found))


def _weekdays(text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in filter(None, re.split(r"[,\s]+", text)):
        first, dots, last = part.replace("..", "-").partition("-")
        start, end = _weekday(first), _weekday(last) if dots else _weekday(first)
        found.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return tuple(sorted(found))


def _weekday(text: str) -> int:
    short = text[:3].lower()
    full = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
    if short not in _DAYS or (len(text) > 3 and text.lower() != full[_DAYS.index(short)]):
        raise ValueError(f"not a day of the week: {text!r}")
    return _DAYS.index(short)
