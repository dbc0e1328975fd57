"""A content-addressed directory: blobs under their digests, complete or absent.

The shape is that of an OCI layout's ``blobs`` (``blobs/sha256/<hex>``), so such a directory can be part of a
layout. A blob is written to a temporary file beside its place, made durable, and renamed; what a killed process leaves
is removed by `BlobDirectory.sweep`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from sysimage.blobs.descriptor import Descriptor
from sysimage.blobs.file_fingerprint import FileFingerprint
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, MachineError
from sysimage.files.temporary import TEMPORARY, create_temporary, sweep, temporary_name
from sysimage.streams.copying import copy_all
from sysimage.streams.direct_io import DirectWriter

_LEFT_BEHIND = rf"\.blob{TEMPORARY}|\.part-[0-9a-f]{{16}}"
"""Names of what killed processes leave, those of older versions too."""
_DOCUMENT_LIMIT = 4 << 20
"""Manifests and configs are refused beyond this many bytes, as the clients that will read them do."""


class BlobDirectory:
    """Blobs below ``root/blobs/sha256``. Any number of processes may use one at the same time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._directory = root / "blobs" / "sha256"

    def __repr__(self) -> str:
        return f"BlobDirectory({str(self.root)!r})"

    def path(self, digest: Digest) -> Path:
        """Where the blob is or would be."""
        return self._directory / digest.hex

    def has(self, descriptor: Descriptor) -> bool:
        """Whether a blob of that name and size is there; its content is not read."""
        try:
            status = self.path(descriptor.digest).lstat()
        except FileNotFoundError:
            return False
        return status.st_size == descriptor.size and stat.S_ISREG(status.st_mode)

    def writer(self) -> BlobWriter:
        """A new blob; nothing of it is visible before its `commit`."""
        self._directory.mkdir(parents=True, exist_ok=True)
        return BlobWriter(self, self._directory / "blob")

    def put(self, data: bytes, media_type: str) -> Descriptor:
        """Store a small blob."""
        descriptor = Descriptor(media_type, Digest.of(data), len(data))
        with self.writer() as writer:
            writer.write(data)
            writer.commit(descriptor.digest)
        return descriptor

    def read(self, descriptor: Descriptor, limit: int = _DOCUMENT_LIMIT) -> bytes:
        """A document, whole and verified; more than ``limit`` bytes are refused unread."""
        if descriptor.size > limit:
            raise IntegrityError(
                f"cannot read blob {descriptor.digest}: {descriptor.size} bytes are too many for a document"
            )
        return b"".join(self.chunks(descriptor, limit))

    def chunks(self, descriptor: Descriptor, size: int = 1 << 20) -> Iterator[bytes]:
        """The blob's bytes in chunks. A wrong digest, a missing byte or a byte too many is an `IntegrityError`.

        The last chunk is withheld until the whole blob is known to be right.
        """
        with self._open(descriptor) as file:
            yield from verified(file, descriptor, size)

    def verify(self, descriptor: Descriptor) -> None:
        """Read the blob and raise `IntegrityError` if it is not what the descriptor says."""
        for _ in self.chunks(descriptor):
            pass

    def _open(self, descriptor: Descriptor) -> IO[bytes]:
        path = self.path(descriptor.digest)
        try:
            return open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0)
        except OSError as error:
            raise IntegrityError(f"cannot read blob {descriptor.digest} in {self.root}: {error.strerror}") from error

    def link(self, source: Path, descriptor: Descriptor) -> tuple[FileFingerprint, FileFingerprint] | None:
        """Bring in a blob that is at ``source``: linked, or else cloned or copied by the kernel, whichever works.

        Only the size of a link is checked, not its bytes: ``source`` is a blob of another `BlobDirectory`. A file that
        already has its name here is replaced. A link changes the change time of ``source``: its fingerprints before and
        after are returned. A copy, or a file that is here already, is read; an `IntegrityError` if it is damaged.
        """
        place = self.path(descriptor.digest)
        if place.exists() and place.samefile(source):
            return None
        self._directory.mkdir(parents=True, exist_ok=True)
        before = FileFingerprint.of(source)
        if before.size != descriptor.size:
            raise IntegrityError(f"cannot take blob {descriptor.digest}: it is not {descriptor.size} bytes long")
        temporary = temporary_name(self._directory / "blob")
        try:
            os.link(source, temporary, follow_symlinks=False)
        except OSError:  # another file system, too many links, or a file system without any
            if not self._is_right(descriptor):
                self._copy(source, descriptor)
            return None
        try:
            temporary.rename(place)
        finally:
            # Renaming one link of a file onto another link of it does nothing, and leaves both.
            temporary.unlink(missing_ok=True)
        return before, FileFingerprint.of(source)

    def _is_right(self, descriptor: Descriptor) -> bool:
        """Whether the blob is here; its bytes are read."""
        if not self.has(descriptor):
            return False
        try:
            self.verify(descriptor)
        except IntegrityError:
            return False
        return True

    def _copy(self, source: Path, descriptor: Descriptor) -> None:
        with source.open("rb") as origin, self.writer() as writer:
            for _ in verified(origin, descriptor):
                pass
            writer.copy(origin.fileno(), descriptor.size)
            writer.commit(descriptor.digest)

    def remove(self, digest: Digest) -> None:
        """Forget a blob, if it is there."""
        self.path(digest).unlink(missing_ok=True)

    def digests(self) -> Iterator[Digest]:
        """Every blob's digest, sorted."""
        yield from self.sizes()

    def sizes(self) -> dict[Digest, int]:
        """Every blob and how many bytes it has, sorted by digest, without what another process removes meanwhile."""
        sizes = {}
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(self._directory) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                with contextlib.suppress(FileNotFoundError, ValueError):
                    sizes[Digest(entry.name)] = entry.stat(follow_symlinks=False).st_size
        return sizes

    def sweep(self) -> None:
        """Remove what killed writers left behind; a file that a living writer holds stays."""
        sweep(self._directory, _LEFT_BEHIND)


