"""Blobs that were found right in the moment in which they go out.

A blob in a cache is believed by its stamp; a disk that loses a bit moves no stamp. So whatever is copied is read and
hashed first, the next blob by another thread while one is on its way, and what is wrong is made again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from sysimage.blobs import BlobDirectory, Descriptor
from sysimage.blobs.file_fingerprint import FileFingerprint
from sysimage.errors import IntegrityError


class BlobRepair(Protocol):
    """Looks after the directories that an image's blobs lie in."""

    def remake(self, descriptor: Descriptor) -> None:
        """Make a damaged or missing blob again, at its place; an error of ours if that cannot be done."""
        ...

    def linked(self, descriptor: Descriptor, before: FileFingerprint, after: FileFingerprint) -> None:
        """Hear that a blob has one more name, which moved its change time."""
        ...


def find_blob(blobs: Sequence[BlobDirectory], descriptor: Descriptor) -> BlobDirectory:
    """The first directory that has a blob of this name and size, whatever its bytes are."""
    for directory in blobs:
        if directory.has(descriptor):
            return directory
    raise IntegrityError(
        f"cannot find blob {descriptor.digest} ({descriptor.size} bytes)", hint="it was removed since; build again"
    )


def verified_blob(blobs: Sequence[BlobDirectory], descriptor: Descriptor) -> Path:
    """Where a blob lies that was read and is right; an `IntegrityError` if it is not."""
    directory = find_blob(blobs, descriptor)
    directory.verify(descriptor)
    return directory.path(descriptor.digest)


@contextlib.contextmanager
def verified_blobs(
    blobs: Sequence[BlobDirectory], descriptors: Sequence[Descriptor], keeper: BlobRepair | None = None
) -> Iterator[Iterator[Path]]:
    """Where each of the blobs lies, in order: each was read and is right when its place is told.

    One that is wrong is made again by the ``keeper``; without one, or where it is wrong again, that is an
    `IntegrityError`.
    """
    stopped = threading.Event()

    def read(descriptor: Descriptor) -> Path:
        directory = find_blob(blobs, descriptor)
        for _ in directory.chunks(descriptor):
            if stopped.is_set():
                break
        return directory.path(descriptor.digest)

    def places() -> Iterator[Path]:
        waiting = iter(descriptors)
        first = next(waiting, None)
        ahead = None if first is None else (first, pool.submit(read, first))
        while ahead is not None:
            descriptor, reading = ahead
            try:
                path = reading.result()
            except IntegrityError:
                if keeper is None:
                    raise
                keeper.remake(descriptor)
                path = verified_blob(blobs, descriptor)
            following = next(waiting, None)
            ahead = None if following is None else (following, pool.submit(read, following))
            yield path

    with ThreadPoolExecutor(1, thread_name_prefix="read") as pool:
        try:
            yield places()
        finally:
            stopped.set()
