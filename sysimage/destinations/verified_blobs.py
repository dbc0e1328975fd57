"""Blobs that are verified at the moment when they are sent or copied.

A cached blob is trusted by its fingerprint, but a disk that loses a bit changes no fingerprint. So every blob is hashed
before it is copied (another thread hashes the next one meanwhile), and a damaged one is rebuilt.
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
    """Knows the directories of an image's blobs, and rebuilds damaged ones."""

    def remake(self, descriptor: Descriptor) -> None:
        """Make a damaged or missing blob again, in its place; a `SysimageError` if that fails."""
        ...

    def linked(self, descriptor: Descriptor, before: FileFingerprint, after: FileFingerprint) -> None:
        """Note that a blob got one more hard link, which changed its change time."""
        ...


def find_blob(blobs: Sequence[BlobDirectory], descriptor: Descriptor) -> BlobDirectory:
    """The first directory that has a blob of this name and size; its bytes are not read."""
    for directory in blobs:
        if directory.has(descriptor):
            return directory
    raise IntegrityError(
        f"cannot find blob {descriptor.digest} ({descriptor.size} bytes)", hint="it was removed since; build again"
    )


def verified_blob(blobs: Sequence[BlobDirectory], descriptor: Descriptor) -> Path:
    """The path of a blob, which was read and verified; an `IntegrityError` if it is damaged."""
    directory = find_blob(blobs, descriptor)
    directory.verify(descriptor)
    return directory.path(descriptor.digest)


@contextlib.contextmanager
def verified_blobs(
    blobs: Sequence[BlobDirectory], descriptors: Sequence[Descriptor], keeper: BlobRepair | None = None
) -> Iterator[Iterator[Path]]:
    """Where each of the blobs is, in order: each was read and verified before its place is yielded.

    The ``keeper`` rebuilds a damaged one. Without a keeper, or if the new blob is wrong too, that is an
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