class BlobWriter:
    """A blob being written; a context manager that discards what was not committed."""

    def __init__(self, directory: BlobDirectory, beside: Path) -> None:
        """``beside`` is a path in the directory of the blobs."""
        self._directory = directory
        self.size = 0
        """Bytes written so far."""
        self._path, self._fd = create_temporary(beside, private=True)
        self._writer = DirectWriter(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._path.unlink(missing_ok=True)

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes: past the page cache where that is worth it, best in whole pieces from a page's boundary."""
        try:
            self.size += self._writer.write(data, self.size)
        except OSError as error:
            raise self._cannot_write(error) from error

    def copy(self, fd: int, size: int) -> None:
        """Take the first ``size`` bytes of an open file, which are the whole blob."""
        try:
            copy_all(fd, self._fd, size)
        except OSError as error:
            raise self._cannot_write(error) from error
        self.size = size

    def commit(self, digest: Digest) -> Path:
        """Make the blob durable and visible as ``digest``, which the caller computed from what it wrote."""
        try:
            os.fchmod(self._fd, 0o444)
            os.fsync(self._fd)
        except OSError as error:
            raise self._cannot_write(error) from error
        path = self._directory.path(digest)
        self._path.rename(path)
        os.close(self._fd)
        self._fd = -1
        return path

    def _cannot_write(self, error: OSError) -> MachineError:
        return MachineError(f"cannot write a blob to {self._directory.root}: {error.strerror}")


def verified(file: IO[bytes], descriptor: Descriptor, size: int = 1 << 20) -> Iterator[bytes]:
    """Chunks of at most ``size`` bytes of an open file that must be exactly what the descriptor says.

    The last chunk comes only after digest and length were verified; for that, one byte past the end is read.
    """
    hasher = hashlib.sha256()
    left = descriptor.size
    held = b""
    while left and (chunk := file.read(min(size, left))):
        hasher.update(chunk)
        left -= len(chunk)
        if held:
            yield held
        held = chunk
    if left:
        raise IntegrityError(f"cannot read blob {descriptor.digest}: it ends {left} bytes early")
    if file.read(1):
        raise IntegrityError(f"cannot read blob {descriptor.digest}: it is longer than {descriptor.size} bytes")
    if hasher.hexdigest() != descriptor.digest.hex:
        raise IntegrityError(
            f"cannot read blob {descriptor.digest}: its bytes hash to sha256:{hasher.hexdigest()}",
            hint="the file is damaged; remove it and build or fetch again",
        )
    if held:
        yield held
