"""What the registries of this world do, each habit by a server of our own that behaves so: docs/registries.md."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sysimage.blobs import BlobDirectory
from sysimage.destinations.registry import (
    Credentials,
    PushTarget,
    RegistrySession,
    SessionOptions,
    fetch_manifest,
)
from sysimage.destinations.registry.challenges import parse_challenges
from sysimage.destinations.registry.replies import Reply
from sysimage.destinations.registry.transport import resolved
from sysimage.destinations.registry.upload import Uploader
from sysimage.errors import RegistryError
from tests.destinations.pushing import push_image
from tests.destinations.registry_server import Handler, Registry, running
from tests.destinations.test_registry import assert_holds, image_of

ME = Credentials("me", "s3cret")


def session_with(
    registry: Registry, credentials: Credentials | None = None, waits: list[float] | None = None, **options: Any
) -> tuple[RegistrySession, PushTarget]:
    target = PushTarget.parse(f"{registry.address}/team/web:1")
    settings = SessionOptions(**{"timeout": 5, "backoff": 0.01, **options})
    sleep = time.sleep if waits is None else waits.append
    return RegistrySession(target.repository, credentials, settings, sleep, actions="pull,push"), target


def push(
    registry: Registry, blobs: BlobDirectory, credentials: Credentials | None = None, **options: Any
) -> list[float]:
    waits: list[float] = []
    image = image_of(blobs, "a", "b")
    session, target = session_with(registry, credentials, waits, connections=options.pop("connections", 4))
    try:
        push_image(image, blobs, target, session, **options)
    finally:
        session.close()
    assert_holds(registry, image)
    return waits


class TakesNoLargeParts(Handler):
    """GitHub's: a part with a Content-Range may have 4 MiB, here 5000 bytes; a whole blob may have more."""

    def upload(self, query: dict[str, str], body: bytes, repository: str, number: str) -> None:
        if self.command == "PATCH" and len(body) > 5000:
            self.refuse(416, "REQUESTED_RANGE_NOT_SATISFIABLE")
        else:
            super().upload(query, body, repository, number)


def test_a_registry_that_takes_no_large_parts_gets_whole_blobs(blobs: BlobDirectory) -> None:
    with running(TakesNoLargeParts) as registry:
        image = image_of(blobs, "abcdefgh", "bcdefghi")
        assert all(layer.descriptor.size > 8000 for layer in image.layers)
        session, target = session_with(registry, None, [], connections=1)
        push_image(image, blobs, target, session, chunk=8000)
        assert_holds(registry, image)
        assert registry.count("PATCH") == 1, "what is refused once is not tried for the next blob"


class TakesNoParts(Handler):
    def upload(self, query: dict[str, str], body: bytes, repository: str, number: str) -> None:
        if self.command == "PATCH":
            self.refuse(405, "UNSUPPORTED")
        else:
            super().upload(query, body, repository, number)


def test_a_registry_that_takes_no_parts_gets_whole_blobs(blobs: BlobDirectory) -> None:
    with running(TakesNoParts) as registry:
        push(registry, blobs, chunk=2000)


class TakesSmallRequestsOnly(Handler):
    """A proxy in front with a bound on bodies: 413, here above 5 MiB."""

    def upload(self, query: dict[str, str], body: bytes, repository: str, number: str) -> None:
        if len(body) > 5 << 20:
            self.answer(413, b"<html>413 Request Entity Too Large</html>", Content_Type="text/html")
        else:
            super().upload(query, body, repository, number)


def test_a_proxy_that_bounds_requests_gets_smaller_parts(tmp_path: Path) -> None:
    data = bytes(9 << 20)
    own = BlobDirectory(tmp_path)
    descriptor = own.put(data, "application/octet-stream")
    with running(TakesSmallRequestsOnly) as registry:
        session, _ = session_with(registry)
        moved: list[int] = []
        assert Uploader(session).send(descriptor, lambda: own.path(descriptor.digest), moved.append)
        assert registry.blobs["team/web"] == {str(descriptor.digest): data}
        assert sum(moved) == len(data), "what was refused does not count as sent"
        assert registry.count("PATCH") == 2


