"""Where things are kept for a user between runs, by the XDG base directory specification."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sysimage.errors import MachineError, SpecError


def cache_directory(said: Path | None, environ: Mapping[str, str]) -> Path:
    """What was ``said``, or ``sysimage`` below the directory for caches that the variables name."""
    if said is not None:
        return said.absolute()
    if (base := environ.get("XDG_CACHE_HOME", "")).startswith("/"):
        return Path(base) / "sysimage"
    if (home := environ.get("HOME", "")).startswith("/"):
        return Path(home) / ".cache" / "sysimage"
    raise SpecError("cannot choose a cache directory: HOME is not set", hint="say --cache-dir")


def make_cache(directory: Path, *, private: bool = False) -> None:
    """Make the directory of the cache if it is absent; a `MachineError` if that cannot be."""
    try:
        directory.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_use_cache(directory, error) from error


def cannot_use_cache(directory: Path, error: OSError) -> MachineError:
    """The error for a cache that this machine does not let us use."""
    return MachineError(f"cannot use the cache {directory}: {error.strerror}", hint="--cache-dir names another")
