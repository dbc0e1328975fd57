"""Rows for scanners: which Debian packages an image has, where scanners of images look for them.

A store item of a Debian package says so itself, by the package's stanza in `STANZAS`; a row is a copy of that stanza in
`STATUS`, as distroless images have it, and beside it the digests of the files. Scanners know neither stores nor links:
rows are regular files, and are in the layer of the files that they describe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sysimage.rules.finding import Finding
from sysimage.rules.paths import Parts, as_parts, as_path

STANZAS = "share/sysimage/packages"
"""The directory of an item that holds its package's stanza, in a file named like the package."""
STATUS = "/var/lib/dpkg/status.d"
"""The directory of the rows."""
MD5SUMS = ".md5sums"
"""What the name of a row's digests ends with."""
_STANZAS, _STATUS = as_parts(STANZAS), as_parts(STATUS)


def is_stanza(parts: Parts) -> bool:
    """Whether a path is that of a stanza in an item, with anything above the item's top."""
    return parts[-1 - len(_STANZAS) : -1] == _STANZAS


def is_row(parts: Parts) -> bool:
    """Whether a path is that of a row."""
    return parts[:-1] == _STATUS and not parts[-1].endswith(MD5SUMS.encode())


def is_digests(parts: Parts) -> bool:
    """Whether a path is that of the digests beside a row."""
    return parts[:-1] == _STATUS and parts[-1].endswith(MD5SUMS.encode())


def check_rows(
    stanzas: Mapping[str, bytes], rows: Mapping[Parts, bytes], own: Callable[[Parts], bool]
) -> Iterator[Finding]:
    """Compare items and rows: each item of a Debian package has a row, each row an item.

    ``stanzas`` are by image path of the item. Rows that are not ``own`` may describe packages that a dpkg
    has installed.
    """
    there = set(rows.values())
    for item, stanza in sorted(stanzas.items()):
        if stanza not in there:
            yield Finding("packages", ("file", item), f"is a Debian package, and no file in {STATUS} says so")
    known = set(stanzas.values())
    for parts, row in sorted(rows.items()):
        if row not in known and own(parts):
            yield Finding("packages", ("file", as_path(parts)), *OF_NOTHING)


OF_NOTHING = (
    "reports a package to scanners, and no item of the image is that package",
    "leave the file out: what the spec names under packages has one",
)
"""Message and hint."""


def listed(digests: bytes) -> frozenset[bytes]:
    """The paths in a list of digests, without the first slash; lines that are not of its form are skipped."""
    lines = (line.split(b"  ", 1) for line in digests.split(b"\n"))
    return frozenset(line[1] for line in lines if len(line) == 2)
