"""Uploads blobs to a repository: mounted where another repository has them, whole or in parts, whichever is taken."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import urlencode, urlsplit

from sysimage.blobs import Descriptor
from sysimage.destinations.registry.replies import RefusedError, Reply
from sysimage.destinations.registry.session import RegistrySession
from sysimage.destinations.registry.transport import BUSY, Slice, resolved
from sysimage.errors import RegistryError

CHUNK = 64 << 20
"""Bytes of one request; a bigger blob goes in several, so that a broken connection costs one."""
_SMALLER = (16 << 20, 4 << 20)
_UPLOADS = 3
"""How often the upload of a blob is begun."""
_NO_PARTS = (400, 404, 405, 411, 415, 416, 422, 501)
"""How registries answer to a part where they take none, or a smaller one alone."""
_HIDDEN = (400, 401, 403, 405, 406, 410, 501)
"""Statuses of registries that do not reveal whether a blob exists."""
_TOO_LARGE = 413
_BREAKS = 3
"""How often an upload in parts goes on."""
_RANGE = re.compile(r"\s*(?:bytes[=\s]\s*)?0-([0-9]{1,15})(?:/.*)?\s*")
Moved = Callable[[int], None]


class Uploader:
    """Uploads to the repository of ``session``, from several threads. ``mount_from`` are repositories of the same
    registry that may have some of the blobs."""

    def __init__(self, session: RegistrySession, mount_from: tuple[str, ...] = (), chunk: int = CHUNK) -> None:
        self._session = session
        self._mount_from = mount_from
        # Bytes of a part, or None for whole blobs, in the order in which they are tried; what was refused once is not
        # tried again for the next blob.
        self._ways: tuple[int | None, ...] = (chunk, None, *(size for size in _SMALLER if size < chunk))
        self._hides = False

    def has(self, descriptor: Descriptor) -> bool:
        """Whether the repository has a blob. Where that is refused it is taken for absent: some registries refuse it
        for a repository that the first push makes, and an upload says what is really wrong. It is not asked again."""
        if self._hides:
            return False
        url = f"{self._session.base}/blobs/{descriptor.digest}"
        reply = self._session.request("HEAD", url, accept=(200, 404, *_HIDDEN))
        elsewhere = urlsplit(reply.url).netloc != urlsplit(url).netloc
        if not elsewhere and reply.status in _HIDDEN:
            self._hides = True
        return reply.status == 200 or (elsewhere and reply.status != 404)

    def try_out(self) -> None:
        """Begin an upload and give it up: a `RegistryError` where this account may not push."""
        reply = self._post("")
        if "location" in reply.headers:
            location = resolved(reply.headers["location"], reply.url)
            with contextlib.suppress(RegistryError):  # an upload that is not ended runs out by itself
                self._session.request("DELETE", location, accept=(200, 202, 204), again=False)

    def send(
        self, descriptor: Descriptor, read: Callable[[], bytes | Path], moved: Moved = lambda amount: None
    ) -> bool:
        """Bring a blob there; false if nothing had to be sent, as it could be mounted. ``read`` gives its bytes, or
        its file, and is called only if they are sent. ``moved`` counts bytes, and
        takes back what has to be sent once more."""
        is_mounted, begun = self._mounted(descriptor)
        if is_mounted:
            return False
        source = read()
        failures = 0
        while True:
            way = self._ways[0]
            begun = begun or self._post("")
            try:
                self._send_by(way, begun, descriptor, source, moved)
                return True
            except RefusedError as error:
                begun = None
                if self._gave_way(way, error.status, descriptor.size):
                    continue
                failures += 1
                if error.status in (401, 403) or failures == _UPLOADS:
                    raise
                self._session.pause(error.wait)
            except RegistryError:
                # The state of a broken upload is unknown: it is there after all, or starts again. A proxy that finds
                # it too large may hang up without a word that arrives.
                begun = None
                failures += 1
                if failures > 1 and self._gave_way(way, _TOO_LARGE, descriptor.size):
                    failures = 0
                elif failures == _UPLOADS:
                    raise
                self._session.pause(0)
                if self.has(descriptor):
                    return True

    def _gave_way(self, way: int | None, status: int, size: int) -> bool:
        """Whether another way is left to try after a refusal of this one."""
        in_parts = way is not None and size > way
        ways: tuple[int | None, ...]
        if status == _TOO_LARGE:
            ways = tuple(one for one in self._ways if one is not None and one < min(way or size, size))
        elif in_parts and status in _NO_PARTS:
            ways = tuple(one for one in self._ways if one != way)
        else:
            return False
        if ways:
            self._ways = ways
        return bool(ways)

    def _mounted(self, descriptor: Descriptor) -> tuple[bool, Reply | None]:
        """Whether another repository gave the blob; the upload that the registry began instead, if it did."""
        begun = None
        for repository in self._mount_from:
            query = "?" + urlencode({"mount": str(descriptor.digest), "from": repository})
            try:
                reply = self._post(query, accept=(201, 202))
            except RefusedError:
                continue  # not there, or not for this account; an upload says more
            if reply.status == 201:
                return True, None
            begun = reply if "location" in reply.headers else begun
        return False, begun

    def _post(self, query: str, accept: tuple[int, ...] = (202, 201)) -> Reply:
        url = f"{self._session.base}/blobs/uploads/{query}"
        return self._session.request("POST", url, headers={"Content-Length": "0"}, accept=accept)

    def _location(self, reply: Reply) -> str:
        """Where the upload goes on: opaque, perhaps relative, perhaps elsewhere."""
        if "location" not in reply.headers:
            raise RegistryError(f"cannot upload to {self._session.repository}: the registry does not say where")
        return resolved(reply.headers["location"], reply.url)

    def _send_by(
        self, way: int | None, begun: Reply, descriptor: Descriptor, source: bytes | Path, moved: Moved
    ) -> None:
        location = self._location(begun)
        if isinstance(source, bytes):
            self._finish(location, descriptor, source)
            moved(len(source))
            return
        least = begun.headers.get("oci-chunk-min-length", "")
        if way is not None and least.isascii() and least.isdigit():
            way = max(way, int(least))
        counted = 0

        def count(amount: int) -> None:
            nonlocal counted
            counted += amount
            moved(amount)

        try:
            with source.open("rb") as file:
                self._send_file(location, way or descriptor.size, descriptor, file, count)
        except BaseException:
            moved(-counted)
            raise

    def _send_file(self, location: str, chunk: int, descriptor: Descriptor, file: IO[bytes], moved: Moved) -> None:
        offset = failures = 0
        while descriptor.size - offset > chunk:
            part = Slice(file, offset, chunk, moved)
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Range": f"{offset}-{offset + part.size - 1}",
            }
            try:
                reply = self._session.request(
                    "PATCH", location, headers=headers, body=part, accept=(200, 201, 202, 204), again=False
                )
            except RegistryError as error:
                failures += 1
                if failures > _BREAKS:
                    raise
                part.forget()
                location, reached = self._after(error, location, part)
                moved(reached - offset)
                offset = reached
            else:
                location, offset = self._onwards(reply, location), offset + part.size
        self._finish(location, descriptor, Slice(file, offset, descriptor.size - offset, moved))

    def _after(self, error: RegistryError, location: str, part: Slice) -> tuple[str, int]:
        """Where the upload goes on after a part that did not get through, and from which byte on; the ``error`` itself
        where it does not."""
        is_refused = isinstance(error, RefusedError) and error.status not in BUSY
        if not is_refused:
            self._session.pause(error.wait if isinstance(error, RefusedError) else 0)
        try:
            reply = self._session.request("GET", location, accept=(200, 202, 204))
        except RefusedError:  # it cannot be asked, or the upload is gone
            raise error from None
        last = _RANGE.fullmatch(reply.headers.get("range", ""))
        reached = int(last[1]) + 1 if last is not None and last[1] != "0" else 0
        # The part itself is not wanted, or the registry claims bytes that were not sent.
        if (is_refused and reached == part.offset) or reached > part.offset + part.size:
            raise error
        return self._onwards(reply, location), reached

    def _onwards(self, reply: Reply, location: str) -> str:
        """Where the upload goes on; some say it only once."""
        return self._location(reply) if "location" in reply.headers else location

    def _finish(self, location: str, descriptor: Descriptor, rest: bytes | Slice) -> None:
        separator = "&" if "?" in location else "?"
        reply = self._session.request(
            "PUT",
            f"{location}{separator}{urlencode({'digest': str(descriptor.digest)})}",
            headers={"Content-Type": "application/octet-stream"},
            body=rest,
            accept=(200, 201, 202, 204),
            again=False,
        )
        if reply.digest not in (None, str(descriptor.digest)):
            raise RegistryError(f"cannot upload {descriptor.digest}: the registry stored another blob")
