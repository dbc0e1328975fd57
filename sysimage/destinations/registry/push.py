"""Pushes an image to a registry (OCI distribution specification 1.1), sending only what is not there.

What the tag points to now is asked first: if it is this image nothing is sent at all, and blobs that it names need no
question, because the registry has them. Everything else is asked for by its digest, mounted from repositories that are
named, or uploaded, several at a time; manifests go last, with what refers to them, and what the tag points to goes last
of all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sysimage.blobs import Descriptor
from sysimage.destinations.image_content import ImageContent, Referrer
from sysimage.destinations.registry.manifest import ACCEPTED, NOT_THERE, fetch_manifest
from sysimage.destinations.registry.names import PushTarget
from sysimage.destinations.registry.referrers import list_referrers, name_referrer
from sysimage.destinations.registry.replies import Reply, parse_json
from sysimage.destinations.registry.session import RegistrySession
from sysimage.destinations.registry.upload import CHUNK, Uploader
from sysimage.destinations.verified_blobs import BlobRepair
from sysimage.destinations.written_image import Transfer
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, RegistryError
from sysimage.image import EncodedDocument
from sysimage.progress import Progress, silent
from sysimage.workers import threads

STAGE = "push"
Provide = Callable[[Descriptor], Path]
"""The file of a blob, read and found right; called for those alone that are sent."""


def push_content(
    content: ImageContent,
    provide: Provide,
    target: PushTarget,
    session: RegistrySession,
    *,
    mount_from: Sequence[str] = (),
    chunk: int = CHUNK,
    keeper: BlobRepair | None = None,
    progress: Progress = silent,
) -> Transfer:
    """Make every tag of ``target`` point to the content's last document; returns, when the registry has all of it, what
    had to be sent.

    ``mount_from`` are repositories of the same registry that may have some of the blobs. A blob that the registry has
    is not read; another comes from ``provide``, and is made again by the ``keeper`` where it is wrong. Faults of the
    connection or the registry are a `RegistryError`, a missing or wrong blob an `IntegrityError`.
    """
    layers = len(content.layers)
    stale, known = _what_is_there(content, target, session)
    referrers = _absent(content.referrers, session)
    total = content.size_with_referrers
    if not stale and not referrers:
        return Transfer(0, total, layers, layers)
    uploads = Uploader(session, tuple(mount_from), chunk)
    wanted = {blob.digest: blob for one in referrers for blob in one.blobs}
    wanted |= {blob.digest: blob for blob in content.blobs} if stale else {}
    with threads(session.connections, "push") as pool:
        doubtful = [blob for blob in wanted.values() if str(blob.digest) not in known]
        there = pool.map(uploads.has, doubtful)
        missing = [blob for blob, found in zip(doubtful, list(there), strict=True) if not found]
        sent = _send(missing, content, provide, uploads, pool, keeper, progress)
    size = sum(blob.size for blob in missing if blob.digest in sent)
    if stale:
        # A signature is there before the tag points to what it is of, and its subject before it.
        for document in content.documents if referrers else content.documents[:-1]:
            size += _put(document, str(document.descriptor.digest), session)[0]
    for one in referrers:
        size += _put_referrer(one, session)
    for tag in stale:
        size += _put(content.root, tag, session)[0]
    total = max(total, size)  # a manifest may be sent under several names
    return Transfer(size, total, layers, layers - len(sent & content.layers))


def _absent(referrers: Sequence[Referrer], session: RegistrySession) -> list[Referrer]:
    """The referrers that the registry does not list."""
    there: set[Digest] = set()
    for subject in dict.fromkeys(one.subject for one in referrers):
        there |= {one.digest for one in list_referrers(session, subject)}
    return [one for one in referrers if one.root.descriptor.digest not in there]


def _put_referrer(referrer: Referrer, session: RegistrySession) -> int:
    size = 0
    for document in referrer.documents:
        amount, stored = _put(document, str(document.descriptor.digest), session)
        size += amount
    return size + name_referrer(session, referrer, stored)


def _send(
    missing: Sequence[Descriptor],
    content: ImageContent,
    provide: Provide,
    uploads: Uploader,
    pool: ThreadPoolExecutor,
    keeper: BlobRepair | None,
    progress: Progress,
) -> set[Digest]:
    """Bring blobs there; the digests of those that were sent, and not mounted."""
    total = sum(blob.size for blob in missing)
    lock = threading.Lock()
    done = 0

    def moved(amount: int) -> None:
        nonlocal done
        with lock:
            done += amount
            progress(STAGE, max(0, min(done, total)), total, unit="bytes")

    def send(blob: Descriptor) -> bool:
        small = content.inline.get(blob.digest)
        is_sent = uploads.send(blob, lambda: provide(blob) if small is None else small, moved)
        if not is_sent:
            moved(blob.size)
        return is_sent

    sent = set()
    for blob, future in [(blob, pool.submit(send, blob)) for blob in missing]:
        try:
            is_sent = future.result()
        except IntegrityError:
            if keeper is None:
                raise
            keeper.remake(blob)
            is_sent = send(blob)
        if is_sent:
            sent.add(blob.digest)
    return sent


def _what_is_there(content: ImageContent, target: PushTarget, session: RegistrySession) -> tuple[list[str], set[str]]:
    """The tags that do not point to the content yet, and the digests of blobs that the registry has for sure."""
    stale: list[str] = []
    known: set[str] = set()
    for tag in target.tags:
        url = f"{session.base}/manifests/{tag}"
        reply = session.request("GET", url, headers={"Accept": ACCEPTED}, accept=(200, *NOT_THERE))
        if reply.status == 200 and reply.body == content.root.data:
            known |= {str(blob.digest) for blob in content.blobs}
            continue
        stale.append(tag)
        known |= _named(reply)
    return stale, known


def _named(reply: Reply) -> set[str]:
    """The digests of the blobs that a manifest names; none for anything that is not one."""
    value = parse_json(reply.body) if reply.status == 200 else {}
    try:
        return {str(value["config"]["digest"]), *(str(layer["digest"]) for layer in value["layers"])}
    except (KeyError, TypeError):
        return set()


def _put(document: EncodedDocument, version: str, session: RegistrySession) -> tuple[int, Reply]:
    """Store a manifest under a tag or its digest; its bytes, and the answer."""
    reply = session.request(
        "PUT",
        f"{session.base}/manifests/{version}",
        headers={"Content-Type": document.descriptor.media_type},
        body=document.data,
        accept=(200, 201, 202, 204),
    )
    digest = str(document.descriptor.digest)
    if reply.digest not in (None, digest):
        raise RegistryError(f"cannot push to {session.repository}: the registry stored another manifest")
    if reply.digest is None and reply.status != 201 and fetch_manifest(session, digest) is None:
        # Such as a page to log in at, which answers everything with success.
        raise RegistryError(f"cannot push to {session.repository}: what answers there stores no manifests")
    return len(document.data), reply
