"""Registries, and what is before them, that answer in ways that no page documents: each ends well, or in an error
that is true. What known ones do is in `test_registry_habits`."""

from __future__ import annotations

import gzip
import json
import socket
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sysimage.blobs import BlobDirectory, Descriptor, media_types
from sysimage.destinations.registry import fetch_manifest
from sysimage.destinations.registry.download import download_blob
from sysimage.destinations.registry.referrers import list_referrers
from sysimage.destinations.registry.replies import parse_json
from sysimage.destinations.registry.tags import list_tags
from sysimage.destinations.registry.upload import Uploader
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, RegistryError
from tests.destinations.pushing import push_image
from tests.destinations.registry_server import Handler, Registry, running
from tests.destinations.test_registry import assert_holds, image_of
from tests.destinations.test_registry_habits import BEARER, ME, Asks, push, session_with


def part_of(path: str) -> bool:
    return "/blobs/uploads/" in path


class SaysOtherRanges(Handler):
    """Answers with another end of what it has, in ``form``, off by ``off``."""

    form: ClassVar[str] = "0-{}"
    off: ClassVar[int] = 0

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if "Range" in headers:
            headers["Range"] = self.form.format(int(headers["Range"].partition("-")[2]) + self.off)
        super().answer(status, body, **headers)


@pytest.mark.parametrize(
    ("form", "off"),
    [("0-{}", 1), ("0-{}", -1), ("0-{}", 10**9), ("bytes=0-{}", 0), ("bytes 0-{}/*", 0), ("{}", 0), ("-{}", 0)],
)
@pytest.mark.parametrize("fault", [0, 503, 429, 400])
def test_an_upload_that_broke_goes_on_or_begins_again_whatever_range_is_answered(
    form: str, off: int, fault: int, blobs: BlobDirectory
) -> None:
    with running(type("Odd", (SaysOtherRanges,), {"form": form, "off": off})) as registry:
        registry.faults["PATCH"] = [None, fault]
        registry.keeps_of_broken = 700
        push(registry, blobs, chunk=2000, connections=1)


