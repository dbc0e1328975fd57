"""A union: one tree of links over a directory that many items have, such as their etc/.

Two items with different things at one path cannot both be meant.
"""

from __future__ import annotations

import filecmp
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage.errors import IntegrityError, Issue
from sysimage.store.paths import StorePath


@dataclass(frozen=True, slots=True)
class UnionSource:
    """A tree that takes part in a union."""

    path: StorePath
    """What links say."""
    location: Path
    """Where the files are on this machine."""
    below: str = ""
    """The directory inside the item that counts as the top, such as ``etc``; empty for the item itself."""

    def target(self, relative: str) -> str:
        return "/".join(filter(None, (str(self.path), self.below, relative)))

    def file(self, relative: str) -> Path:
        return self.location / self.below / relative


def link_union(
    sources: Iterable[UnionSource],
    top: Path,
    *,
    skip: frozenset[str] = frozenset(),
    replaced: Mapping[str, str] | None = None,
) -> None:
    """Make ``top``, a directory of links to what ``sources`` have, except the names in ``skip`` at their tops.

    ``replaced`` are paths in ``top`` with what the link there is to say instead, whether or not a source has them. An
    `IntegrityError` names every path at which sources disagree, and both sides.
    """
    replaced = dict(replaced or {})
    top.mkdir()
    issues: list[Issue] = []
    present = [source for source in sorted(sources, key=lambda source: source.path) if source.file("").is_dir()]
    _merge("", present, top, skip, replaced, issues)
    for path, target in replaced.items():
        link = top / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    if issues:
        raise IntegrityError(
            "cannot put the packages into one directory: some have different files at the same place",
            hint="leave one of them out with exclude, or say which counts with alternatives",
            issues=issues,
        )


def _merge(
    relative: str,
    sources: Sequence[UnionSource],
    directory: Path,
    skip: frozenset[str],
    replaced: Mapping[str, str],
    issues: list[Issue],
) -> None:
    """Fill ``directory``, which is ``relative`` in the union, from the sources that have a directory there."""
    providers: dict[str, list[UnionSource]] = {}
    for source in sources:
        for name in os.listdir(source.file(relative)):  # noqa: PTH208 - names, not paths
            providers.setdefault(name, []).append(source)
    for name in sorted(providers):
        path = f"{relative}/{name}" if relative else name
        if path in replaced or (not relative and name in skip):
            continue
        having = providers[name]
        files = [source.file(path) for source in having]
        directories = [file.is_dir() and not file.is_symlink() for file in files]
        if all(directories):
            (directory / name).mkdir()
            _merge(path, having, directory / name, skip, replaced, issues)
            continue
        for source, file in zip(having[1:], files[1:], strict=True):
            if any(directories) or not _same(files[0], file):
                issues.append(Issue(f"/{path}", f"{having[0].path} and {source.path} have different things here"))
        (directory / name).symlink_to(having[0].target(path))


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    return filecmp.cmp(one, other, shallow=False)
