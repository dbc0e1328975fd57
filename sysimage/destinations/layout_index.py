"""The index of an OCI layout: which images it names, and which blobs these need."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysimage.blobs import BlobDirectory
from sysimage.destinations.image_content import Referrer
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.image import Image, ImageName, canonical_json

_LIMIT = 4 << 20
"""Bytes of a document; longer ones are not read."""
_NAME = "io.containerd.image.name"
_REF_NAME = "org.opencontainers.image.ref.name"
_DOCUMENTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""What certainly names other blobs."""
_DEPTH = 8
"""How deep indexes are nested in indexes, at most."""


@dataclass(frozen=True, slots=True)
class LayoutIndex:
    """An ``index.json``, with everything in it that is not ours."""

    value: Mapping[str, Any]

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return canonical_json(self.value)

    @property
    def manifests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.value["manifests"]
        return found

    def names(self, name: str) -> bool:
        """Whether an image in it is called ``name``, with or without a registry."""
        qualified = ImageName.parse(name).qualified
        return any(qualified == _annotations(entry).get(_NAME) for entry in self.manifests)

    def with_image(
        self, image: Image, names: Sequence[ImageName], annotations: Mapping[str, str] | None
    ) -> LayoutIndex:
        """The index with the image in it: in the place of whatever has its reference, other references kept."""
        return self.with_entry(image.index(names, annotations).value, annotations)

    def with_entry(self, new: Mapping[str, Any], annotations: Mapping[str, str] | None = None) -> LayoutIndex:
        """The index with the one entry of ``new`` in it, as `with_image`."""
        (entry,) = new["manifests"]
        others = [one for one in self.manifests if not _same_reference(one, entry)]
        merged = {**self.value, **new, "manifests": [*others, entry]}
        if annotations and self.value.get("annotations"):
            merged["annotations"] = {**self.value["annotations"], **annotations}
        return LayoutIndex(merged)

    def with_referrers(self, referrers: Sequence[Referrer]) -> LayoutIndex:
        """The index with those of them that it does not name, each as an entry without a name."""
        there = {one["digest"] for one in self.manifests}
        new = [one.entry for one in referrers if str(one.root.descriptor.digest) not in there]
        return LayoutIndex({**self.value, "manifests": [*self.manifests, *new]}) if new else self

    def unreached(self, blobs: BlobDirectory, after: LayoutIndex) -> frozenset[Digest]:
        """The blobs that only entries of this index need which ``after`` lacks; empty if a document cannot be read,
        since it may name any blob."""
        gone = [entry for entry in self.manifests if entry not in after.manifests]
        dropped, kept = _closure(gone, blobs), after.reached(blobs)
        return frozenset() if dropped is None or kept is None else dropped - kept

    def reached(self, blobs: BlobDirectory) -> frozenset[Digest] | None:
        """Every blob that the index leads to; None if one of the documents cannot be read."""
        return _closure(self.manifests, blobs)


def read_index(directory: Path) -> LayoutIndex:
    """The index of the layout in ``directory``, or that of one without an image; an `IntegrityError` if it is
    malformed, because what it names could not be kept."""
    path = directory / "index.json"
    try:
        value = json.loads(path.read_bytes())
        entries = value["manifests"]
        if value["schemaVersion"] != 2 or not all(isinstance(one, dict) and "digest" in one for one in entries):
            raise ValueError
    except FileNotFoundError:
        return LayoutIndex({"schemaVersion": 2, "manifests": []})
    except (ValueError, KeyError, TypeError, RecursionError):
        raise IntegrityError(
            f"cannot write to the OCI layout {directory}: its index.json is malformed, so the images that it names "
            "could not be kept",
            hint="remove the layout, or name another directory",
        ) from None
    return LayoutIndex(value)


def _same_reference(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a lookup of the new entry's reference would find the old entry.

    A reference is the image's whole name where a tool writes that, and otherwise its tag alone. What has neither is
    only replaced by itself.
    """
    before, after = _annotations(old), _annotations(new)
    if _NAME in before and _NAME in after:
        return bool(before[_NAME] == after[_NAME])
    if _REF_NAME in before and _REF_NAME in after:
        return before[_REF_NAME] in (after[_REF_NAME], after.get(_NAME))
    if before.keys() & {_NAME, _REF_NAME}:
        return False
    if old["digest"] == new["digest"]:
        return True
    return not after.keys() & {_NAME, _REF_NAME} and "artifactType" not in old  # which says that it is not an image


def _annotations(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    found = entry.get("annotations")
    return found if isinstance(found, dict) else {}


def _closure(entries: Sequence[Mapping[str, Any]], blobs: BlobDirectory) -> frozenset[Digest] | None:
    """The blobs of these descriptors and of all that their documents name."""
    found: set[Digest] = set()
    waiting = [(entry, 0) for entry in entries]
    try:
        while waiting:
            entry, depth = waiting.pop()
            digest = Digest.parse(entry["digest"])
            if digest in found:
                continue
            found.add(digest)
            if depth > _DEPTH:
                return None
            document = _document(digest, blobs, certain=entry.get("mediaType") in _DOCUMENTS)
            waiting += [(below, depth + 1) for below in _descriptors(document, ("manifests", "subject"))]
            found.update(Digest.parse(leaf["digest"]) for leaf in _descriptors(document, ("config", "layers", "blobs")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return frozenset(found)


def _document(digest: Digest, blobs: BlobDirectory, *, certain: bool) -> Mapping[str, Any]:
    """The manifest or index with this digest; empty for what a layout does not have, and for what need not be one."""
    path = blobs.path(digest)
    if not path.exists():
        return {}
    try:
        if path.stat().st_size > _LIMIT:
            raise ValueError("too long for a document")
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        if certain:
            raise
        return {}
    return value if isinstance(value, dict) else {}


def _descriptors(document: Mapping[str, Any], keys: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The descriptors under these keys, each of which may hold one or a list."""
    for key in keys:
        value = document.get(key)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and "digest" in one:
                yield one
