"""Whether the jars that a spec asks for can be looked for, and are where it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sysimage.errors import Issue
from sysimage.spec.check_sources import check_source
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec
from sysimage.spec.reserved_paths import EMPTY_AT_START

_APPLICATIONS = (".war", ".ear")


def check_java(spec: SystemSpec, beside: Path | None) -> Iterator[Issue]:
    """Every fault that can be found without reading a jar, except those of the path in the image."""
    java = spec.java
    if java is None:
        return
    if any(PurePosixPath(java.at).is_relative_to(place) for place in EMPTY_AT_START):
        yield Issue("/java/at", "the directory is empty when a container starts; put the jars elsewhere")
    for index, source in enumerate(java.jars):
        yield from check_source(pointer("java", "jars", index), source, beside, "directory or jar", _fault)


def _fault(place: Path) -> str | None:
    if place.is_dir() or (place.is_file() and place.suffix.lower() == ".jar"):
        return None
    if place.suffix.lower() in _APPLICATIONS:
        return 'is an archive for an application server, and no jar; put it where the server looks, under "files"'
    return "is neither a jar nor a directory with jars"
