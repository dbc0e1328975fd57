"""Whether the files and directories that a spec names are beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from sysimage.errors import Issue


def source_root(beside: Path, source: str) -> Path:
    """The directory that a source may not lead out of: that of the spec, or, for what an included file names, the
    nearest one above both files."""
    parts = PurePosixPath(source).parts
    above = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    return beside.resolve().joinpath(*parts[:above]).resolve()


def check_source(
    where: str, source: str, beside: Path | None, what: str, fault: Callable[[Path], str | None]
) -> Iterator[Issue]:
    """A source is in the spec's directory, or in that of a file that the spec includes; links that lead out of it would
    read what was not meant.

    ``what`` it is to be, in words; ``fault`` says why something that is there is not that.
    """
    if PurePosixPath(source).is_absolute():
        yield Issue(where, "must be a path inside the spec's own directory: relative, and without '..'")
        return
    if beside is None:
        return
    place = beside / source
    try:
        if not place.exists():
            yield Issue(where, f"there is no {what} {source} beside the spec")
        elif (wrong := fault(place)) is not None:
            yield Issue(where, wrong)
        elif not place.resolve().is_relative_to(source_root(beside, source)):
            yield Issue(where, f"{source} is a link that leads out of the spec's directory")
    except OSError as error:
        yield Issue(where, f"can't be read: {error.strerror}")


def no_file(place: Path) -> str | None:
    """What is wrong with a place where a file is to be."""
    return None if place.is_file() else "is not a file"


def no_directory(place: Path) -> str | None:
    """What is wrong with a place where a directory is to be."""
    return None if place.is_dir() else "is not a directory"
