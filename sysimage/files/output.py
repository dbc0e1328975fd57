"""Files that a user names as output: replaced whole, or written to where they are not files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from sysimage.errors import MachineError, cause_of
from sysimage.files.atomic import atomic_file
from sysimage.files.temporary import sweep_beside


@contextlib.contextmanager
def output_file(path: Path, needs: int = 0) -> Iterator[int]:
    """A descriptor of a new file, open for reading and writing, that takes its place at ``path`` when all went well.
    ``needs`` is how many bytes it will have, where that is known, for the message when there is no room.

    Until then what was at ``path`` stays untouched; after an error nothing is left. The file is durable before it is
    renamed. A symlink at ``path`` is followed, so what it points to is replaced. A pipe or a device, such as
    ``/dev/stdout``, is never replaced but written to.
    """
    if path.is_dir():
        raise MachineError(f"cannot write {path}: it is a directory")
    try:
        if path.exists() and not path.is_file():
            with _opened_for_writing(path) as fd:
                yield fd
            return
        path = path.resolve()
        sweep_beside(path)
        with atomic_file(path, durable=True) as fd:
            yield fd
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MachineError(f"cannot write {path}: {cause_of(error, path, needs)}") from error


@contextlib.contextmanager
def _opened_for_writing(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)
