"""The files of an image whose content is kept while its layers are read: what this room's checks ask for."""

from __future__ import annotations

from sysimage.rules.paths import Parts
from sysimage.verify.packages import is_read
from sysimage.verify.store import WANTED
from sysimage.verify.system import ACCOUNTS

_SINGLE = WANTED | frozenset(ACCOUNTS.values())


def is_captured(parts: Parts) -> bool:
    """Whether the content of a file with this path is kept."""
    return parts in _SINGLE or is_read(parts)
