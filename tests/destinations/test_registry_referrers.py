"""What refers to images in registries, and other lists there: sent once, in order, read to the end and no further."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from sysimage.blobs import BlobDirectory, Descriptor, media_types
from sysimage.destinations.image_content import ImageContent, Referrer
from sysimage.destinations.registry import PushTarget, push_content
from sysimage.destinations.registry.referrers import list_referrers
from sysimage.destinations.registry.tags import list_tags
from sysimage.destinations.written_image import Transfer
from sysimage.digest import Digest
from sysimage.errors import RegistryError, SpecError
from sysimage.image import EncodedDocument
from tests.destinations.registry_server import INDEX, Handler, Registry, running
from tests.destinations.test_registry import image_of
from tests.destinations.test_registry_habits import session_with

OCTETS = "application/octet-stream"


class Referred:
    """An image with a signature, which has one of its own."""

    def __init__(self, blobs: BlobDirectory) -> None:
        self.image = image_of(blobs, "a")
        self.subject = self.image.manifest.descriptor
        self.blob = blobs.put(b"a signature", OCTETS)
        self.signature = self.document(self.subject, self.blob)
        self.second = self.document(self.signature.descriptor, self.blob)
        self.content = replace(
            ImageContent.of(self.image),
            referrers=tuple(
                Referrer(subject.digest, (one,), (self.blob,))
                for subject, one in ((self.subject, self.signature), (self.signature.descriptor, self.second))
            ),
        )

    def document(self, subject: Descriptor, blob: Descriptor) -> EncodedDocument:
        value = {"config": blob.as_json(), "layers": [blob.as_json()], "subject": subject.as_json()}
        return EncodedDocument.of(value, media_types.MANIFEST)


def push_referred(registry: Registry, blobs: BlobDirectory, content: ImageContent, tag: str = "1") -> Transfer:
    session, _ = session_with(registry, None, None, connections=1)
    target = PushTarget.parse(f"{registry.address}/team/web:{tag}")
    with closing(session):
        return push_content(content, lambda blob: blobs.path(blob.digest), target, session)


@pytest.mark.parametrize("lists", [True, False])
def test_what_refers_to_an_image_is_there_before_its_tag_and_sent_once(
    registry: Registry, blobs: BlobDirectory, lists: bool
) -> None:
    registry.lists_referrers = lists
    referred = Referred(blobs)
    own = referred.content
    first = push_referred(registry, blobs, own)
    documents = [
        line.rpartition("/")[2] for line in registry.requests if line.startswith("PUT ") and "/manifests/" in line
    ]
    named = [str(one.digest) for one in (referred.subject, referred.signature.descriptor, referred.second.descriptor)]
    indexes = [f"{digest}".replace(":", "-") for digest in named[:2]]
    between = [named[1], named[2]] if lists else [named[1], indexes[0], named[2], indexes[1]]
    assert documents == [named[0], *between, "1"]
    lists_sent = sum(len(registry.manifests[f"team/web:{tag}"]) for tag in indexes) if not lists else 0
    sent = own.size_with_referrers - len(b"a signature") + len(referred.image.manifest.data) + lists_sent
    assert first == Transfer(sent, max(sent, own.size_with_referrers), 1, 0)

    registry.requests.clear()
    assert push_referred(registry, blobs, own) == Transfer(0, own.size_with_referrers, 1, 1)
    assert not any(registry.count(method) for method in ("PUT", "POST", "PATCH"))
    session, _ = session_with(registry)
    assert [one.digest for one in list_referrers(session, referred.subject.digest)] == [
        referred.signature.descriptor.digest
    ]


@pytest.mark.parametrize("is_named", [True, False])
def test_a_list_of_referrers_of_other_clients_is_kept_and_names_each_once(
    registry: Registry, blobs: BlobDirectory, is_named: bool
) -> None:
    referred = Referred(blobs)
    tag = str(referred.subject.digest).replace(":", "-")
    own = referred.content.referrers[0].entry
    others = [entry("other"), *([{**own, "mediaType": "of another kind"}] if is_named else [])]
    for one in others:
        registry.manifests[f"team/web:{one['digest']}"] = b"{}"
    before = {"schemaVersion": 2, "mediaType": INDEX, "manifests": others, "annotations": {"a": "b"}}
    registry.manifests[f"team/web:{tag}"] = json.dumps(before).encode()
    transfer = push_referred(registry, blobs, referred.content)
    expected = others if is_named else [*others, own]
    assert json.loads(registry.manifests[f"team/web:{tag}"]) == {**before, "manifests": expected}
    lists = [str(referred.signature.descriptor.digest).replace(":", "-"), *([] if is_named else [tag])]
    sent_lists = sum(len(registry.manifests[f"team/web:{one}"]) for one in lists)
    size = referred.content.size_with_referrers - len(b"a signature") + len(referred.image.manifest.data)
    assert transfer.sent == size + sent_lists


class Lists(Handler):
    """Lists ``entries`` on one page, again and again on ``pages``."""

    entries: ClassVar[list[Any]] = []
    pages: ClassVar[int] = 1
    whole: ClassVar[bool] = True

    def route(self, path: str, query: dict[str, str], body: bytes) -> None:
        at = int(query.get("at", "1"))
        more = {"Link": f'<?at={at + 1}>; rel="next"'} if at < self.pages else {}
        if "/tags/" in path:
            self.answer(200, json.dumps({"tags": [f"v{at}", 1]}).encode(), **more)
        elif at > 1 and not self.whole:
            self.answer(404)
        else:
            self.answer(200, json.dumps({"manifests": self.entries}).encode(), **more)


def entry(name: str, kind: object = media_types.MANIFEST) -> dict[str, Any]:
    return {"mediaType": kind, "digest": str(Digest.of(name.encode())), "size": 1, "annotations": {"a": "b"}}


def test_a_list_of_referrers_holds_each_manifest_once_and_nothing_else() -> None:
    entries = [entry("a"), 1, {}, entry("b", OCTETS), entry("c", media_types.INDEX), entry("a"), entry("d", 1)]
    with running(type("Listing", (Lists,), {"entries": entries, "pages": 100})) as registry:
        session, _ = session_with(registry)
        assert list_referrers(session, Digest.of(b"x")) == (
            Descriptor(media_types.MANIFEST, Digest.of(b"a"), 1),
            Descriptor(media_types.INDEX, Digest.of(b"c"), 1),
        )
        assert registry.count("GET") == 100


@pytest.mark.parametrize(
    ("handler", "cause"),
    [
        ({"pages": 101}, "the list has no end"),
        ({"entries": [entry(str(number)) for number in range(1001)]}, "the list has no end"),
        ({"pages": 2, "whole": False}, "a page is missing"),
    ],
)
def test_a_list_of_referrers_without_an_end_or_a_page_is_an_error(handler: dict[str, Any], cause: str) -> None:
    with running(type("Listing", (Lists,), handler)) as registry:
        session, target = session_with(registry)
        subject = Digest.of(b"x")
        with pytest.raises(RegistryError) as caught:
            list_referrers(session, subject)
        assert caught.value.message == f"cannot list what refers to {target.repository}@{subject}: {cause}"


def test_as_many_referrers_as_may_be_are_listed() -> None:
    entries = [entry(str(number)) for number in range(1000)]
    with running(type("Listing", (Lists,), {"entries": entries})) as registry:
        session, _ = session_with(registry)
        assert len(list_referrers(session, Digest.of(b"x"))) == 1000


def test_tags_are_asked_for_in_large_pages_and_have_an_end(registry: Registry) -> None:
    with running(type("Listing", (Lists,), {"pages": 3})) as listing:
        session, _ = session_with(listing)
        assert list_tags(session) == ("v1", "v2", "v3")
        assert listing.requests[0] == "GET /v2/team/web/tags/list?n=1000"
    registry.faults["GET"] = [404]
    session, target = session_with(registry)
    with pytest.raises(SpecError) as caught:
        list_tags(session)
    assert caught.value.message == (
        f"cannot list the tags of {target.repository}: the registry has no such repository, or does not show it to "
        "this account"
    )
