"""What values of flags mean, and what takes their place where they are not given."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.spec.choices import KeyValue

LATEST = 253402300799
"""The last second of the year 9999, beyond which times of documents can't be written."""


def byte_count(text: str) -> int:
    """A number of bytes, perhaps with k, M, G or T for powers of 1000."""
    units = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    if not number.isascii() or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a number of bytes such as 500M or 20G, not {text!r}")
    return int(number) * unit


def platforms(text: str) -> tuple[str, ...]:
    """``OS/ARCH`` with commas between, each once; ``linux/`` may be left out."""
    found = []
    for word in text.split(","):
        name = word.strip()
        name = name if name.startswith("linux/") else f"linux/{name}"
        if not re.fullmatch(r"linux/[a-z0-9_-]+(/v[0-9]+)?", name):
            raise argparse.ArgumentTypeError(f"{word!r} is not a platform, such as linux/arm64")
        found.append(name)
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError("it names a platform twice")
    return tuple(found)


def one_platform(text: str) -> tuple[str, ...]:
    """Like `platforms`, for exactly one platform."""
    found = platforms(text)
    if len(found) > 1:
        raise argparse.ArgumentTypeError("it names several platforms, and this is done for one at a time")
    return found


def positive(text: str) -> int:
    """A whole number from 1."""
    return _whole_number(text, 1)


def whole_number(text: str) -> int:
    """A whole number from 0."""
    return _whole_number(text, 0)


def _whole_number(text: str, least: int) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least}, not {text!r}")
    return int(text)


def created_at(text: str) -> int:
    """A time as seconds since the epoch."""
    if text == "now":
        return int(datetime.now(UTC).timestamp())
    if text.isascii() and text.isdecimal():
        seconds = int(text)
    else:
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be seconds since 1970, a date, or now, not {text!r}") from None
        seconds = int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    if not 0 <= seconds <= LATEST:
        raise argparse.ArgumentTypeError(f"must be in the years 1970 to 9999, not {text!r}")
    return seconds


def source_date_epoch(environ: Mapping[str, str]) -> int | None:
    """$SOURCE_DATE_EPOCH: a non-negative whole number of seconds. Anything else is an error, never ignored."""
    text = environ.get("SOURCE_DATE_EPOCH")
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or int(text) > LATEST:
        raise SpecError(
            f"cannot use SOURCE_DATE_EPOCH: {text!r} is not a non-negative number of seconds before the year 10000",
            hint="unset it, or set it to such as the time of the last commit: git log -1 --format=%ct",
        )
    return int(text)


def assignment(text: str) -> KeyValue:
    """A key and its value."""
    from sysimage.spec.choices import KeyValue

    try:
        return KeyValue.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def argument(text: str) -> tuple[str, str]:
    """The name and the value of an argument of the spec."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, such as VERSION=1.2, not {text!r}")
    return name, value
