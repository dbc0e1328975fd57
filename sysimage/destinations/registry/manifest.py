"""Asks a registry for the manifest that a tag points to."""

from __future__ import annotations

import json
from typing import Any

from sysimage.blobs import media_types
from sysimage.destinations.registry.session import RegistrySession, Reply
from sysimage.destinations.registry.target import RegistryTarget
from sysimage.digest import Digest
from sysimage.errors import RegistryError

ACCEPTED = ", ".join((media_types.MANIFEST, media_types.DOCKER_MANIFEST, media_types.INDEX, media_types.DOCKER_INDEX))


def fetch_manifest(target: RegistryTarget, session: RegistrySession, platform: str) -> dict[str, Any] | None:
    """The manifest of the target's first tag, through an index the one for ``platform``.

    ``platform`` is ``os/architecture[/variant]``, and an index may leave the variant out. None where there is no such
    tag. What is no manifest, or not the one that the index promised, is a `RegistryError`.
    """
    reply = session.request(
        "GET", f"{target.base}/manifests/{target.tags[0]}", headers={"Accept": ACCEPTED}, accept=(200, 404)
    )
    if reply.status == 404:
        return None
    value = _document(reply)
    if isinstance(value.get("manifests"), list):
        digest = _chosen(value["manifests"], platform, target)
        reply = session.request("GET", f"{target.base}/manifests/{digest}", headers={"Accept": ACCEPTED}, accept=(200,))
        if Digest.of(reply.body) != digest:
            raise RegistryError(f"cannot read {target.names()[0]}: its manifest is not what the index names")
        value = _document(reply)
    return value


def _document(reply: Reply) -> dict[str, Any]:
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise RegistryError(f"cannot read {reply.url}: the registry's answer is no manifest")
    return value


def _chosen(entries: list[Any], platform: str, target: RegistryTarget) -> Digest:
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
    raise RegistryError(f"cannot read {target.names()[0]}: it holds no image for {platform}")
