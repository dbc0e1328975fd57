"""Debian version numbers: their order, and the relations that dependencies put on them.

The order is the one of Debian Policy 5.6.12: epoch as a number, then upstream version and revision part by part,
``~`` before everything, even before the end of the text.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

VersionKey = tuple[int, tuple[object, ...], tuple[object, ...]]
"""Sorts as the version does; equal keys are equal versions (``1.0`` and ``1.00`` are)."""

_VERSION = re.compile(r"(?:(\d+):)?([A-Za-z0-9.+~:-]*?)(?:-([A-Za-z0-9.+~]+))?")
_PART = re.compile(r"(\D*)(\d*)", re.ASCII)


class Relation(Enum):
    """How a dependency bounds a version."""

    EARLIER = "<<"
    UP_TO = "<="
    EXACTLY = "="
    FROM = ">="
    LATER = ">>"

    @classmethod
    def parse(cls, text: str) -> Relation:
        """Read the sign; ``<`` and ``>`` are old writings of ``<=`` and ``>=`` and still occur."""
        return cls({"<": "<=", ">": ">="}.get(text, text))

    def holds(self, version: str, bound: str) -> bool:
        """Whether ``version`` is within ``bound``."""
        have, want = version_key(version), version_key(bound)
        match self:
            case Relation.EARLIER:
                return have < want
            case Relation.UP_TO:
                return have <= want
            case Relation.EXACTLY:
                return have == want
            case Relation.FROM:
                return have >= want
            case Relation.LATER:
                return have > want


@lru_cache(maxsize=65536)
def version_key(version: str) -> VersionKey:
    """A key that sorts as dpkg does; a ValueError for what is not a version."""
    match = _VERSION.fullmatch(version)
    # A colon in the upstream version is only unambiguous after an epoch.
    if match is None or not match[2] or (match[1] is None and ":" in match[2]):
        raise ValueError(f"not a version: {version!r}")
    return int(match[1] or 0), _part_key(match[2]), _part_key(match[3] or "")


def _letter_weight(letter: str) -> int:
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256


def _part_key(text: str) -> tuple[object, ...]:
    # Letters and numbers alternate. Each run of letters ends with 0, so that a run that goes on is greater and a
    # tilde is smaller; a missing number counts as 0, and so does a missing part, as dpkg has it.
    key: list[object] = []
    for letters, digits in _PART.findall(text or "0"):
        if letters or digits:
            key.append((*map(_letter_weight, letters), 0))
            key.append(int(digits or 0))
    key.append((0,))
    return tuple(key)
