"""When a package's source changed, from the changelog it carries."""

from __future__ import annotations

import re
import zlib
from email.utils import parsedate_to_datetime

_LIMIT = 32 << 20
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
    decoder = zlib.decompressobj(wbits=31)
    try:
        text = decoder.decompress(compressed, _LIMIT)
    except zlib.error:
        return ()
    dates = set()
    for match in _TRAILER.finditer(text):
        try:
            moment = parsedate_to_datetime(match[1].decode("ascii").strip())
            # A date without a zone would be read in this machine's.
            dates.add(int(moment.timestamp()) if moment.tzinfo else None)
        except (ValueError, TypeError, OverflowError):
            continue
    return tuple(sorted(date for date in dates if date is not None and date > 0))