class ForgetsWhereItStopped(Handler):
    """Amazon's: the range that it answers stays at the first part."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if "Range" in headers:
            headers["Range"] = "0-1999"
        super().answer(status, body, **headers)


def test_a_range_that_does_not_advance_stops_no_upload(blobs: BlobDirectory) -> None:
    with running(ForgetsWhereItStopped) as registry:
        registry.faults["PATCH"] = [None, None, 0]
        push(registry, blobs, chunk=2000, connections=1)


class AsksForLargeParts(Handler):
    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if self.command == "POST":
            headers["OCI-Chunk-Min-Length"] = "4000"
        super().answer(status, body, **headers)


def test_parts_are_as_long_as_a_registry_wants_them(blobs: BlobDirectory) -> None:
    with running(AsksForLargeParts) as registry:
        image = image_of(blobs, "abcdefgh")
        size = image.layers[0].descriptor.size
        session, target = session_with(registry)
        push_image(image, blobs, target, session, chunk=1000)
        assert_holds(registry, image)
        assert registry.count("PATCH") == (size - 1) // 4000


class HidesWhatIsNotThere(Handler):
    """GitHub's 403 and Quay's 401 for a repository that the first push makes."""

    status: ClassVar[int] = 403

    def refuse(self, status: int, code: str, detail: object = None) -> None:
        super().refuse(self.status if status == 404 and self.command in ("GET", "HEAD") else status, code, detail)


class HidesAsUnauthorized(HidesWhatIsNotThere):
    status = 401


@pytest.mark.parametrize("handler", [HidesWhatIsNotThere, HidesAsUnauthorized])
def test_a_new_repository_may_refuse_to_say_what_it_has(handler: type[Handler], blobs: BlobDirectory) -> None:
    with running(handler) as registry:
        push(registry, blobs)


class MakesNoRepository(Handler):
    """Amazon's: a repository has to be made first."""

    def begin(self, query: dict[str, str], body: bytes, repository: str) -> None:
        self.refuse(404, "NAME_UNKNOWN")


def test_a_repository_that_has_to_be_made_first_is_the_hint(blobs: BlobDirectory) -> None:
    with running(MakesNoRepository) as registry, pytest.raises(RegistryError, match="NAME_UNKNOWN") as caught:
        push(registry, blobs)
    assert caught.value.hint == "make the repository first: this registry does not make one for a push"
    assert registry.count("POST") <= 3, "each of the uploads is refused once, and not tried again"


class LetsNoTagBeMoved(Handler):
    def manifest(self, query: dict[str, str], body: bytes, repository: str, tag: str) -> None:
        if self.command == "PUT":
            message = "The image tag '1' already exists and cannot be overwritten because the repository is immutable."
            self.answer(400, json.dumps({"errors": [{"code": "TAG_INVALID", "message": message}]}).encode())
        else:
            super().manifest(query, body, repository, tag)


def test_a_tag_that_may_not_be_moved_is_the_hint(blobs: BlobDirectory) -> None:
    with running(LetsNoTagBeMoved) as registry, pytest.raises(RegistryError, match="TAG_INVALID") as caught:
        push(registry, blobs)
    assert "another tag" in (caught.value.hint or "")


class Asks(Handler):
    """Wants a password or a token, and says so in ``headers``, each of which is a header of its own."""

    headers_sent: ClassVar[tuple[str, ...]] = ()

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if status != 401:
            super().answer(status, body, **headers)
            return
        self.send_response(401)
        for text in self.headers_sent:
            self.send_header("WWW-Authenticate", text.replace("REGISTRY", self.registry.address))
        self.send_header("Content-Length", "0")
        self.end_headers()


BEARER = 'Bearer realm="http://REGISTRY/token",service="test",scope="repository:team/web:pull"'


@pytest.mark.parametrize(
    "headers",
    [
        (BEARER, 'Basic realm="registry"'),
        ('Basic realm="registry"', BEARER),
        (f'Basic realm="registry", {BEARER}',),
        (f"{BEARER}, Basic",),
        ('Negotiate, bearer realm = "http://REGISTRY/token" , service=test',),
    ],
    ids=["two headers", "two headers, basic first", "one header", "basic without realm", "other forms"],
)
def test_a_token_is_asked_for_whatever_else_would_do(headers: tuple[str, ...], blobs: BlobDirectory) -> None:
    with running(type("Asking", (Asks,), {"headers_sent": headers})) as registry:
        registry.password = "s3cret"
        push(registry, blobs, ME)
        assert sum("/token" in line for line in registry.requests) == 1


