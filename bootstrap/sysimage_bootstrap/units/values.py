"""What the values of directives mean: truth, time, modes, signals, limits. A ValueError for what systemd refuses."""

from __future__ import annotations

import re

from sysimage_bootstrap.units.signals import signal_number

_TRUE = frozenset({"1", "yes", "y", "true", "t", "on"})
_FALSE = frozenset({"0", "no", "n", "false", "f", "off"})
_UNITS = {
    1e-6: ("usec", "us", "μs", "µs"),
    1e-3: ("msec", "ms"),
    1.0: ("", "seconds", "second", "sec", "s"),
    60.0: ("minutes", "minute", "min", "m"),
    3600.0: ("hours", "hour", "hr", "h"),
    86400.0: ("days", "day", "d"),
    7 * 86400.0: ("weeks", "week", "w"),
    30.44 * 86400: ("months", "month", "M"),
    365.25 * 86400: ("years", "year", "y"),
}
_SECONDS = {name: seconds for seconds, names in _UNITS.items() for name in names}
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Zμµ]*)\s*")
_SIZES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50, "E": 2**60}
_TIMES = frozenset({"LimitCPU", "LimitRTTIME"})
INFINITY = "infinity"


def boolean(text: str) -> bool:
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"neither yes nor no: {text!r}")
    return word in _TRUE


def seconds(text: str) -> float | None:
    """A span of time, such as ``1min 30s``; None for ``infinity``."""
    if text.strip() == INFINITY:
        return None
    total, at = 0.0, 0
    while match := _SPAN.match(text.strip(), at):
        if match[2] not in _SECONDS:
            break
        total += float(match[1]) * _SECONDS[match[2]]
        at = match.end()
    if at == 0 or at != len(text.strip()):
        raise ValueError(f"not a span of time: {text!r}")
    return total


def mode(text: str) -> int:
    if not re.fullmatch("[0-7]{1,5}", text) or int(text, 8) > 0o7777:
        raise ValueError(f"not an octal mode: {text!r}")
    return int(text, 8)


def signal(text: str) -> int:
    """The number of a signal by number or name, with or without ``SIG``."""
    if text.isdecimal():
        if 1 <= int(text) <= 64:
            return int(text)
        raise ValueError(f"not a signal: {text!r}")
    return signal_number(text if text.startswith("SIG") else f"SIG{text}")


def limit(key: str, text: str) -> tuple[int | None, int | None]:
    """The soft and the hard limit; None means unlimited."""
    soft, colon, hard = text.partition(":")
    return _one_limit(key, soft), _one_limit(key, hard if colon else soft)


def _one_limit(key: str, text: str) -> int | None:
    if text == INFINITY:
        return None
    if key == "LimitNICE":
        if not re.fullmatch(r"\+?[0-9]{1,2}|-[0-9]{1,2}", text):
            raise ValueError(f"not a limit: {text!r}")
        return 20 - int(text) if text[0] in "+-" else int(text)
    match = re.fullmatch(r"([0-9]+)\s*([KMGTPE]?)", text)
    if match:
        return int(match[1]) * _SIZES[match[2]]
    if key in _TIMES:
        span = seconds(text)
        return None if span is None else round(span * (1e6 if key == "LimitRTTIME" else 1))
    raise ValueError(f"not a limit: {text!r}")
