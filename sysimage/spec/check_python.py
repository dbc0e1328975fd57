"""Whether the Python packages that a spec asks for can be looked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sysimage.errors import Issue
from sysimage.spec.check_sources import check_source, no_directory, no_file
from sysimage.spec.model import SystemSpec
from sysimage.spec.python import Python

_OTHERS = {
    "uv.lock": "uv export --format pylock.toml -o pylock.toml",
    "poetry.lock": "poetry export -o requirements.txt",
    "pdm.lock": "pdm export -f pylock -o pylock.toml",
    "Pipfile.lock": "pipenv requirements --hash > requirements.txt",
    "pyproject.toml": "uv export --format pylock.toml -o pylock.toml",
}
"""Files in which tools keep what they resolved, and how each writes it for others."""


def check_python(spec: SystemSpec, beside: Path | None) -> Iterator[Issue]:
    """Every fault that shows without reading the lock file."""
    python = spec.python
    if python is None:
        return
    if python.lock is not None:
        yield from _check_lock(python, python.lock, beside)
    else:
        for key, value in (("wheels", python.wheels), ("extras", python.extras), ("groups", python.groups)):
            if value:
                yield Issue(f"/python/{key}", 'belongs to a "lock"; without one there are no wheels')
    if python.source is not None:
        yield from check_source("/python/source", python.source, beside, "directory", no_directory)


def _check_lock(python: Python, lock: str, beside: Path | None) -> Iterator[Issue]:
    name = PurePosixPath(lock).name
    if name in _OTHERS:
        yield Issue("/python/lock", f"must be a pylock.toml or a requirements.txt with hashes; say {_OTHERS[name]}")
        return
    if not (name.endswith(".txt") or (name.startswith("pylock.") and name.endswith(".toml"))):
        yield Issue("/python/lock", f"must be called pylock.toml, pylock.NAME.toml or end with .txt, not {name!r}")
        return
    if name.endswith(".txt"):
        for key, value in (("extras", python.extras), ("groups", python.groups)):
            if value:
                yield Issue(f"/python/{key}", "belongs to a pylock.toml; a requirements.txt has neither")
    yield from check_source("/python/lock", lock, beside, "file", no_file)
    if python.wheels is not None:
        yield from check_source("/python/wheels", python.wheels, beside, "directory", no_directory)
