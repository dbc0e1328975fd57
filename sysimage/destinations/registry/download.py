"""Downloads blobs into a directory: whole and right or not at all, and from where a broken connection stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from sysimage.blobs import BlobDirectory, BlobWriter, Descriptor
from sysimage.destinations.registry.replies import RefusedError
from sysimage.destinations.registry.session import RegistrySession
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, RegistryError

_ATTEMPTS = 4
"""How often a download goes on without a step in between."""
_STEP = 1 << 16
"""Bytes of a step: a connection that brings fewer than this does not reset the count of attempts. With less, a body of
one byte a second would be asked for again and again, a few bytes each time."""


def download_blob(
    session: RegistrySession,
    descriptor: Descriptor,
    into: BlobDirectory,
    moved: Callable[[int], None] = lambda amount: None,
) -> None:
    """Bring a blob of the repository to ``into``, unless it is there. ``moved`` counts bytes.

    A registry that does not give it is a `RegistryError`; other bytes than the descriptor's are an `IntegrityError`.
    """
    if into.has(descriptor):
        return
    download = _Download(session, descriptor, moved)
    try:
        download.run(into)
    except IntegrityError:
        # After a break other bytes may follow than those that were asked for: some storage counts ranges otherwise.
        if not download.is_continued:
            raise
        moved(-download.received)
        _Download(session, descriptor, moved, has_ranges=False).run(into)


class _Download:
    def __init__(
        self,
        session: RegistrySession,
        descriptor: Descriptor,
        moved: Callable[[int], None],
        *,
        has_ranges: bool = True,
    ) -> None:
        self._session, self._descriptor, self._moved = session, descriptor, moved
        self._has_ranges = has_ranges
        self._hasher = hashlib.sha256()
        self._known = self._passed_over = 0
        self._is_begun = False
        self.received = 0
        self.is_continued = False
        """Whether some of it came as what follows on a part."""

    def run(self, into: BlobDirectory) -> None:
        """Ask until everything is there and right."""
        with into.writer() as writer:
            failures = 0
            while self.received < self._descriptor.size or not self._is_begun:
                before = self.received
                try:
                    self._go_on(writer)
                except RefusedError:
                    raise
                except RegistryError:
                    failures = 0 if self.received >= before + _STEP else failures + 1
                    if failures == _ATTEMPTS:
                        raise
                    self._session.pause(0)
            found = Digest(self._hasher.hexdigest())
            if found != self._descriptor.digest:
                raise IntegrityError(
                    f"cannot use blob {self._descriptor.digest} of {self._session.repository}: the registry's bytes "
                    f"hash to {found}"
                )
            writer.commit(self._descriptor.digest)

    def _go_on(self, writer: BlobWriter) -> None:
        """Ask for what is missing; a registry that gives everything again is read past what is here."""
        url = f"{self._session.base}/blobs/{self._descriptor.digest}"
        headers = {"Range": f"bytes={self.received}-"} if self.received and self._has_ranges else {}
        self._known, self._passed_over = self.received, 0
        try:
            reply = self._session.request(
                "GET",
                url,
                headers=headers,
                accept=(200, 206),
                sink=lambda status, piece: self._take(status, piece, writer),
            )
        except RefusedError:
            if not headers:
                raise
            self._has_ranges = False  # the next question is for everything
            return
        self._is_begun = True
        if self.received < self._descriptor.size:
            raise RegistryError(f"cannot GET {reply.url}: it ends {self._descriptor.size - self.received} bytes early")

    def _take(self, status: int, piece: bytes, writer: BlobWriter) -> None:
        if status == 200 and self._passed_over < self._known:
            skipped = min(len(piece), self._known - self._passed_over)
            self._passed_over += skipped
            piece = piece[skipped:]
        self.is_continued |= status == 206 and self._known > 0
        if self.received + len(piece) > self._descriptor.size:
            raise IntegrityError(
                f"cannot use blob {self._descriptor.digest} of {self._session.repository}: it is longer than "
                f"{self._descriptor.size} bytes"
            )
        self._hasher.update(piece)
        writer.write(piece)
        self.received += len(piece)
        self._moved(len(piece))
