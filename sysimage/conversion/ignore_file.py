"""A .dockerignore as patterns of a .gitignore, which a tree's ``exclude`` takes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path


def ignored(dockerfile: Path) -> tuple[str, ...]:
    """The patterns of ``FILE.dockerignore`` or else ``.dockerignore`` beside a Dockerfile, in Docker's form."""
    for place in (dockerfile.with_name(f"{dockerfile.name}.dockerignore"), dockerfile.with_name(".dockerignore")):
        if place.is_file():
            lines = place.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    return ()


def excluded_below(patterns: tuple[str, ...], directory: str) -> Iterator[str]:
    """What Docker's patterns leave out of a directory of the context ("." is all of it), as a .gitignore there says it.

    Docker's begin at the top of the context where a .gitignore's are for every depth.
    """
    for pattern in patterns:
        sign = "!" if pattern.startswith("!") else ""
        plain = posixpath.normpath(pattern.removeprefix("!").strip().lstrip("/"))
        if plain.startswith("**/"):
            yield f"{sign}{plain}"
        elif directory == ".":
            yield f"{sign}/{plain}"
        elif plain.startswith(f"{directory}/"):
            yield f"{sign}/{plain.removeprefix(f'{directory}/')}"
