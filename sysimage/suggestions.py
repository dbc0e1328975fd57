"""What was probably meant by a word that is not known, or by the name of a missing file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path


def closest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known word that is most like ``word``; None if none is at least as much as ``cutoff`` (0 to 1) says."""
    import difflib  # imported late: not needed if nothing is wrong

    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)), None)


def similar_file(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> Path | None:
    """The one beside ``path`` whose name is most like its name, of those that are ``wanted``; None without one."""
    try:
        near = closest(path.name, (one.name for one in path.parent.iterdir() if wanted(one.name)))
    except OSError:
        return None
    return None if near is None else path.parent / near


def did_you_mean(path: Path, otherwise: str | None = None) -> str | None:
    """The hint for a missing file: the one that is probably meant, or what to do ``otherwise``."""
    meant = similar_file(path)
    return otherwise if meant is None else f"did you mean {meant}?"
