"""When a package's source changed, and what was fixed, from the changelog it carries."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from itertools import zip_longest

from sysimage_bootstrap.archive.versions import version_key

_LIMIT = 32 << 20
_HEADING = re.compile(r"^\S+ \((?P<version>[^()\s]+)\) ", re.MULTILINE)
_CVE = re.compile(r"\bCVE-\d{4}-\d{4,9}\b", re.IGNORECASE)
_TRAILER = re.compile(rb"^ -- .*<[^<>\n]*>  (.+)$", re.MULTILINE)


def changelog_names(package: str) -> tuple[str, ...]:
    """Where, in its item, a package keeps the changelog of its packaging, the best place first.

    Packages that are Debian's own have the second.
    """
    return f"share/doc/{package}/changelog.Debian.gz", f"share/doc/{package}/changelog.gz"


def changelog_dates(compressed: bytes) -> tuple[int, ...]:
    """The moments at which entries were signed off: seconds since the epoch, ascending, each once.

    Never fails: a changelog is prose, and what cannot be read as a date is skipped.
    """
    dates = set()
    for match in _TRAILER.finditer(_decompressed(compressed)):
        try:
            moment = parsedate_to_datetime(match[1].decode("ascii").strip())
            # A date without a time zone would be read in the zone of this machine.
            dates.add(int(moment.timestamp()) if moment.tzinfo else None)
        except (ValueError, TypeError, OverflowError):
            continue
    return tuple(sorted(date for date in dates if date is not None and date > 0))


def fixed_since(compressed: bytes, version: str) -> tuple[str, ...]:
    """The CVE numbers that entries after ``version`` of the source name, sorted, each once. Never fails.

    A version that the changelog does not have, such as one that it is too short to have, is compared by its order.
    """
    found: set[tuple[int, int]] = set()
    for entry, text in _entries(_decompressed(compressed).decode("utf-8", "replace")):
        try:
            if version_key(entry) <= version_key(version):
                continue
        except ValueError:
            continue
        for number in _CVE.findall(text):
            _, year, serial = number.split("-")
            found.add((int(year), int(serial)))
    return tuple(f"CVE-{year}-{serial:04d}" for year, serial in sorted(found))


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Version and text of every entry."""
    headings = list(_HEADING.finditer(text))
    for heading, following in zip_longest(headings, headings[1:]):
        yield heading["version"], text[heading.end() : following.start() if following else len(text)]


def _decompressed(compressed: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(compressed, _LIMIT)
    except zlib.error:
        return b""
