"""Whether there is such a time zone: the names are known here, so that a wrong one is found before anything is fetched.

That the image has the zone's data is seen when it is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from sysimage.errors import Issue
from sysimage.spec.model import SystemSpec
from sysimage.spec.package_word import package_name
from sysimage.suggestions import closest

_NAMES = Path(__file__).with_name("time_zones.txt")
"""One on a line; an older name has today's after it."""
_OLDER_NAMES = "tzdata-legacy"
"""The package that has the older names, since the release after Debian 12."""
_ABBREVIATION = 4
"""Letters of one at most."""
_HAVE_IT = frozenset({"trixie", "forky", "duke", "sid", "stable", "testing", "unstable"})
"""Releases of Debian with that package."""


def check_time_zone(spec: SystemSpec) -> Iterator[Issue]:
    """A zone that no time zone database has, or, where a package of its own has the older names, one of these."""
    zone = spec.time_zone
    if zone == "UTC":
        return
    known = _known_zones()
    newer = known.get(zone)
    if newer is None and not _is_known_here(zone):
        yield Issue("/time-zone", f'there is no time zone "{zone}"', suggestion=_meant(zone, known))
    elif newer is not None and newer != zone and _leaves_out_older_names(spec):
        yield Issue(
            "/time-zone",
            f"is an older name, which only the package {_OLDER_NAMES} has: say the newer one, or name the package",
            suggestion=newer,
        )


@cache
def _known_zones() -> Mapping[str, str]:
    """Each name, and today's name of that zone."""
    return {words[0]: words[-1] for line in _NAMES.read_text().splitlines() if (words := line.split())}


def _is_known_here(zone: str) -> bool:
    """Whether this machine knows a zone that is newer than our list."""
    from zoneinfo import available_timezones  # reads hundreds of files, and is not asked for names that we know

    return zone in available_timezones()


def _meant(zone: str, known: Mapping[str, str]) -> str | None:
    """A name that is written in another way, one whose last part it is, a close one, or the zone of an offset."""
    if offset := re.fullmatch(r"(?:Etc/)?(?:GMT|UTC)([+-])0?(\d{1,2})(?::?00)?", zone, re.IGNORECASE):
        # The signs of these names are POSIX's, the other way around than people write them.
        turned = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{int(offset[2])}"
        return turned if turned in known else None
    said = zone.casefold().replace("-", "_")
    exact = [name for name in known if said == name.casefold()]
    exact += [name for name in known if said == name.casefold().rpartition("/")[2]]
    return known[exact[0]] if exact else _close(zone, known)


def _close(zone: str, known: Mapping[str, str]) -> str | None:
    """The zone of a misspelt place. Names of one region are alike, so that only the place is compared; so are
    abbreviations such as CEST, of which none stands for another."""
    region, _, place = zone.rpartition("/")
    if len(place) <= _ABBREVIATION:
        return None
    places = {name.rpartition("/")[2]: name for name in known if name.rpartition("/")[0] == region or not region}
    near = closest(place, places, cutoff=0.8)
    near = places[near] if near else closest(zone, known, cutoff=0.9)
    return known[near] if near else None


def _leaves_out_older_names(spec: SystemSpec) -> bool:
    """Whether the packages are of a release of Debian that has the older names apart, and these are not asked for."""
    suites = {suite.partition("-")[0] for one in spec.archives if not one.archive for suite in one.suites}
    return bool(suites) and suites <= _HAVE_IT and _OLDER_NAMES not in map(package_name, spec.packages)
