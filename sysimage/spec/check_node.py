"""Whether the npm packages that a spec asks for can be looked for, and are where it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sysimage.errors import Issue
from sysimage.spec.check_sources import check_source, no_directory, no_file
from sysimage.spec.model import SystemSpec
from sysimage.spec.reserved_paths import EMPTY_AT_START

_OTHERS = ("yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb", "package.json")


def check_node(spec: SystemSpec, beside: Path | None) -> Iterator[Issue]:
    """Every fault that can be found without reading the lock file, except those of the path in the image."""
    node = spec.node
    if node is None:
        return
    if node.at == "/":
        yield Issue("/node/at", "is the root; name the application's directory, such as /srv/app")
    if any(PurePosixPath(node.at).is_relative_to(place) for place in EMPTY_AT_START):
        yield Issue("/node/at", "the directory is empty when a container starts; put the packages elsewhere")
    name = PurePosixPath(node.lock).name
    if name in _OTHERS:
        yield Issue(
            "/node/lock", "must be a package-lock.json; npm install --package-lock-only writes it from a package.json"
        )
    elif not name.endswith(".json"):
        yield Issue("/node/lock", f"must be a package-lock.json or npm-shrinkwrap.json, not {name!r}")
    else:
        yield from check_source("/node/lock", node.lock, beside, "file", no_file)
    if node.tarballs is not None:
        yield from check_source("/node/tarballs", node.tarballs, beside, "directory", no_directory)
