"""What a registry answers, read without a connection: headers, documents, and the errors that are made of them."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from sysimage.blobs import media_types
from sysimage.destinations.registry.challenges import Challenge, parse_challenges
from sysimage.destinations.registry.manifest import media_type_of
from sysimage.destinations.registry.names import has_registry, is_inner, is_this_machine, related, without_port
from sysimage.destinations.registry.replies import Reply, parse_json, refusal, safe_address
from sysimage.errors import RegistryError

URL = "https://h.test/v2/web"
MOST = 4 << 20
"""Bytes of a document."""


def reply(status: int = 200, body: bytes = b"", **headers: str) -> Reply:
    return Reply.of(status, [(name.replace("_", "-"), text) for name, text in headers.items()], body, URL)


def test_headers_of_one_name_are_joined_and_kept_by_themselves() -> None:
    found = Reply.of(200, [("A", "1"), ("b", "2"), ("a", "3\r\n\t4"), ("B", "5 \n 6")], b"x", URL)
    assert found.headers == {"a": "1, 3 4", "b": "2, 5 6"}
    assert found.lists == {"a": ["1", "3 4"], "b": ["2", "5 6"]}
    assert (found.status, found.body, found.url) == (200, b"x", URL)


@pytest.mark.parametrize(
    ("encoding", "body", "read"),
    [
        ("gzip", gzip.compress(b"text", mtime=0), b"text"),
        ("X-GZIP", gzip.compress(b"text", mtime=0), b"text"),
        ("gzip", b"text", b"text"),
        ("identity", gzip.compress(b"text", mtime=0), gzip.compress(b"text", mtime=0)),
        ("gzip", gzip.compress(bytes(MOST + 9), mtime=0), bytes(MOST + 1)),
    ],
)
def test_a_document_that_came_compressed_is_unpacked_as_far_as_documents_go(
    encoding: str, body: bytes, read: bytes
) -> None:
    assert reply(body=body, Content_Encoding=encoding).body == read


@pytest.mark.parametrize(
    ("link", "following"),
    [
        ("", None),
        ("<a?n=1>", None),
        ('<a>; rel="next"', "a"),
        ("<a>;rel=next", "a"),
        ('<a>; title="x"; rel="next"', "a"),
        ('<a>; rel="prev", <b>; rel="next"', "b"),
        ('<a>; rel="prev"', None),
    ],
)
def test_a_list_goes_on_where_its_link_says(link: str, following: str | None) -> None:
    assert reply(Link=link).next_page == following
    assert reply().next_page is None


@pytest.mark.parametrize(
    ("header", "digest"),
    [
        ("a:1", "a:1"),
        (" a:1 , a:1", "a:1"),
        ("a:5, a:2, a:4, a:1, a:3", "a:1, a:2, a:3, a:4, a:5"),
        ("", None),
        (",", None),
    ],
)
def test_a_digest_is_the_one_that_every_header_gives(header: str, digest: str | None) -> None:
    assert reply(Docker_Content_Digest=header).digest == digest
    assert reply().digest is None


def test_only_an_object_is_a_document() -> None:
    assert reply(body=b'{"a": 1}').document() == {"a": 1}
    for body in (b"", b"[]", b"1", b"{"):
        with pytest.raises(RegistryError, match=rf"^cannot read {URL}: the answer is not a JSON object$"):
            reply(body=body).document()


def test_a_text_that_is_longer_than_registries_take_is_not_a_document() -> None:
    assert parse_json(b"1".ljust(MOST + 1)) is None


def test_a_document_has_a_length_that_registries_take() -> None:
    assert parse_json(b"1".ljust(MOST)) == 1
    assert parse_json(b'{"a": "\\"[[["}') == {"a": '"[[['}
    assert parse_json(b"[" + b"[],{}," * 200 + b"[]]") is not None, "depth is not the number of brackets"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://me:secret@h.test:8080/v2/?token=secret#x", "https://h.test:8080/v2/"),
        ("https://h.test/v2", "https://h.test/v2"),
        ("http://[::1]:5000/v2", "http://[::1]:5000/v2"),
        ("http://[::1]/v2", "http://[::1]/v2"),
        ("http://h.test:x/", "a malformed address"),
        ("http://[bad", "a malformed address"),
        ("http://h.test/\x1b[2J", "http://h.test/\\u001b[2J"),
        ("http://h.test/" + "x" * 600, "http://h.test/" + "x" * 486),
    ],
)
def test_an_address_is_shown_without_secrets_and_what_terminals_obey(url: str, text: str) -> None:
    assert safe_address(url) == text


def errors(*values: object) -> bytes:
    return json.dumps({"errors": values}).encode()


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (errors({"code": "A", "message": "b"}, {"code": "C"}, {"message": "d"}), "", " (A: b; C; d)"),
        (errors({"code": "A"}, 1, {"code": "B"}, {"code": "C"}), "", " (A; B)"),
        (errors({"code": "A" * 400}), "", f" ({'A' * 300})"),
        (errors({}), "", ""),
        (errors(), "", ""),
        (b'{"message": "m", "details": "d", "error": "e"}', "", " (m)"),
        (b'{"message": 1, "details": "d", "error": "e"}', "", " (d)"),
        (b'{"error_description": "x", "error": "e"}', "", " (x)"),
        (b'{"error": "' + b"e" * 400 + b'"}', "", f" ({'e' * 300})"),
        (b'{"errors": {}, "error": "e"}', "", " (e)"),
        (b"plain \x1b\xff \n", "text/plain; charset=utf-8", " (plain \\u001b\ufffd)"),
        (b"p" * 400, "text/plain", f" ({'p' * 300})"),
        (b"<html>no</html>", "text/html", ""),
        (b"nothing is said of its kind", "", ""),
        (b"[]", "application/json", ""),
    ],
)
def test_the_words_of_a_registry_are_part_of_the_error_as_far_as_they_are_for_people(
    body: bytes, kind: str, words: str
) -> None:
    found = refusal("PUT", reply(418, body, Content_Type=kind, Retry_After="7"))
    assert found.message == f"cannot PUT {URL}: status 418{words}"
    assert (found.status, found.wait, found.hint) == (418, 7.0, None)


IMMUTABLE = "the registry lets no tag be moved; push under another tag"
MAKE_FIRST = "make the repository first: this registry does not make one for a push"
LATER = "the registry wants to be asked less often; log in, or try again later"
TOO_LARGE = "something between here and the registry bounds the size of a request; its administrator can raise that"
ROOM = "make room in the registry, or ask its administrator for more"


@pytest.mark.parametrize(
    ("status", "words", "hint"),
    [
        (400, "", None),
        (401, "", "log in first, with docker login or podman login"),
        (402, "", None),
        (403, "", "this account may not do that; log in with another, with docker login or podman login"),
        (404, "", "check the name; some registries want a repository to be made before the first push"),
        (407, "", "say user and password of the proxy in http_proxy"),
        (413, "", TOO_LARGE),
        (429, "", LATER),
        (500, "", None),
        (403, "tag is IMMUTABLE", IMMUTABLE),
        (409, "it Already Exists", IMMUTABLE),
        (404, "NAME_UNKNOWN", MAKE_FIRST),
        (403, "Too Many Requests", LATER),
        (403, "over quota", ROOM),
    ],
)  # fmt: skip
def test_the_hint_follows_from_what_the_registry_says_and_else_from_its_status(
    status: int, words: str, hint: str | None
) -> None:
    assert refusal("GET", reply(status, errors({"code": words}))).hint == hint


@pytest.mark.parametrize(
    ("value", "sent", "media_type"),
    [
        ({"mediaType": media_types.DOCKER_MANIFEST}, media_types.MANIFEST, media_types.DOCKER_MANIFEST),
        ({}, media_types.DOCKER_INDEX, media_types.DOCKER_INDEX),
        ({"mediaType": "text/html"}, media_types.INDEX, media_types.INDEX),
        ({"mediaType": 1}, "text/html", media_types.MANIFEST),
        ({"manifests": []}, "", media_types.INDEX),
        ({"manifests": {}}, "", media_types.MANIFEST),
        ({}, "", media_types.MANIFEST),
    ],
)
def test_a_media_type_is_the_documents_own_or_the_one_sent_or_follows_from_what_it_holds(
    value: dict[str, Any], sent: str, media_type: str
) -> None:
    assert media_type_of(value, sent) == media_type


@pytest.mark.parametrize(
    ("host", "name", "this_machine", "inner"),
    [
        ("localhost", "localhost", True, True),
        ("localhost:5000", "localhost", True, True),
        ("127.0.0.1", "127.0.0.1", True, True),
        ("127.9.9.9:80", "127.9.9.9", True, True),
        ("[::1]", "[::1]", True, True),
        ("[::1]:5000", "[::1]", True, True),
        ("::1", "::1", True, True),
        ("10.0.0.1:80", "10.0.0.1", False, True),
        ("[fe80::1]", "[fe80::1]", False, True),
        ("8.8.8.8", "8.8.8.8", False, False),
        ("[2606:4700::1]:443", "[2606:4700::1]", False, False),
        ("h.test:443", "h.test", False, False),
        ("h.test:x", "h.test:x", False, False),
        ("h.test:", "h.test:", False, False),
        ("h.test", "h.test", False, False),
    ],
)
def test_a_host_is_known_by_its_name_or_number(host: str, name: str, this_machine: bool, inner: bool) -> None:
    assert (without_port(host), is_this_machine(host), is_inner(host)) == (name, this_machine, inner)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("abcd.io", "auth.abcd.io", True),
        ("abc.io", "auth.abc.io", False),
        ("a.abcd.io", "b.abcd.io", True),
        ("a.co.uk", "b.co.uk", False),
        ("r.abc.co.uk", "t.abc.co.uk", True),
        ("a.b.c.test", "c.test", False),
        ("test", "a.test", False),
        ("10.1.0.1", "20.1.0.1", False),
        ("8.8.8.8", "9.8.8.8", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("localhost", "a.localhost", False),
    ],
)
def test_hosts_of_one_owner_are_siblings_or_one_below_the_other(one: str, other: str, expected: bool) -> None:
    assert related(one, other) is related(other, one) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("h.test/x", True), ("h:1/x", True), ("localhost/x", True), ("team/x", False), ("h.test", False), ("x", False)],
)
def test_a_name_has_a_registry_as_docker_decides_it(name: str, expected: bool) -> None:
    assert has_registry(name) is expected


def test_challenges_have_their_own_parameters_and_the_first_of_two_counts() -> None:
    assert parse_challenges(['x="0", Basic, Bearer a=1, A="2" ,, b = "c\\"d" Digest', "Other e=f, ="]) == (
        Challenge("basic", {}),
        Challenge("bearer", {"a": "1", "b": 'c"d'}),
        Challenge("digest", {}),
        Challenge("other", {"e": "f"}),
    )
    assert len(parse_challenges(["a " * 100])) == 64
