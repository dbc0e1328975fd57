"""Pushes an image to a registry (OCI distribution specification 1.1), sending only what is not there.

What the tag points to now is asked first: if it is this image nothing is sent at all, and blobs that it names need no
question, because the registry has them. Everything else is asked for by its digest, mounted from repositories that are
named, or uploaded, several at a time; the manifest goes last.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import IO
from urllib.parse import urlencode, urljoin

from sysimage.blobs import BlobDirectory, Descriptor
from sysimage.destinations.registry.manifest import ACCEPTED
from sysimage.destinations.registry.session import RegistrySession, Reply, Slice
from sysimage.destinations.registry.target import RegistryTarget
from sysimage.destinations.verified_blobs import BlobRepair, verified_blob
from sysimage.destinations.written_image import WrittenImage
from sysimage.errors import IntegrityError, RegistryError
from sysimage.image import Document, Image
from sysimage.progress import Progress, silent
from sysimage.workers import threads

STAGE = "push"
_CHUNK = 64 << 20
"""Bytes of one request; a bigger blob goes in several, so that a broken connection costs one."""
_UPLOADS = 3
"""How often the upload of a blob is begun."""


def push_image(
    image: Image,
    blobs: Sequence[BlobDirectory],
    target: RegistryTarget,
    session: RegistrySession,
    *,
    mount_from: Sequence[str] = (),
    connections: int = 4,
    chunk: int = _CHUNK,
    keeper: BlobRepair | None = None,
    progress: Progress = silent,
) -> WrittenImage:
    """Make every tag of ``target`` point to the image; returns when the registry has all of it.

    ``mount_from`` are repositories of the same registry that may have some of the blobs. A layer that the registry has
    is not read; another is hashed before it is sent, and made again by the ``keeper`` where it is wrong. Faults of the
    connection or the registry are a `RegistryError`, a missing or wrong blob an `IntegrityError`.
    """
    push = _Push(target, session, tuple(mount_from), chunk)
    size = len(image.manifest.data) + sum(descriptor.size for descriptor in image.descriptors())
    stale, known = push.what_is_there(image)
    if stale:
        missing = [descriptor for descriptor in image.descriptors() if str(descriptor.digest) not in known]
        total = sum(descriptor.size for descriptor in missing)
        done = 0
        with threads(connections, "push") as pool:
            futures = [pool.submit(push.blob, descriptor, image.config, blobs) for descriptor in missing]
            for descriptor, future in zip(missing, futures, strict=True):
                try:
                    future.result()
                except IntegrityError:
                    if keeper is None:
                        raise
                    keeper.remake(descriptor)
                    push.blob(descriptor, image.config, blobs)
                done += descriptor.size
                progress(STAGE, done, total, unit="bytes")
        for tag in stale:
            push.manifest(image.manifest, tag)
    return WrittenImage(image, "registry", None, size, target.names())


class _Push:
    def __init__(self, target: RegistryTarget, session: RegistrySession, mount_from: tuple[str, ...], chunk: int):
        self._base = target.base
        self._tags = target.tags
        self._session = session
        self._mount_from = mount_from
        self._chunk = chunk

    def what_is_there(self, image: Image) -> tuple[list[str], set[str]]:
        """The tags that do not point to the image yet, and the digests of blobs that the registry has for sure."""
        stale, known = [], set()
        for tag in self._tags:
            reply = self._session.request(
                "GET", f"{self._base}/manifests/{tag}", headers={"Accept": ACCEPTED}, accept=(200, 404)
            )
            if reply.status == 200 and reply.body == image.manifest.data:
                known |= {str(descriptor.digest) for descriptor in image.descriptors()}
                continue
            stale.append(tag)
            known |= _named(reply)
        return stale, known

    def manifest(self, manifest: Document, tag: str) -> None:
        reply = self._session.request(
            "PUT",
            f"{self._base}/manifests/{tag}",
            headers={"Content-Type": manifest.descriptor.media_type},
            body=manifest.data,
            accept=(201,),
        )
        answered = reply.headers.get("docker-content-digest")
        if answered not in (None, str(manifest.descriptor.digest)):
            raise RegistryError(f"cannot push {self._base}: the registry stored {answered} instead of the manifest")

    def blob(self, descriptor: Descriptor, config: Document, blobs: Sequence[BlobDirectory]) -> None:
        there = self._session.request("HEAD", f"{self._base}/blobs/{descriptor.digest}", accept=(200, 404))
        if there.status == 200:
            return
        path = None if descriptor == config.descriptor else verified_blob(blobs, descriptor)
        for attempt in range(_UPLOADS):
            try:
                location = self._begin(descriptor)
                if location is None:
                    return
                if path is None:
                    self._finish(location, descriptor, config.data)
                else:
                    with path.open("rb") as file:
                        self._upload(location, descriptor, file)
                return
            except RegistryError:
                # The state of a broken upload is unknown, so it starts again.
                if attempt == _UPLOADS - 1:
                    raise

    def _begin(self, descriptor: Descriptor) -> str | None:
        """Where to upload to; None if the blob could be mounted."""
        for repository in self._mount_from:
            query = urlencode({"mount": str(descriptor.digest), "from": repository})
            reply = self._session.request(
                "POST", f"{self._base}/blobs/uploads/?{query}", headers={"Content-Length": "0"}, accept=(201, 202)
            )
            if reply.status == 201:
                return None
            # An upload was begun instead. Another repository may have the blob; the last upload begun is used.
            location = self._location(reply)
        if not self._mount_from:
            location = self._location(
                self._session.request(
                    "POST", f"{self._base}/blobs/uploads/", headers={"Content-Length": "0"}, accept=(202,)
                )
            )
        return location

    def _location(self, reply: Reply) -> str:
        """Where the upload goes on: opaque, perhaps relative, perhaps elsewhere."""
        if "location" not in reply.headers:
            raise RegistryError(f"cannot upload to {self._base}: the registry does not say where")
        location = urljoin(reply.url, reply.headers["location"])
        self._session.check_address(location, reply.url)
        return location

    def _upload(self, location: str, descriptor: Descriptor, file: IO[bytes]) -> None:
        offset = 0
        failures = 0
        while descriptor.size - offset > self._chunk:
            part = Slice(file, offset, self._chunk)
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Range": f"{offset}-{offset + part.size - 1}",
            }
            try:
                reply = self._session.request(
                    "PATCH", location, headers=headers, body=part, accept=(202, 204), again=False
                )
                location, offset = self._location(reply), offset + part.size
            except RegistryError:
                failures += 1
                if failures > 3:
                    raise
                location, offset = self._where_it_stopped(location)
        self._finish(location, descriptor, Slice(file, offset, descriptor.size - offset))

    def _where_it_stopped(self, location: str) -> tuple[str, int]:
        reply = self._session.request("GET", location, accept=(204,))
        _, dash, last = reply.headers.get("range", "").rpartition("-")
        return self._location(reply), int(last) + 1 if dash and last.isdigit() and last != "0" else 0

    def _finish(self, location: str, descriptor: Descriptor, rest: bytes | Slice) -> None:
        separator = "&" if "?" in location else "?"
        reply = self._session.request(
            "PUT",
            f"{location}{separator}{urlencode({'digest': str(descriptor.digest)})}",
            headers={"Content-Type": "application/octet-stream"},
            body=rest,
            accept=(201, 204),
            again=False,
        )
        answered = reply.headers.get("docker-content-digest")
        if answered not in (None, str(descriptor.digest)):
            raise RegistryError(f"cannot upload {descriptor.digest}: the registry stored {answered}")


def _named(reply: Reply) -> set[str]:
    """The digests of the blobs that a manifest names; none for anything that is not one."""
    try:
        value = json.loads(reply.body) if reply.status == 200 else {}
        return {str(value["config"]["digest"]), *(str(layer["digest"]) for layer in value["layers"])}
    except (ValueError, KeyError, TypeError):
        return set()
