"""MD5 of the files of an item: the digest by which scanners of images know whose a file is."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def md5sums(top: Path) -> dict[str, str]:
    """The path below ``top`` of each regular file, in the order of their bytes, and the MD5 of its content. Names with
    line ends are left out: no list of digests can hold them."""
    found = {}
    for directory, _, names in os.walk(top):
        for name in names:
            place = f"{directory}/{name}"
            if "\n" not in place and not os.path.islink(place):  # noqa: PTH114 - a quarter of the time
                with open(place, "rb") as file:
                    found[place] = hashlib.file_digest(file, _md5).hexdigest()
    inside = {os.path.relpath(place, top): digest for place, digest in found.items()}
    return dict(sorted(inside.items(), key=lambda pair: os.fsencode(pair[0])))


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)
