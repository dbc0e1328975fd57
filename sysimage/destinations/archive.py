"""An archive of an image whose layer blobs are stored already: to a file, atomically, or to a pipe."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sysimage.blobs import BlobDirectory
from sysimage.blobs.copying import copy_all, write_all
from sysimage.destinations.layout import find_blob
from sysimage.destinations.publish import published
from sysimage.destinations.shape import ARCHIVE, Member, archive_size, members
from sysimage.destinations.written import WrittenImage
from sysimage.image import Image, ImageName
from sysimage.layers.headers import END
from sysimage.progress import Progress, silent

_PIPE_SIZE = 1 << 20
STAGE = "archive"


def write_archive(
    image: Image,
    blobs: Sequence[BlobDirectory],
    target: Path | int,
    *,
    archive_format: str = ARCHIVE,
    names: Sequence[ImageName] = (),
    annotations: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> WrittenImage:
    """Write the image to a file at ``target``, which appears whole or not at all, or to an open descriptor.

    ``annotations`` go into the index. The layers' bytes go from their files to the archive without being read by this
    process. A blob that is in none of the directories is an `IntegrityError` before anything is written.
    """
    parts = members(image, archive_format, names, annotations)
    paths = [find_blob(blobs, layer.descriptor) for layer in image.layers]
    size = archive_size(parts)
    if isinstance(target, int):
        widen_pipe(target)
        _write(target, parts, paths, size, progress)
    else:
        with published(target) as fd:
            _write(fd, parts, paths, size, progress)
    path = None if isinstance(target, int) else target
    return WrittenImage(image, archive_format, path, size, tuple(names))


def _write(fd: int, parts: Sequence[Member], paths: Sequence[Path], size: int, progress: Progress) -> None:
    done = 0
    for part in parts:
        write_all(fd, part.header)
        if isinstance(part.content, bytes):
            write_all(fd, part.content)
        else:
            with paths[part.content].open("rb") as blob:
                copy_all(blob.fileno(), fd, part.size)
        write_all(fd, part.padding)
        done += part.size
        progress(STAGE, done, size, unit="bytes")
    write_all(fd, END)
    progress(STAGE, size, size, unit="bytes")


def widen_pipe(fd: int) -> None:
    """Give a pipe room for a whole piece, so that writer and reader work at the same time; other files stay as is."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)


def is_seekable(fd: int) -> bool:
    """Whether parts of the open file can be written in any order."""
    with contextlib.suppress(OSError):
        os.lseek(fd, 0, os.SEEK_CUR)
        return not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND
    return False
