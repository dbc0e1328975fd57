"""Store paths of what a spec names: a store path, a path inside the store's location, or a link that leads there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sysimage.errors import Issue, SpecError
from sysimage.store.paths import StorePath

_MOST_LINKS = 40


def resolve_all(
    words: Sequence[str], spec_dir: Path, store_dir: str, location: Path | None = None
) -> tuple[StorePath, ...]:
    """Store paths in the order given, each once. A `SpecError` names every word that leads to no store path."""
    found: dict[StorePath, None] = {}
    issues = []
    for word in words:
        try:
            found[real_store_path(spec_dir / word, store_dir, location)] = None
        except ValueError as error:
            issues.append(Issue(word, str(error)))
    if issues:
        raise SpecError(
            "cannot find in the store what the spec names",
            hint='a Nix store needs "store": {"kind": "nix"}'
            if any("/nix/" in str(issue) for issue in issues)
            else None,
            issues=issues,
        )
    return tuple(found)


def real_store_path(path: Path, store_dir: str, location: Path | None = None) -> StorePath:
    """The store path that ``path`` is, or that it leads to as a link; otherwise a ValueError."""
    here = os.path.normpath(path)
    for _ in range(_MOST_LINKS):
        parent, _, name = here.rpartition("/")
        if parent == store_dir or (location is not None and Path(parent) == location.absolute()):
            return StorePath.parse(f"{store_dir}/{name}")
        try:
            target = Path(here).readlink()
        except FileNotFoundError:
            raise ValueError("there is nothing of this name") from None
        except OSError:
            raise ValueError(f"is neither in {store_dir} nor a link that leads there: {here}") from None
        here = os.path.normpath(os.path.join(os.path.dirname(here), target))  # noqa: PTH118, PTH120
    raise ValueError("is a link that leads in circles")