class WantsBasic(Asks):
    headers_sent = ('Basic realm="Amazon, of \\"ECR\\""',)

    def route(self, path: str, query: dict[str, str], body: bytes) -> None:
        if self.headers.get("Authorization") == ME.basic():
            super().route(path, query, body)
        else:
            self.answer(401)


def test_a_registry_that_wants_the_password_itself_gets_it(blobs: BlobDirectory) -> None:
    with running(WantsBasic) as registry:
        push(registry, blobs, ME)


def test_challenges_are_read_as_the_standard_writes_them() -> None:
    (basic, bearer) = parse_challenges(['Basic realm="a, b=\\"c\\"", Bearer realm="https://x/?a=1,2",scope="s t"'])
    assert (basic.scheme, dict(basic.parameters)) == ("basic", {"realm": 'a, b="c"'})
    assert (bearer.scheme, dict(bearer.parameters)) == ("bearer", {"realm": "https://x/?a=1,2", "scope": "s t"})
    for text in (
        "",
        ",,,",
        "=",
        '"',
        'Bearer realm="',
        "Bearer" * 10000,
        "€ €",
        'a="b"',
        "Bearer realm=" + "x=" * 9999,
    ):
        parse_challenges([text])


class TokensBehindAQuery(Asks):
    headers_sent = ('Bearer realm="http://REGISTRY/token?account=1&x=%20",service="test"',)


def test_a_realm_keeps_its_query(blobs: BlobDirectory) -> None:
    with running(TokensBehindAQuery) as registry:
        registry.password = "s3cret"
        push(registry, blobs, ME)
        assert "GET /token?account=1&x=+&service=test&scope=repository%3Ateam%2Fweb%3Apull%2Cpush" in registry.requests


class TokensAreBusy(Asks):
    headers_sent = (BEARER,)
    statuses: ClassVar[list[int]] = []

    def give_token(self) -> None:
        if self.statuses:
            Handler.answer(self, self.statuses.pop(0), Retry_After="3")
        else:
            super().give_token()


def test_a_busy_token_service_is_waited_for(blobs: BlobDirectory) -> None:
    with running(type("Busy", (TokensAreBusy,), {"statuses": [429, 503]})) as registry:
        registry.password = "s3cret"
        assert push(registry, blobs, ME) == [3.0, 3.0]


class KnowsNoScopesButItsOwn(Asks):
    headers_sent = (BEARER,)

    def give_token(self) -> None:
        if "push" in self.path:
            Handler.answer(self, 403)
        else:
            super().give_token()


def test_a_token_service_that_refuses_more_is_asked_for_what_the_registry_wants(blobs: BlobDirectory) -> None:
    with running(KnowsNoScopesButItsOwn) as registry:
        registry.password = "s3cret"
        push(registry, blobs, ME)


@pytest.mark.parametrize("token", ["line\nend", "a b", "€", "\x1b[31m", "", 1, None])
def test_a_token_that_no_header_can_hold_is_an_error_that_does_not_show_it(token: object, blobs: BlobDirectory) -> None:
    class GivesNonsense(Asks):
        headers_sent = (BEARER,)

        def give_token(self) -> None:
            Handler.answer(self, 200, json.dumps({"token": token}).encode())

    with running(GivesNonsense) as registry:
        registry.password = "s3cret"
        with pytest.raises(RegistryError, match=r"token service gives no (valid )?token") as caught:
            push(registry, blobs, ME)
        assert not isinstance(token, str) or not token or token not in str(caught.value)


class ExchangesIdentityTokens(Asks):
    """Azure's: an identity token goes into the body of a POST."""

    headers_sent = (BEARER,)

    def give_token(self) -> None:
        Handler.answer(self, 200 if self.command == "POST" else 401, b'{"access_token": "good"}')


