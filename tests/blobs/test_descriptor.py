"""Descriptors as others write them."""

from __future__ import annotations

import pytest

from sysimage.blobs import Descriptor
from sysimage.digest import Digest

GOOD = {"mediaType": "text/plain", "digest": str(Digest.of(b"x")), "size": 1, "annotations": {"b": "2", "a": "1"}}


def test_a_descriptor_survives_its_json_form() -> None:
    descriptor = Descriptor("text/plain", Digest.of(b"x"), 1, (("a", "1"), ("b", "2")))

    assert Descriptor.parse(GOOD) == descriptor
    assert Descriptor.parse(descriptor.as_json()) == descriptor
    many = {f"{number}": "x" for number in range(30)}
    found = Descriptor.parse({**GOOD, "annotations": many}).annotations
    assert found == tuple(sorted(many.items()))


def test_annotations_are_there_where_something_is_noted() -> None:
    assert Descriptor.parse({**GOOD, "annotations": None}).annotations == ()
    assert set(Descriptor("text/plain", Digest.of(b"x"), 0).as_json()) == {"mediaType", "digest", "size"}
    for pairs in ((("b", "1"), ("a", "2")), (("a", "1"), ("a", "2"))):
        with pytest.raises(ValueError, match="not sorted or not distinct"):
            Descriptor("text/plain", Digest.of(b"x"), 1, pairs)


@pytest.mark.parametrize(
    "wrong",
    [
        {"digest": "sha256:../../etc/passwd"},
        {"digest": "sha256:" + "A" * 64},
        {"digest": "md5:" + "0" * 32},
        {"digest": None},
        {"size": -1},
        {"size": "1"},
        {"size": True},
        {"size": None},
        {"mediaType": None},
        {"annotations": {"a": 1}},
        {"annotations": {"a": "x", "b": 1}},
        {"annotations": "text"},
        {"annotations": ["a"]},
    ],
)
def test_a_descriptor_that_contradicts_the_content_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Descriptor.parse({**GOOD, **wrong})


@pytest.mark.parametrize("other", [None, "text", 1, [GOOD], ["mediaType", "digest", "size"]])
def test_what_is_not_an_object_is_not_a_descriptor(other: object) -> None:
    with pytest.raises(ValueError, match="a descriptor is an object"):
        Descriptor.parse(other)
