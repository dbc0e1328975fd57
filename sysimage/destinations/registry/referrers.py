"""What refers to an image of a registry, such as signatures and SBOMs (OCI distribution specification 1.1, referrers).

A registry that knows referrers lists them itself. For any other, clients keep the list in an index whose tag is the
digest of the subject, ``sha256-…``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sysimage.blobs import Descriptor, media_types
from sysimage.destinations.image_content import Referrer
from sysimage.destinations.registry.manifest import ACCEPTED, NOT_THERE, fetch_manifest
from sysimage.destinations.registry.replies import Reply, parse_json
from sysimage.destinations.registry.session import RegistrySession
from sysimage.destinations.registry.transport import resolved
from sysimage.digest import Digest
from sysimage.errors import RegistryError
from sysimage.image import EncodedDocument

_UNKNOWN = (400, 401, 403, 404, 405, 406, 501)
"""How registries answer that do not know the question."""
_PAGES = 100
MOST_REFERRERS = 1000
"""Referrers of one image; more are an error."""


def list_referrers(session: RegistrySession, subject: Digest) -> tuple[Descriptor, ...]:
    """Manifests and indexes that say that they refer to ``subject``, as the registry or its index lists them.

    What is listed need not be there any more, nor be what the list says. A list without an end is a `RegistryError`.
    """
    found = _listed(session, subject)
    entries = _entries(_fallback(session, subject)) if found is None else found
    listed: dict[Digest, Descriptor] = {}
    for entry in entries:
        try:
            descriptor = Descriptor.parse(entry)
        except ValueError:
            continue
        if descriptor.media_type in ACCEPTED.split(", "):
            listed[descriptor.digest] = Descriptor(descriptor.media_type, descriptor.digest, descriptor.size)
    if len(listed) > MOST_REFERRERS:
        raise _endless(session, subject)
    return tuple(listed.values())


def name_referrer(session: RegistrySession, referrer: Referrer, stored: Reply) -> int:
    """Let the registry list a referrer whose manifest it has ``stored``; the bytes that had to be sent for that.

    A registry that lists referrers itself says so with the subject in its answer.
    """
    subject = referrer.subject
    if "oci-subject" in stored.headers or _listed(session, subject) is not None:
        return 0
    before = _fallback(session, subject)
    entries = _entries(before)
    own = str(referrer.root.descriptor.digest)
    if any(isinstance(one, dict) and one.get("digest") == own for one in entries):
        return 0
    value = {**(before or {}), "schemaVersion": 2, "mediaType": media_types.INDEX}
    index = EncodedDocument.of({**value, "manifests": [*entries, referrer.entry]}, media_types.INDEX)
    session.request(
        "PUT",
        f"{session.base}/manifests/{_tag(subject)}",
        headers={"Content-Type": media_types.INDEX},
        body=index.data,
        accept=(200, 201, 202, 204),
    )
    return len(index.data)


def _listed(session: RegistrySession, subject: Digest) -> list[Any] | None:
    """What the registry itself lists, from all pages; None if it does not support the request."""
    url = f"{session.base}/referrers/{subject}"
    found: list[Any] = []
    for page in range(_PAGES):
        reply = session.request("GET", url, headers={"Accept": media_types.INDEX}, accept=(200, *_UNKNOWN))
        value = parse_json(reply.body) if reply.status == 200 else None
        if not isinstance(value, dict) or not isinstance(value.get("manifests"), list):  # or a page for browsers
            if page:
                raise RegistryError(f"cannot list what refers to {session.repository}@{subject}: a page is missing")
            return None
        found += value["manifests"]
        following = reply.next_page
        if following is None:
            return found
        url = resolved(following, reply.url)
    raise _endless(session, subject)


def _fallback(session: RegistrySession, subject: Digest) -> Mapping[str, Any] | None:
    """The index that clients keep; None where the registry has no such tag."""
    document = fetch_manifest(session, _tag(subject), missing=NOT_THERE)
    return document.value if document is not None else None


def _entries(index: Mapping[str, Any] | None) -> list[Any]:
    found = index.get("manifests") if index is not None else None
    return found if isinstance(found, list) else []


def _tag(subject: Digest) -> str:
    return str(subject).replace(":", "-")


def _endless(session: RegistrySession, subject: Digest) -> RegistryError:
    return RegistryError(f"cannot list what refers to {session.repository}@{subject}: the list has no end")
