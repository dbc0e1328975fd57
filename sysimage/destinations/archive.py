"""An archive of an image whose layer blobs are stored already: to a file, atomically, or to a pipe."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from io import FileIO
from pathlib import Path

from sysimage.blobs import BlobDirectory
from sysimage.destinations.archive_format import ARCHIVE, ArchiveMember, archive_size, members
from sysimage.destinations.verified_blobs import BlobRepair, find_blob, verified_blobs
from sysimage.destinations.written_image import WrittenImage
from sysimage.files.output import output_file
from sysimage.image import Image, ImageName
from sysimage.layers.headers import END
from sysimage.progress import Progress, silent
from sysimage.streams.background_writer import background_writer, piece_buffers
from sysimage.streams.copying import copy_all, write_all
from sysimage.streams.direct_io import DirectWriter, set_length
from sysimage.streams.pieces import PIECE_SIZE, Pieces

_PIPE_SIZE = 1 << 20
STAGE = "archive"
_Content = bytes | tuple[FileIO, int]
"""Some of an archive's bytes, or a blob and its size."""


def write_archive(
    image: Image,
    blobs: Sequence[BlobDirectory],
    target: Path | int,
    *,
    archive_format: str = ARCHIVE,
    names: Sequence[ImageName] = (),
    annotations: Mapping[str, str] | None = None,
    keeper: BlobRepair | None = None,
    progress: Progress = silent,
) -> WrittenImage:
    """Write the image to a file at ``target``, which appears whole or not at all, or to an open descriptor.

    ``annotations`` go into the index. Every layer's bytes are hashed before they go out, and the ``keeper`` makes a
    layer again whose bytes are wrong. A blob that is in none of the directories is an `IntegrityError` before anything
    is written, unless there is a ``keeper``.
    """
    parts = members(image, archive_format, names, annotations)
    layers = [image.layers[part.content].descriptor for part in parts if isinstance(part.content, int)]
    if keeper is None:
        for layer in layers:
            find_blob(blobs, layer)
    size = archive_size(parts)
    with verified_blobs(blobs, layers, keeper) as places:
        write_members(parts, places, size, target, progress)
    path = None if isinstance(target, int) else target
    return WrittenImage(image, archive_format, path, size, tuple(names))


def write_members(
    parts: Sequence[ArchiveMember], places: Iterator[Path], size: int, target: Path | int, progress: Progress = silent
) -> None:
    """Write an archive of ``size`` bytes with these members; ``places`` are the files of those without bytes."""
    content = _content(parts, places, size, progress)
    if isinstance(target, int):
        _write_onwards(target, content)
        return
    with output_file(target, size) as fd:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            set_length(fd, size)
            _write_past_the_cache(fd, content)
        else:
            _write_onwards(fd, content)


def _content(
    parts: Sequence[ArchiveMember], places: Iterator[Path], size: int, progress: Progress
) -> Iterator[_Content]:
    """The archive's bytes; the layers come in the order of their ``places``."""
    done = 0
    for part in parts:
        yield part.header
        if isinstance(part.content, bytes):
            yield part.content
        else:
            with next(places).open("rb", buffering=0) as blob:
                yield blob, part.size
        yield part.padding
        done += part.size
        progress(STAGE, done, size, unit="bytes")
    yield END
    progress(STAGE, size, size, unit="bytes")


def _write_past_the_cache(fd: int, content: Iterator[_Content]) -> None:
    """Into a new file: a piece is written while the next one is read.

    For the kernel, copying means making pages of the cache, which takes three to four times as long.
    """
    with (
        DirectWriter(fd) as file,
        piece_buffers() as memory,
        background_writer(file.writer_from(0)) as writer,
    ):
        archive = Pieces(writer.write, PIECE_SIZE, memory)
        for one in content:
            if isinstance(one, bytes):
                archive.put(one)
            else:
                blob, size = one
                archive.put_file(b"", blob.fileno(), size, b"", os.fsencode(blob.name))
        archive.finish()


def _write_onwards(fd: int, content: Iterator[_Content]) -> None:
    """Into a pipe, or an open file from its offset on: by the kernel."""
    widen_pipe(fd)
    for one in content:
        if isinstance(one, bytes):
            write_all(fd, one)
        else:
            blob, size = one
            copy_all(blob.fileno(), fd, size)


def widen_pipe(fd: int) -> None:
    """Give a pipe room for a whole piece, so that writer and reader work at the same time; other files stay as is."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
