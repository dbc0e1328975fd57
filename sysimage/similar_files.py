"""The file that was probably meant by the name of a missing one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def similar_file(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> Path | None:
    """The one beside ``path`` whose name is most like its name, of those that are ``wanted``; None without one."""
    import difflib  # not paid for where nothing is wrong

    try:
        names = sorted(one.name for one in path.parent.iterdir() if wanted(one.name))
    except OSError:
        return None
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    return path.parent / near[0] if near else None
