"""Whether trees can be taken from where the spec says, and put where it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from sysimage.errors import Issue
from sysimage.spec.check_sources import check_source
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec
from sysimage.spec.reserved_paths import EMPTY_AT_START
from sysimage.spec.trees import ARCHIVES


def check_trees(spec: SystemSpec, beside: Path | None) -> Iterator[Issue]:
    """Every fault of a tree that can be found without reading it, except those of its path."""
    for path, tree in spec.trees.items():
        where = pointer("trees", path)
        if any(PurePosixPath(path).is_relative_to(place) for place in EMPTY_AT_START):
            yield Issue(where, "the directory is empty when a container starts; put the tree elsewhere")
        yield from _check_patterns(where, tree.exclude)
        yield from check_source(f"{where}/source", tree.source, beside, "directory or archive", _fault)


def _check_patterns(where: str, patterns: Sequence[str]) -> Iterator[Issue]:
    if not patterns:
        return
    from pathspec import (
        GitIgnoreSpec,
    )  # imported late: takes a fiftieth of a second, and a spec without patterns does not need it

    for index, pattern in enumerate(patterns):
        try:
            GitIgnoreSpec.from_lines([pattern])
        except ValueError:
            yield Issue(f"{where}/exclude/{index}", f"is not a pattern as in a .gitignore: {pattern}")


def _fault(place: Path) -> str | None:
    if place.is_dir() or (place.is_file() and place.name.endswith(ARCHIVES)):
        return None
    if place.is_file():
        return f'is a file, and no archive ({", ".join(ARCHIVES)}); put single files under "files"'
    return "is neither a directory nor an archive"
