"""Bytes of an image that nothing needs: contents that it has twice, files that upper layers hide."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sysimage.report.facts import Facts, FileFact
from sysimage.rules.paths import as_path

_SMALLEST = 512
"""Bytes of a content that counts: a file has a header of as many bytes anyway."""
_ROUNDED_UP = 1024
_LEAST_SHARE = 0.1
_LEAST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A content that several files have, which are not one file of several names."""

    size: int
    """Of one of them."""
    paths: tuple[str, ...]
    """Sorted."""

    @property
    def wasted(self) -> int:
        """Bytes beyond the first."""
        return self.size * (len(self.paths) - 1)


@dataclass(frozen=True, slots=True)
class Lacking:
    """About what an item lacks of its package, because it is slim."""

    item: str
    package: int
    """Bytes that Debian says the package has."""
    size: int
    """Bytes that the item has."""


def duplicates(facts: Facts) -> tuple[Duplicate, ...]:
    """Those that waste most come first."""
    found: defaultdict[tuple[bytes, int], list[tuple[str, FileFact]]] = defaultdict(list)
    places = [(item.path, item.files) for item in facts.items]
    for above, files in (*places, *(("", files) for files in (facts.others or {}).values())):
        for file in files:
            if file.size >= _SMALLEST:
                found[file.digest, file.size].append((above, file))
    several = (
        Duplicate(size, tuple(sorted(above + as_path(file.parts) for above, file in files)))
        for (_, size), files in found.items()
        if len(files) > 1
    )
    return tuple(sorted(several, key=lambda one: (-one.wasted, one.paths)))


def lacking(facts: Facts) -> tuple[Lacking, ...]:
    """Items that are clearly smaller than their packages, those that lack most first. An estimate: Debian rounds every
    file up to a kilobyte."""
    found = []
    for item in facts.items:
        whole = item.package.installed_size if item.package is not None else None
        if whole is None or not item.files:
            continue
        here = sum(-(-file.size // _ROUNDED_UP) * _ROUNDED_UP for file in item.files)
        if whole - here > max(_LEAST, whole * _LEAST_SHARE):
            found.append(Lacking(item.path, whole, here))
    return tuple(sorted(found, key=lambda one: (one.size - one.package, one.item)))
