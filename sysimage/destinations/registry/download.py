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
"""How often a download goes on without a byte in between."""


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
    with into.writer() as writer:
        download = _Download(session, descriptor, writer, moved)
        failures = 0
        while download.received < descriptor.size or not download.is_begun:
            before = download.received
            try:
                download.go_on()
            except RefusedError:
                raise
            except RegistryError:
                failures = 0 if download.received > before else failures + 1
                if failures == _ATTEMPTS:
                    raise
                session.pause(0)
        if (found := download.digest) != descriptor.digest:
            raise IntegrityError(
                f"cannot use blob {descriptor.digest} of {session.repository}: the registry's bytes hash to {found}"
            )
        writer.commit(descriptor.digest)


class _Download:
    def __init__(
        self, session: RegistrySession, descriptor: Descriptor, writer: BlobWriter, moved: Callable[[int], None]
    ) -> None:
        self._session, self._descriptor, self._writer, self._moved = session, descriptor, writer, moved
        self._hasher = hashlib.sha256()
        self._known = self._passed_over = 0
        self.received = 0
        self.is_begun = False

    @property
    def digest(self) -> Digest:
        return Digest(self._hasher.hexdigest())

    def go_on(self) -> None:
        """Ask for what is missing; a registry that gives everything again is read past what is here."""
        url = f"{self._session.base}/blobs/{self._descriptor.digest}"
        headers = {"Range": f"bytes={self.received}-"} if self.received else {}
        self._known, self._passed_over = self.received, 0
        reply = self._session.request("GET", url, headers=headers, accept=(200, 206), sink=self._take)
        self.is_begun = True
        if self.received < self._descriptor.size:
            raise RegistryError(f"cannot GET {reply.url}: it ends {self._descriptor.size - self.received} bytes early")

    def _take(self, status: int, piece: bytes) -> None:
        if status == 200 and self._passed_over < self._known:
            skipped = min(len(piece), self._known - self._passed_over)
            self._passed_over += skipped
            piece = piece[skipped:]
        if self.received + len(piece) > self._descriptor.size:
            raise IntegrityError(
                f"cannot use blob {self._descriptor.digest} of {self._session.repository}: it is longer than "
                f"{self._descriptor.size} bytes"
            )
        self._hasher.update(piece)
        self._writer.write(piece)
        self.received += len(piece)
        self._moved(len(piece))
