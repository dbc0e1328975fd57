"""Directories for what a run needs only while it lasts, and the removal of what killed runs have left."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sysimage_bootstrap.items.canonical import remove_tree


@contextmanager
def scratch_directory(above: Path) -> Iterator[Path]:
    """A directory in ``above`` for as long as the context lasts; those of dead runs are removed first."""
    with ExitStack() as ours:
        with _held(above, wait=True):  # or another run might take a directory that is not held yet for a dead one's
            for left in sorted(above.glob("run-*")):
                with _held(left, wait=False) as alone:
                    if alone:
                        remove_tree(left)
            directory = Path(tempfile.mkdtemp(prefix="run-", dir=above))
            ours.enter_context(_held(directory, wait=True))
        ours.callback(remove_tree, directory)
        yield directory


@contextmanager
def _held(directory: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a lock on a directory while the context lasts; whether it was to be had."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
