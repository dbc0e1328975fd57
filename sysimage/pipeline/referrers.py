"""Finds what refers to an image where it is, so that signatures and SBOMs go along when it is copied."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

from sysimage.blobs import Descriptor, media_types
from sysimage.destinations.image_content import ImageContent, Referrer
from sysimage.destinations.registry.referrers import MOST_REFERRERS
from sysimage.digest import Digest
from sysimage.pipeline.followed_documents import descriptors, followed
from sysimage.pipeline.registry_image import RegistrySource
from sysimage.verify.documents import parse_named
from sysimage.verify.image_source import ImageSource
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.layout import blob_name
from sysimage.verify.limits import Limits

_INDEXES = (media_types.INDEX, media_types.DOCKER_INDEX)
_DOCUMENTS = (media_types.MANIFEST, media_types.DOCKER_MANIFEST, *_INDEXES)
_DEPTH = 8
"""How long a chain of referrers of referrers is followed: the signature of an SBOM is the second."""


def find_referrers(source: ImageSource, content: ImageContent, limits: Limits) -> tuple[Referrer, ...]:
    """What refers to any of the documents, and what refers to that; each after its subject.

    A referrer that cannot be followed is a `MalformedError`.
    """
    listed = source.referrers if isinstance(source, RegistrySource) else _listed_in(source, limits)
    seen = {document.descriptor.digest for document in content.documents}
    found: list[Referrer] = []
    subjects: Iterable[Digest] = tuple(seen)
    for _ in range(_DEPTH):
        new = []
        for subject in sorted(subjects, key=str):
            for one in listed(subject):
                if one.digest not in seen and _subject(source, one, limits) == subject:
                    seen.add(one.digest)
                    below = followed(source, one, limits)
                    new.append(Referrer(subject, below.documents, below.blobs))
        found += new
        if len(found) > MOST_REFERRERS:
            raise MalformedError(f"has more than {MOST_REFERRERS} referrers")
        subjects = [one.root.descriptor.digest for one in new]
        if not new:
            break
    return tuple(found)


def _listed_in(source: ImageSource, limits: Limits) -> Callable[[Digest], Iterable[Descriptor]]:
    """What refers to a subject in a layout: anything that ``index.json`` leads to, also through the indexes in which
    other programs keep lists of referrers."""
    by_subject: dict[Digest, list[Descriptor]] = {}
    for one in _reached(source, limits):
        # What other images of the layout are like is not what is asked for.
        with contextlib.suppress(MalformedError, OSError):
            subject = _subject(source, one, limits)
            if subject is not None:
                by_subject.setdefault(subject, []).append(one)
    return lambda subject: by_subject.get(subject, ())


def _reached(source: ImageSource, limits: Limits) -> Iterator[Descriptor]:
    seen: set[Digest] = set()
    index = parse_named("index.json", source.read("index.json", limits.document_size), limits)
    waiting = [(one, 0) for one in descriptors(index, "manifests")]
    while waiting:
        one, depth = waiting.pop(0)
        if one.digest in seen or one.media_type not in _DOCUMENTS or depth > limits.index_depth:
            continue
        seen.add(one.digest)
        yield Descriptor(one.media_type, one.digest, one.size)
        if one.media_type in _INDEXES:
            with contextlib.suppress(MalformedError, OSError):
                nested = parse_named("an index", source.read(blob_name(one.digest), limits.document_size), limits)
                waiting += [(below, depth + 1) for below in descriptors(nested, "manifests")]


def _subject(source: ImageSource, descriptor: Descriptor, limits: Limits) -> Digest | None:
    data = source.read(blob_name(descriptor.digest), limits.document_size)
    value = parse_named("a referrer", data, limits)
    return next((one.digest for one in descriptors(value, "subject")), None)
