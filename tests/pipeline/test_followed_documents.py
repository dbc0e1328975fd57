"""Everything that an image leads to is found by its documents, each read once, as deep as indexes may be."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sysimage.blobs import Descriptor, media_types
from sysimage.digest import Digest
from sysimage.image import EncodedDocument
from sysimage.pipeline.followed_documents import descriptors, followed
from sysimage.pipeline.referrers import find_referrers
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.layout import blob_name
from sysimage.verify.limits import DEFAULT_LIMITS


@dataclass
class Documents:
    """Documents by name, as a layout has them, and which of them were read."""

    files: dict[str, bytes] = field(default_factory=dict)
    was_read: list[str] = field(default_factory=list)

    def read(self, name: str, most: int) -> bytes:
        self.was_read.append(name)
        return self.files[name]

    def add(self, value: dict[str, Any], media_type: str) -> Descriptor:
        document = EncodedDocument.of({"schemaVersion": 2, **value}, media_type)
        self.files[blob_name(document.descriptor.digest)] = document.data
        return document.descriptor

    def manifest(self, text: bytes, **more: Any) -> Descriptor:
        layer = Descriptor(media_types.LAYER, Digest.of(text), len(text))
        config = Descriptor(media_types.CONFIG, Digest.of(b"config" + text), 9)
        return self.add({"config": config.as_json(), "layers": [layer.as_json()], **more}, media_types.MANIFEST)

    def index(self, *below: Descriptor) -> Descriptor:
        return self.add({"manifests": [one.as_json() for one in below]}, media_types.INDEX)


def found_from(source: Any, root: Descriptor) -> list[Digest]:
    content = followed(source, root, DEFAULT_LIMITS)
    assert content.layers <= {blob.digest for blob in content.blobs}
    return [document.descriptor.digest for document in content.documents]


def test_documents_come_after_what_they_name_and_are_read_once() -> None:
    source = Documents()
    one, two = source.manifest(b"one"), source.manifest(b"two")
    inner = source.index(one, two, one)
    outer = source.index(inner, two, inner)
    assert found_from(source, outer) == [descriptor.digest for descriptor in (one, two, inner, outer)]
    assert len(source.was_read) == len(set(source.was_read)) == 4
    content: Any = followed(source, outer, DEFAULT_LIMITS)  # type: ignore[arg-type]
    assert content.layers == {Digest.of(b"one"), Digest.of(b"two")}
    assert len(content.blobs) == 4


def test_indexes_are_nested_as_deep_as_is_read_and_no_deeper() -> None:
    source = Documents()
    chain = [source.manifest(b"one")]
    for _ in range(DEFAULT_LIMITS.index_depth + 1):
        chain.append(source.index(chain[-1]))
    assert len(found_from(source, chain[-2])) == DEFAULT_LIMITS.index_depth + 1
    with pytest.raises(MalformedError, match="indexes are nested deeper than"):
        found_from(source, chain[-1])


def test_a_document_is_what_its_descriptor_says() -> None:
    source = Documents()
    one = source.manifest(b"one")
    with pytest.raises(MalformedError, match="is not what its descriptor says"):
        found_from(source, replace(one, size=one.size + 1))
    source.files[blob_name(one.digest)] = source.files[blob_name(one.digest)].replace(b"2", b"3", 1)
    with pytest.raises(MalformedError, match="is not what its descriptor says"):
        found_from(source, one)


def test_lists_of_referrers_are_followed_as_deep_as_indexes_and_blobs_among_them_are_not_read() -> None:
    source = Documents()
    subject = source.manifest(b"one")
    deep, deeper = (source.manifest(text, subject=subject.as_json()) for text in (b"deep", b"deeper"))
    chain = [source.index(deep, source.index(deeper))]
    for _ in range(DEFAULT_LIMITS.index_depth - 1):
        chain.append(source.index(chain[-1]))
    absent = Descriptor("text/plain", Digest.of(b"absent"), 6)
    listed = [one.as_json() for one in (chain[-1], subject, absent, chain[-1])]
    source.files["index.json"] = json.dumps({"manifests": listed}).encode()
    anything: Any = source
    content = followed(anything, subject, DEFAULT_LIMITS)
    found = find_referrers(anything, content, DEFAULT_LIMITS)
    assert [one.root.descriptor.digest for one in found] == [deep.digest]
    assert found[0].subject == subject.digest


def test_a_key_has_one_descriptor_or_a_list_or_nothing() -> None:
    one = Descriptor(media_types.LAYER, Digest.of(b"x"), 1)
    assert descriptors({"key": one.as_json()}, "key") == descriptors({"key": [one.as_json()]}, "key") == [one]
    assert descriptors({}, "key") == descriptors({"key": None}, "key") == []
    with pytest.raises(MalformedError, match="has a malformed descriptor"):
        descriptors({"key": 7}, "key")