class SaysNoMoreLocations(Handler):
    """Says where an upload is only when it begins."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if self.command != "POST":
            headers.pop("Location", None)
        super().answer(status, body, **headers)


def test_a_location_that_is_given_once_stays(blobs: BlobDirectory) -> None:
    with running(SaysNoMoreLocations) as registry:
        push(registry, blobs, chunk=500, connections=1)
        assert registry.count("GET") == 1, "no part has to be asked about"


class AnswersNoQuestions(Handler):
    """Takes no parts, and cannot be asked where an upload stopped."""

    status: ClassVar[int] = 413

    def upload(self, query: dict[str, str], body: bytes, repository: str, number: str) -> None:
        if self.command == "GET":
            self.answer(405)
        elif self.command == "PATCH":
            self.answer(self.status)
        else:
            super().upload(query, body, repository, number)


@pytest.mark.parametrize("status", [400, 404, 405, 411, 415, 416, 422, 501])
def test_a_registry_that_takes_no_parts_and_no_question_gets_whole_blobs(status: int, blobs: BlobDirectory) -> None:
    with running(type("Mute", (AnswersNoQuestions,), {"status": status})) as registry:
        push(registry, blobs, chunk=2000, connections=1)


def test_a_bound_on_requests_that_no_part_keeps_is_the_error(blobs: BlobDirectory) -> None:
    with running(AnswersNoQuestions) as registry, pytest.raises(RegistryError, match="status 413") as caught:
        push(registry, blobs, chunk=2000, connections=1)
    assert "bounds the size of a request" in (caught.value.hint or "")


class HangsUpOnLargeRequests(Handler):
    """A proxy that answers 413 to the length alone and hangs up: the answer is lost with the connection."""

    most: ClassVar[int] = 5 << 20

    def handle_any(self) -> None:
        if int(self.headers.get("Content-Length") or 0) <= self.most:
            super().handle_any()
            return
        with self.registry.lock:
            self.registry.requests.append(f"{self.command} {self.path}")
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815


def test_a_proxy_that_hangs_up_on_large_requests_gets_smaller_ones(tmp_path: Path) -> None:
    data = bytes(9 << 20)
    own = BlobDirectory(tmp_path)
    descriptor = own.put(data, "application/octet-stream")
    with running(HangsUpOnLargeRequests) as registry:
        session, _ = session_with(registry)
        assert Uploader(session).send(descriptor, lambda: own.path(descriptor.digest))
        assert registry.blobs["team/web"] == {str(descriptor.digest): data}
        assert registry.count("PATCH") == 2


class HidesEveryBlob(Handler):
    status: ClassVar[int] = 401

    def blob(self, query: dict[str, str], body: bytes, repository: str, digest: str) -> None:
        if self.command == "HEAD":
            self.answer(self.status)
        else:
            super().blob(query, body, repository, digest)


@pytest.mark.parametrize("status", [400, 401, 403, 405, 406, 410, 501])
def test_a_registry_that_does_not_say_what_it_has_is_asked_once(status: int, blobs: BlobDirectory) -> None:
    with running(type("Hiding", (HidesEveryBlob,), {"status": status})) as registry:
        push(registry, blobs, connections=1)
        assert registry.count("HEAD") == 1


class IsBusyOnce(Handler):
    """Each kind of request is answered with ``status`` the first time."""

    status: ClassVar[int] = 429

    def handle_any(self) -> None:
        kind = f"{self.command} {part_of(self.path)}"
        with self.registry.lock:
            is_first = kind not in self.registry.media_types
            self.registry.media_types.setdefault(kind, "")
        if not is_first:
            super().handle_any()
            return
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(self.status, Retry_After="7")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_every_kind_of_request_waits_as_long_as_a_busy_registry_asks_for(status: int, blobs: BlobDirectory) -> None:
    with running(type("Busy", (IsBusyOnce,), {"status": status})) as registry:
        waits = push(registry, blobs, chunk=3000, connections=1)
        # A question for the tag, one for a blob, the beginning, a part, where it stopped, the end, the manifest.
        assert waits == [7.0] * 7


@pytest.mark.parametrize("wanted", ["0", "-5", "1.5", "99999999999", "Thu, 01 Jan 1970 00:00:00 GMT", "soon", ""])
def test_a_wait_is_neither_less_than_ours_nor_for_ever(wanted: str, blobs: BlobDirectory) -> None:
    with running() as registry:
        registry.faults["GET"] = [503]
        registry.retry_after = wanted
        (waited,) = push(registry, blobs)
        assert 0.01 <= waited <= 30.0


class Redirects(Handler):
    """Sends each upload to ``elsewhere`` when its bytes come."""

    status: ClassVar[int] = 307
    elsewhere: ClassVar[Registry]

    def upload(self, query: dict[str, str], body: bytes, repository: str, number: str) -> None:
        if self.command in ("PATCH", "PUT"):
            self.elsewhere.uploads.setdefault(number, b"")
            self.answer(self.status, Location=f"http://{self.elsewhere.address}{self.path}")
        else:
            super().upload(query, body, repository, number)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_bytes_follow_a_redirect_and_credentials_do_not(status: int, blobs: BlobDirectory) -> None:
    with running() as storage, running(type("To", (Redirects,), {"status": status, "elsewhere": storage})) as registry:
        registry.password = "s3cret"
        image = image_of(blobs, "a")
        layer = image.layers[0].descriptor
        session, _ = session_with(registry, ME)
        moved: list[int] = []
        assert Uploader(session, chunk=1500).send(layer, lambda: blobs.path(layer.digest), moved.append)
        assert storage.blobs["team/web"] == {str(layer.digest): blobs.read(layer)}
        assert sum(moved) == layer.size, "what a redirect did not take is not counted"
        assert set(storage.authorizations) == {None}
        assert registry.count("PATCH") == 1, "the upload goes on where it was sent to"


class SaysSuccessToEverything(Handler):
    """A page to log in at, as networks of hotels have it."""

    def handle_any(self) -> None:
        with self.registry.lock:
            self.registry.requests.append(f"{self.command} {self.path}")
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(200, b"<html>Welcome</html>", Content_Type="text/html")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815


def test_a_page_that_answers_everything_with_success_has_stored_nothing(blobs: BlobDirectory) -> None:
    with running(SaysSuccessToEverything) as registry, pytest.raises(RegistryError, match="is not a manifest"):
        push(registry, blobs)
    with running(SaysSuccessToEverything) as registry:
        session, _ = session_with(registry)
        with pytest.raises(RegistryError, match="is not a JSON object"):
            list_tags(session)
        with pytest.raises(RegistryError, match="status 200"):
            Uploader(session).try_out()


class StoresNoManifest(Handler):
    """Says that a manifest is stored, and has none."""

    def manifest(self, query: dict[str, str], body: bytes, repository: str, tag: str) -> None:
        self.answer(202) if self.command == "PUT" else super().manifest(query, body, repository, tag)


def test_a_manifest_that_is_not_there_afterwards_is_an_error(blobs: BlobDirectory) -> None:
    with running(StoresNoManifest) as registry, pytest.raises(RegistryError, match="stores no manifests"):
        push(registry, blobs)


class AnswersNothing(Handler):
    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        super().answer(status, b"", **headers)


def test_an_empty_answer_is_not_a_document(blobs: BlobDirectory) -> None:
    with running(AnswersNothing) as registry:
        push(registry, blobs)
        session, _ = session_with(registry)
        with pytest.raises(RegistryError, match="is not a manifest"):
            fetch_manifest(session, "1")
        with pytest.raises(RegistryError, match="is not a JSON object"):
            list_tags(session)


class Compresses(Handler):
    """Something in between compresses documents without being asked to."""

    encoding: ClassVar[str] = "gzip"

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if "/blobs/" not in self.path and body:
            super().answer(status, gzip.compress(body), **headers, Content_Encoding=self.encoding)
        else:
            super().answer(status, body, **headers)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_documents_that_come_compressed_are_read(encoding: str, blobs: BlobDirectory) -> None:
    with running(type("Packed", (Compresses,), {"encoding": encoding})) as registry:
        push(registry, blobs)
        session, _ = session_with(registry)
        found = fetch_manifest(session, "1")
        assert found is not None
        assert found.data == registry.manifests["team/web:1"]
        assert list_tags(session) == ("1",)


def test_a_body_that_is_compressed_in_name_only_or_without_an_end_is_not_a_document() -> None:
    class Lies(Handler):
        body: ClassVar[bytes]

        def route(self, path: str, query: dict[str, str], body: bytes) -> None:
            self.answer(200, self.body, Content_Encoding="gzip")

    for body in (b"\x1f\x8b and more", gzip.compress(bytes(64 << 20)), b""):
        with running(type("Lying", (Lies,), {"body": body})) as registry:
            session, _ = session_with(registry)
            with pytest.raises(RegistryError, match="is not a manifest"):
                fetch_manifest(session, "1")


class SpeaksAnOldProtocol(Handler):
    """HTTP/1.0: a connection for each request."""

    protocol_version = "HTTP/1.0"


def test_a_registry_that_keeps_no_connection_is_a_registry(blobs: BlobDirectory) -> None:
    with running(SpeaksAnOldProtocol) as registry:
        push(registry, blobs, chunk=2000)


class WritesHeadersInItsOwnWay(Handler):
    """Names in other case, and values over several lines."""

    def send_header(self, keyword: str, value: str) -> None:
        if keyword.lower() == "www-authenticate":
            value = value.replace(",", ",\r\n\t")
        super().send_header(keyword.swapcase(), value)


def test_headers_in_any_case_and_over_several_lines_are_read(blobs: BlobDirectory) -> None:
    with running(WritesHeadersInItsOwnWay) as registry:
        registry.password = "s3cret"
        push(registry, blobs, ME, chunk=2000)


class SaysDigestsTwice(Handler):
    digests: ClassVar[str] = "{0}, {0}"

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if "Docker_Content_Digest" in headers:
            headers["Docker_Content_Digest"] = self.digests.format(headers["Docker_Content_Digest"])
        super().answer(status, body, **headers)


@pytest.mark.parametrize("digests", ["{0}, {0}", "", " {0} "])
def test_a_digest_that_is_sent_twice_or_empty_is_no_other_digest(digests: str, blobs: BlobDirectory) -> None:
    with running(type("Twice", (SaysDigestsTwice,), {"digests": digests})) as registry:
        push(registry, blobs)


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "good"},
        {"access_token": "good", "expires_in": 0},
        {"token": "good", "expires_in": -1, "issued_at": "never"},
        {"token": None, "access_token": "good", "expires_in": "soon"},
    ],
)
def test_a_token_counts_whatever_its_end_is(answer: dict[str, Any], blobs: BlobDirectory) -> None:
    class Gives(Asks):
        headers_sent = (BEARER,)

        def give_token(self) -> None:
            Handler.answer(self, 200, json.dumps(answer).encode())

    with running(Gives) as registry:
        registry.password = "s3cret"
        push(registry, blobs, ME)


class EndsTokens(Asks):
    """Each token is good for some requests, then for none."""

    headers_sent = (BEARER,)
    good_for: ClassVar[int] = 3

    def handle_any(self) -> None:
        registry = self.registry
        if self.headers.get("Authorization") == "Bearer good":
            with registry.lock:
                used = int(registry.media_types.get("used", "0")) + 1
                registry.media_types["used"] = str(0 if used > self.good_for else used)
            if used > self.good_for:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.answer(401)
                return
        super().handle_any()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815


def test_a_token_that_ends_in_the_middle_of_an_upload_is_renewed(blobs: BlobDirectory) -> None:
    with running(EndsTokens) as registry:
        registry.password = "s3cret"
        push(registry, blobs, ME, chunk=2000, connections=1)


class CountsRangesOtherwise(Handler):
    """Storage that breaks a download half way, and then ``does`` something else than to go on there."""

    does: ClassVar[str] = ""

    def blob(self, query: dict[str, str], body: bytes, repository: str, digest: str) -> None:
        found = self.registry.blobs.get(repository, {}).get(digest)
        if self.command != "GET" or found is None:
            super().blob(query, body, repository, digest)
            return
        asked = self.headers.get("Range")
        if asked is None and f"GET {self.path}" not in self.registry.requests[:-1]:
            self.send_response(200)
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found[: len(found) // 2])
            self.close_connection = True
        elif asked is None:
            self.answer(200, found)
        elif self.does.isdigit():
            self.answer(int(self.does))
        else:
            self.answer(206, found[max(0, len(found) // 2 + int(self.does)) :])


def blob_of(blobs: BlobDirectory) -> tuple[Descriptor, bytes]:
    layer = image_of(blobs, "a").layers[0].descriptor
    return layer, blobs.read(layer)


@pytest.mark.parametrize("does", ["400", "403", "404", "416", "501", "-1", "+1", "-100000", "+0"])
def test_a_download_that_broke_is_whole_and_right_whatever_follows(
    does: str, blobs: BlobDirectory, tmp_path: Path
) -> None:
    descriptor, data = blob_of(blobs)
    with running(type("Odd", (CountsRangesOtherwise,), {"does": does})) as registry:
        registry.blobs["team/web"] = {str(descriptor.digest): data}
        session, _ = session_with(registry)
        moved: list[int] = []
        into = BlobDirectory(tmp_path / "into")
        download_blob(session, descriptor, into, moved.append)
        assert into.read(descriptor) == data
        assert sum(moved) == descriptor.size


def test_wrong_bytes_are_asked_for_once(blobs: BlobDirectory, tmp_path: Path) -> None:
    descriptor, data = blob_of(blobs)
    with running() as registry:
        registry.blobs["team/web"] = {str(descriptor.digest): bytes(len(data))}
        session, _ = session_with(registry)
        with pytest.raises(IntegrityError, match="the registry's bytes hash to"):
            download_blob(session, descriptor, BlobDirectory(tmp_path / "into"))
        assert registry.count("GET") == 1


class BeginsAnUploadInstead(Handler):
    """What another repository has is not mounted: 202, with an upload."""

    def begin(self, query: dict[str, str], body: bytes, repository: str) -> None:
        super().begin({}, body, repository)


def test_an_upload_that_a_registry_begins_instead_of_a_mount_is_used(blobs: BlobDirectory) -> None:
    with running(BeginsAnUploadInstead) as registry:
        push(registry, blobs, mount_from=["team/base"])
        assert registry.count("POST") == 3, "one for each blob"
        assert registry.uploads == {}, "none is left behind"


class KnowsNoReferrers(Handler):
    """The question what refers to an image is answered in ``status``, or with a page for browsers."""

    status: ClassVar[int] = 404

    def route(self, path: str, query: dict[str, str], body: bytes) -> None:
        if "/referrers/" in path:
            self.answer(self.status, b"<html>not here</html>", Content_Type="text/html")
        else:
            super().route(path, query, body)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 405, 406, 501])
def test_a_registry_that_knows_no_referrers_has_them_in_an_index(status: int) -> None:
    subject, own = Digest.of(b"an image"), Digest.of(b"its signature")
    entry = {"mediaType": media_types.MANIFEST, "digest": str(own), "size": 13}
    index = {"schemaVersion": 2, "mediaType": media_types.INDEX, "manifests": [entry]}
    with running(type("Old", (KnowsNoReferrers,), {"status": status})) as registry:
        session, _ = session_with(registry)
        assert list_referrers(session, subject) == ()
        registry.manifests[f"team/web:{subject}".replace("sha256:", "sha256-")] = json.dumps(index).encode()
        assert [one.digest for one in list_referrers(session, subject)] == [own]


def test_a_registry_that_knows_referrers_is_asked_for_all_pages_and_no_index() -> None:
    with running() as registry:
        registry.lists_referrers = True
        subject = Digest.of(b"an image")
        named = []
        for kind in ("signature", "sbom", "note"):
            body = json.dumps({"kind": kind, "subject": {"digest": str(subject)}}).encode()
            named.append(Digest.of(body))
            registry.manifests[f"team/web:{named[-1]}"] = body
            registry.media_types[str(named[-1])] = media_types.MANIFEST
        session, _ = session_with(registry)
        assert [one.digest for one in list_referrers(session, subject)] == named
        assert not any("/manifests/" in request for request in registry.requests)


def test_a_document_is_read_however_many_texts_it_holds_and_not_if_it_is_nested_too_deep() -> None:
    assert parse_json(json.dumps({"tags": ["[{"] * 1000}).encode()) == {"tags": ["[{"] * 1000}
    assert parse_json(b"[" * 64 + b"]" * 64) is not None
    assert parse_json(b"[" * 65 + b"]" * 65) is None


def test_tags_are_sorted_whatever_pages_they_come_in() -> None:
    class ListsByDate(Handler):
        def route(self, path: str, query: dict[str, str], body: bytes) -> None:
            pages = [[f"v{number}" for number in range(first, 0, -3)] for first in (30, 29, 28)]
            at = int(query.get("at", 0))
            more = {"Link": f'<{path}?at={at + 1}>; rel="next"'} if pages[at + 1 :] else {}
            self.answer(200, json.dumps({"tags": pages[at]}).encode(), **more)

    with running(ListsByDate) as registry:
        session, _ = session_with(registry)
        assert list_tags(session) == tuple(sorted(f"v{number}" for number in range(1, 31)))


def test_a_list_of_tags_without_tags_is_empty() -> None:
    class HasNoTags(Handler):
        def route(self, path: str, query: dict[str, str], body: bytes) -> None:
            self.answer(200, b'{"name": "team/web", "tags": null}')

    with running(HasNoTags) as registry:
        session, _ = session_with(registry)
        assert list_tags(session) == ()


class SendsAByteASecond(Handler):
    """Blobs come byte by byte, in the test faster than in life, and each time go on from where they were broken off."""

    def blob(self, query: dict[str, str], body: bytes, repository: str, digest: str) -> None:
        if self.command != "GET":
            super().blob(query, body, repository, digest)
            return
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.trickle()


def test_a_blob_that_hardly_moves_is_given_up(blobs: BlobDirectory, tmp_path: Path) -> None:
    large = replace(blob_of(blobs)[0], size=100_000)
    with running(SendsAByteASecond) as registry:
        session, _ = session_with(registry, timeout=0.2, attempts=1)
        with pytest.raises(RegistryError, match="cannot GET"):
            download_blob(session, large, BlobDirectory(tmp_path / "into"))
        assert registry.count("GET") == 4


def test_an_image_of_two_layers_goes_through_all_of_it_at_once(blobs: BlobDirectory) -> None:
    everything = (SpeaksAnOldProtocol, WritesHeadersInItsOwnWay, SaysNoMoreLocations, Compresses, SaysDigestsTwice)
    with running(type("Worst", everything, {})) as registry:
        registry.password = "s3cret"
        image = image_of(blobs, "a", "b")
        session, target = session_with(registry, ME, [])
        push_image(image, blobs, target, session, chunk=900)
        assert_holds(registry, image)