def test_an_identity_token_is_exchanged_at_the_token_service(blobs: BlobDirectory) -> None:
    with running(ExchangesIdentityTokens) as registry:
        registry.password = "s3cret"
        push(registry, blobs, Credentials("", "", "refresh"))


def test_an_identity_token_follows_no_redirect(blobs: BlobDirectory) -> None:
    with running() as thief:

        class SendsElsewhere(Asks):
            headers_sent = (BEARER,)

            def give_token(self) -> None:
                Handler.answer(self, 307, Location=f"http://{thief.address}/token")

        with running(SendsElsewhere) as registry:
            registry.password = thief.password = "s3cret"
            for secret in (Credentials("", "", "refresh"), ME):
                with pytest.raises(RegistryError, match="gives no token"):
                    push(registry, blobs, secret)
        assert set(thief.authorizations) <= {None}
        assert thief.count("POST") == 0


class SendsNowhere(Handler):
    def begin(self, query: dict[str, str], body: bytes, repository: str) -> None:
        self.answer(202, Location="http://[bad")


def test_a_location_without_an_address_is_an_error(blobs: BlobDirectory) -> None:
    with running(SendsNowhere) as registry, pytest.raises(RegistryError, match="sends to a malformed address"):
        push(registry, blobs)


@pytest.mark.parametrize(
    ("retry_after", "date", "seconds"),
    [
        ("120", "", 120.0),
        ("Sun, 06 Nov 1994 08:50:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", 60.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:37 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:50:37 GMT", "", 0.0),
        ("²", "", 0.0),
        ("-1", "", 0.0),
        ("1e9", "", 0.0),
        ("9" * 5000, "", 0.0),
        ("Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:37 GMT", 0.0),
    ],
)
def test_both_forms_of_a_wait_are_understood_and_nonsense_is_not_a_wait(
    retry_after: str, date: str, seconds: float
) -> None:
    assert Reply(503, {"retry-after": retry_after, "date": date}, b"", "http://h.test/").wait == seconds


class SaysWhatTerminalsObey(Handler):
    def begin(self, query: dict[str, str], body: bytes, repository: str) -> None:
        error = {"code": "DENIED\x1b[2J", "message": "no\nsysimage: all is well\x07"}
        self.answer(403, json.dumps({"errors": [error]}).encode())


def test_a_registrys_words_are_printed_as_text(blobs: BlobDirectory) -> None:
    with running(SaysWhatTerminalsObey) as registry, pytest.raises(RegistryError, match="DENIED") as caught:
        push(registry, blobs)
    assert str(caught.value).isprintable()


class AnswersDeeply(Handler):
    body: ClassVar[bytes] = b"[" * 200_000

    def manifest(self, query: dict[str, str], body: bytes, repository: str, tag: str) -> None:
        if self.command == "GET":
            self.answer(200, self.body)
        else:
            super().manifest(query, body, repository, tag)


class RefusesDeeply(AnswersDeeply):
    body = b'{"errors": ' * 200_000

    def begin(self, query: dict[str, str], body: bytes, repository: str) -> None:
        self.answer(403, self.body)


def test_documents_without_bounds_are_not_documents(blobs: BlobDirectory) -> None:
    with running(AnswersDeeply) as registry:
        session, _ = session_with(registry)
        with pytest.raises(RegistryError, match="is not a manifest"):
            fetch_manifest(session, "1")
    with running(RefusesDeeply) as registry, pytest.raises(RegistryError, match="status 403"):
        push(registry, blobs)
    with running(type("Long", (AnswersDeeply,), {"body": b" " * (5 << 20)})) as registry:
        session, _ = session_with(registry)
        with pytest.raises(RegistryError, match="the answer is too long"):
            fetch_manifest(session, "1")


class Trickles(Handler):
    """Sends a byte now and then, of its headers or of its body, and never an end."""

    of_headers: ClassVar[bool] = False

    def manifest(self, query: dict[str, str], body: bytes, repository: str, tag: str) -> None:
        if not self.of_headers:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        else:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        self.trickle()


@pytest.mark.parametrize("of_headers", [False, True], ids=["body", "headers"])
def test_an_answer_that_hardly_moves_is_given_up(of_headers: bool) -> None:
    with running(type("Slow", (Trickles,), {"of_headers": of_headers})) as registry:
        session, _ = session_with(registry, timeout=0.3, attempts=2)
        with pytest.raises(RegistryError, match="cannot GET"):
            fetch_manifest(session, "1")
        assert registry.count("GET") == 2


class KeepsBlobsElsewhere(Handler):
    """Whether a blob is there is answered by a redirect to storage that knows only downloads."""

    def blob(self, query: dict[str, str], body: bytes, repository: str, digest: str) -> None:
        if digest in self.registry.blobs.get(repository, {}):
            port = self.registry.address.rpartition(":")[2]
            self.answer(307, Location=f"http://localhost:{port}/storage/{digest}")
        else:
            super().blob(query, body, repository, digest)

    def route(self, path: str, query: dict[str, str], body: bytes) -> None:
        if path.startswith("/storage/"):
            assert self.headers.get("Authorization") is None
            self.answer(403)
        else:
            super().route(path, query, body)


def test_a_redirect_to_storage_says_that_a_blob_is_there(blobs: BlobDirectory) -> None:
    with running(KeepsBlobsElsewhere) as registry:
        image = image_of(blobs, "a")
        registry.blobs["team/web"] = {str(d.digest): blobs.read(d) for d in [image.layers[0].descriptor]}
        session, _ = session_with(registry)
        assert Uploader(session).has(image.layers[0].descriptor)
        assert not Uploader(session).has(image.config.descriptor)


class EndsNoUpload(Handler):
    """Hangs up where an upload is to be given up."""

    def upload(self, query: dict[str, str], body: bytes, repository: str, number: str) -> None:
        if self.command == "DELETE":
            self.close_connection = True
            self.connection.close()
        else:
            super().upload(query, body, repository, number)


def test_an_upload_that_cannot_be_given_up_stops_no_trial() -> None:
    with running(EndsNoUpload) as registry:
        session, _ = session_with(registry)
        Uploader(session).try_out()
        assert registry.count("DELETE") == 1


class MountsNothing(Handler):
    def begin(self, query: dict[str, str], body: bytes, repository: str) -> None:
        if "mount" in query:
            self.refuse(403, "DENIED")
        else:
            super().begin(query, body, repository)


def test_a_mount_that_is_refused_becomes_an_upload(blobs: BlobDirectory) -> None:
    with running(MountsNothing) as registry:
        push(registry, blobs, mount_from=["team/base"])


class AnswersInItsOwnWay(Handler):
    """Old registries: 200 or 202 where the specification says 201, and relative locations."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        super().answer({201: 200}.get(status, status), body, **headers)


def test_other_statuses_of_success_are_success(blobs: BlobDirectory) -> None:
    with running(AnswersInItsOwnWay) as registry:
        push(registry, blobs)


class ChangesManifests(Handler):
    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if "/manifests/" in self.path and "Docker_Content_Digest" in headers:
            headers["Docker_Content_Digest"] = "sha256:" + "0" * 64
        super().answer(status, body, **headers)


def test_a_registry_that_stores_another_manifest_is_an_error(blobs: BlobDirectory) -> None:
    with running(ChangesManifests) as registry, pytest.raises(RegistryError, match="stored another manifest"):
        push(registry, blobs)


def test_a_location_without_tls_at_the_same_host_is_followed_with_tls() -> None:
    origin = "https://h.test:8443/v2/team/web/blobs/uploads/"
    assert resolved("http://h.test:8443/v2/x?a=1", origin) == "https://h.test:8443/v2/x?a=1"
    assert resolved("http://h.test/v2/x", origin) == "https://h.test:8443/v2/x"
    assert resolved("/v2/y", origin) == "https://h.test:8443/v2/y"


def test_every_habit_of_the_page_has_a_test_here() -> None:
    page = (Path(__file__).parents[2] / "docs/registries.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and "`test_" in line]
    named = {name for line in rows for name in re.findall(r"`(test_\w+)`", line)}
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_registry_*.py"))
    assert len(rows) > 20
    assert sorted(name for name in named if f"def {name}(" not in tests) == []
