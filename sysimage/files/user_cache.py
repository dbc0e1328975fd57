"""Where things are kept for a user between runs, by the XDG base directory specification."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sysimage.errors import SpecError


def cache_directory(said: Path | None, environ: Mapping[str, str]) -> Path:
    """What was ``said``, or ``sysimage`` below the directory for caches that the variables name."""
    if said is not None:
        return said.absolute()
    if (base := environ.get("XDG_CACHE_HOME", "")).startswith("/"):
        return Path(base) / "sysimage"
    if (home := environ.get("HOME", "")).startswith("/"):
        return Path(home) / ".cache" / "sysimage"
    raise SpecError("cannot choose a cache directory: HOME is not set", hint="say --cache-dir")
