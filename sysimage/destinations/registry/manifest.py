"""Asks a registry for the documents that a name or a digest leads to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sysimage.blobs import Descriptor, media_types
from sysimage.destinations.registry.names import ImageReference
from sysimage.destinations.registry.replies import Reply, parse_json
from sysimage.destinations.registry.session import RegistrySession
from sysimage.digest import Digest
from sysimage.errors import RegistryError, SpecError
from sysimage.image import EncodedDocument

ACCEPTED = ", ".join((media_types.MANIFEST, media_types.DOCKER_MANIFEST, media_types.INDEX, media_types.DOCKER_INDEX))
NOT_THERE = (401, 403, 404)
"""How registries answer for what they do not have, or do not have yet, some to accounts that may push it."""


def fetch_manifest(
    session: RegistrySession, version: str, *, missing: tuple[int, ...] = (404,)
) -> EncodedDocument | None:
    """The manifest or index that a tag or a digest names, with its exact bytes.

    None where the registry answers with a status of ``missing``; a `SpecError` if it has no such manifest and 404 is
    not in ``missing``. A document that is not a manifest, or not the one of the digest, is a `RegistryError`.
    """
    url = f"{session.base}/manifests/{version}"
    reply = session.request("GET", url, headers={"Accept": ACCEPTED}, accept=(200, 404, *missing))
    if reply.status in missing:
        return None
    if reply.status == 404:
        raise not_there(f"read {session.repository}{'@' if ':' in version else ':'}{version}", "image")
    media_type = _media_type(reply)
    document = EncodedDocument(Descriptor(media_type, Digest.of(reply.body), len(reply.body)), reply.body)
    if ":" in version and version != str(document.descriptor.digest):
        raise RegistryError(f"cannot read {session.repository}@{version}: the registry returned another manifest")
    return document


def not_there(what: str, kind: str) -> SpecError:
    """The error for a name that leads to nothing; ``what`` says for what it was asked."""
    return SpecError(
        f"cannot {what}: the registry has no such {kind}, or does not show it to this account",
        hint="check the name and the tag, or log in: docker login or podman login",
    )


def manifest_for(session: RegistrySession, reference: ImageReference, platform: str) -> Mapping[str, Any] | None:
    """The manifest of an image, through an index the one for ``platform`` (``os/architecture[/variant]``, and an index
    may leave the variant out). None where there is no such image, or this account is not shown it."""
    document = fetch_manifest(session, reference.version, missing=NOT_THERE)
    if document is None:
        return None
    value: Mapping[str, Any] = document.value
    if isinstance(value.get("manifests"), list):
        digest = _chosen(value["manifests"], platform, reference)
        found = fetch_manifest(session, str(digest), missing=())
        value = found.value if found is not None else {}
    return value


def _media_type(reply: Reply) -> str:
    value = parse_json(reply.body)
    if not isinstance(value, dict):
        raise RegistryError(f"cannot read {reply.url}: the registry's answer is not a manifest")
    return media_type_of(value, reply.headers.get("content-type", "").partition(";")[0].strip())


def media_type_of(value: Mapping[str, Any], sent: str) -> str:
    """The media type of a manifest or index: its own word, else what was ``sent`` with it, else by what it holds."""
    for media_type in (value.get("mediaType"), sent):
        if isinstance(media_type, str) and media_type in ACCEPTED.split(", "):
            return media_type
    return media_types.INDEX if isinstance(value.get("manifests"), list) else media_types.MANIFEST


def _chosen(entries: list[Any], platform: str, reference: ImageReference) -> Digest:
    without_variant = "/".join(platform.split("/")[:2])
    for wanted in dict.fromkeys((platform, without_variant)):
        for entry in entries:
            try:
                where = entry["platform"]
                names = [where["os"], where["architecture"], where.get("variant")]
                if "/".join(filter(None, names)) == wanted:
                    return Digest.parse(entry["digest"])
            except (KeyError, TypeError, ValueError, AttributeError):
                continue
    raise RegistryError(f"cannot read {reference}: it holds no image for {platform}")
