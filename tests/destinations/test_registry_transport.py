"""One request on its way: how often it is made, how long is waited, where it is led to, and what is made of its end."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import ClassVar

import pytest

from sysimage.destinations.registry import RegistrySession, SessionOptions
from sysimage.destinations.registry.connections import Pace, speaks_tls
from sysimage.destinations.registry.names import ImageReference
from sysimage.destinations.registry.replies import Reply
from sysimage.destinations.registry.transport import Slice, Transport, resolved
from sysimage.errors import RegistryError
from tests.destinations.registry_server import CERTIFICATE, Handler, Registry, running


@contextmanager
def transport(waits: list[float] | None = None, **options: object) -> Iterator[Transport]:
    settings = SessionOptions(**{"timeout": 5, "backoff": 0.25, **options})  # type: ignore[arg-type]
    with closing(Transport(settings, (waits if waits is not None else []).append)) as made:
        yield made


def get(registry: Registry) -> Reply:
    with transport() as made:
        return made.request("GET", f"http://{registry.address}/v2/web/tags/list", headers={})


def test_without_settings_a_registry_has_a_minute_for_each_step_and_four_attempts() -> None:
    assert SessionOptions() == SessionOptions(attempts=4, timeout=60, backoff=0.5, ca_file=None, connections=4)
    waits: list[float] = []
    with closing(Transport(None, waits.append)) as made:
        made.pause(0)
    assert waits == [0.5]


@pytest.mark.parametrize("faults", range(5))
@pytest.mark.parametrize("status", [500, 0])
def test_a_request_is_made_four_times_with_waits_that_double(registry: Registry, faults: int, status: int) -> None:
    registry.faults["GET"] = [status] * faults
    waits: list[float] = []
    with transport(waits) as made:
        if faults < 4:
            assert made.request("GET", f"http://{registry.address}/v2/web/tags/list", headers={}).status == 200
        elif status:
            assert made.request("GET", f"http://{registry.address}/v2/web/tags/list", headers={}).status == status
        else:
            with pytest.raises(RegistryError, match=rf"^cannot GET http://{registry.address}/v2/web/tags/list: ") as no:
                made.request("GET", f"http://{registry.address}/v2/web/tags/list?token=secret", headers={})
            assert no.value.hint is None
    assert waits == [0.25, 0.5, 1.0][:faults]
    assert registry.count("GET") == min(faults + 1, 4)


def test_a_request_that_must_not_be_repeated_is_made_once(registry: Registry) -> None:
    registry.faults["GET"] = [503, 503]
    with transport() as made:
        assert made.request("GET", f"http://{registry.address}/v2/", headers={}, again=False).status == 503
    assert registry.count("GET") == 1


@pytest.mark.parametrize(
    ("asked", "waited"), [(0, 0.25), (0.1, 0.25), (0.3, 0.3), (29, 29), (30, 30), (31, 30.0), (86400, 30.0)]
)
def test_a_pause_is_as_long_as_a_registry_asks_for_within_bounds(asked: float, waited: float) -> None:
    waits: list[float] = []
    with transport(waits) as made:
        made.pause(asked)
    assert waits == [waited]


class LeadsOn(Handler):
    """Redirects ``times`` from one number to the next, and answers with what it got in the end."""

    times: ClassVar[int] = 0
    status: ClassVar[int] = 307

    def route(self, path: str, query: dict[str, str], body: bytes) -> None:
        at = int(path[1:])
        if at < self.times:
            self.answer(self.status, b"to the next", Location=f"/{at + 1}")
        else:
            self.answer(200, self.command.encode() + b" " + body)


@pytest.mark.parametrize(("times", "follows"), [(0, True), (1, True), (5, True), (6, False)])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_five_times(times: int, follows: bool, status: int) -> None:
    with running(type("Leading", (LeadsOn,), {"times": times, "status": status})) as registry, transport() as made:
        url = f"http://{registry.address}/0"
        if not follows:
            with pytest.raises(RegistryError, match=rf"^cannot PUT {url}: it redirects again and again$"):
                made.request("PUT", url, headers={}, body=b"bytes")
            return
        reply = made.request("PUT", url, headers={}, body=b"bytes")
        assert (reply.status, reply.url) == (200, f"http://{registry.address}/{times}")
        assert reply.body == (b"GET " if status == 303 and times else b"PUT bytes")


def test_a_redirect_that_is_not_to_be_followed_is_the_answer_and_a_question_for_headers_stays_one() -> None:
    with running(type("Leading", (LeadsOn,), {"times": 1, "status": 303})) as registry, transport() as made:
        url = f"http://{registry.address}/0"
        assert made.request("PUT", url, headers={}, body=b"x", follows=False).status == 303
        assert made.request("HEAD", url, headers={}).status == 200
        assert registry.requests == ["PUT /0", "HEAD /0", "HEAD /1"]


def test_a_redirect_to_no_place_is_the_answer() -> None:
    class LeadsNowhere(Handler):
        def route(self, path: str, query: dict[str, str], body: bytes) -> None:
            self.answer(307)

    with running(LeadsNowhere) as registry:
        assert get(registry).status == 307


def test_credentials_go_to_the_addresses_that_may_have_them() -> None:
    with running(type("Leading", (LeadsOn,), {"times": 2})) as registry, transport() as made:
        made.request(
            "GET",
            f"http://{registry.address}/0",
            headers={},
            authorize=lambda url: None if url.endswith("1") else f"for {url[-1]}",
        )
        assert registry.authorizations == ["for 0", None, "for 2"]


class AnswersAtLength(Handler):
    length: ClassVar[int] = 0

    def route(self, path: str, query: dict[str, str], body: bytes) -> None:
        self.answer(200, bytes(self.length))


@pytest.mark.parametrize(("length", "is_read"), [(4 << 20, True), ((4 << 20) + 1, False)])
def test_an_answer_has_the_length_of_a_document_or_goes_to_a_sink(length: int, is_read: bool) -> None:
    with running(type("Long", (AnswersAtLength,), {"length": length})) as registry, transport() as made:
        url = f"http://{registry.address}/"
        got: list[tuple[int, bytes]] = []
        reply = made.request("GET", url, headers={}, sink=lambda status, piece: got.append((status, piece)))
        assert (reply.body, sum(len(piece) for _, piece in got)) == (b"", length)
        assert {status for status, _ in got} == {200}
        if is_read:
            assert len(made.request("GET", url, headers={}).body) == length
        else:
            with pytest.raises(RegistryError, match=rf"^cannot GET {url}: the answer is too long$"):
                made.request("GET", url, headers={})
            assert registry.count("GET") == 2, "it is not asked for again"


def test_what_a_registry_says_beside_bytes_goes_to_no_sink(registry: Registry) -> None:
    with transport() as made:
        got: list[bytes] = []
        url = f"http://{registry.address}/v2/web/manifests/1"
        reply = made.request("GET", url, headers={}, sink=lambda status, piece: got.append(piece))
        assert (reply.status, got) == (404, [])
        assert b"MANIFEST_UNKNOWN" in reply.body


def test_requests_after_each_other_take_one_connection() -> None:
    opened = []
    ended = threading.Event()

    class Counts(Handler):
        def setup(self) -> None:
            opened.append(self.client_address)
            super().setup()

        def finish(self) -> None:
            super().finish()
            ended.set()

    with running(Counts) as registry, transport(timeout=60) as made:
        for method in ("GET", "HEAD", "HEAD", "PUT", "GET"):
            made.request(method, f"http://{registry.address}/v2/web/tags/list", headers={}, body=None)
        made.request("GET", f"http://{registry.address}/v2/", headers={}, sink=lambda status, piece: None)
        assert len(opened) == 1
        assert not ended.is_set()
        made.close()
        assert ended.wait(20)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(5)
            assert not thread.is_alive(), "no limit of time is left over"


def test_a_program_says_what_it_is() -> None:
    seen: list[str | None] = []

    class Looks(Handler):
        def route(self, path: str, query: dict[str, str], body: bytes) -> None:
            seen.append(self.headers.get("User-Agent"))
            self.answer(200)

    with running(Looks) as registry:
        get(registry)
    assert (seen[0] or "").startswith("sysimage/")


def test_a_header_that_cannot_be_sent_is_an_error_that_does_not_show_it(registry: Registry) -> None:
    with transport() as made, pytest.raises(RegistryError, match=r": the request or the answer is malformed$") as no:
        made.request("GET", f"http://{registry.address}/", headers={"X": "secret\nsecret"})
    assert "secret" not in str(no.value)
    assert registry.requests == []


def test_a_registry_without_tls_is_the_hint(registry: Registry) -> None:
    with transport(attempts=1) as made, pytest.raises(RegistryError, match=r"^cannot GET https://") as caught:
        made.request("GET", f"https://{registry.address}/v2/", headers={})
    assert caught.value.hint == f"it does not speak TLS; say --plain-http {registry.address} if that is meant"


def test_a_certificate_of_an_unknown_authority_is_the_hint_and_a_known_one_is_trusted() -> None:
    with running(certificate=CERTIFICATE) as registry:
        url = f"https://{registry.address}/v2/web/tags/list"
        with transport(attempts=1) as made, pytest.raises(RegistryError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            made.request("GET", url, headers={})
        assert caught.value.hint == (
            "say --registry-ca FILE with the certificate of the authority that signed the registry's"
        )
        with transport(ca_file=CERTIFICATE) as made:
            assert made.request("GET", url, headers={}).status == 200


def test_this_machine_is_reached_as_it_answers(registry: Registry) -> None:
    with running(certificate=CERTIFICATE) as guarded:
        for address, secure in ((registry.address, False), (guarded.address, True)):
            assert speaks_tls(address) is secure
            reference = ImageReference.parse(f"{address}/web")
            scheme = "https" if secure else "http"
            assert RegistrySession(reference.repository).base == f"{scheme}://{address}/v2/web"
        plain = RegistrySession(ImageReference.parse(f"{guarded.address}/web").repository, plain_http=True)
        assert plain.base == f"http://{guarded.address}/v2/web"
    assert speaks_tls(guarded.address) is False, "nothing answers"
    assert speaks_tls("127.0.0.1:x") is False


def test_part_of_a_file_is_read_again_from_its_first_byte_and_counts_once() -> None:
    moved: list[int] = []
    part = Slice(io.BytesIO(b"0123456789"), 2, 5, moved.append)
    part.rewind()
    assert (part.read(3), part.read(9), part.read(9), part.size) == (b"234", b"56", b"", 5)
    part.rewind()
    assert sum(moved) == 0
    assert part.read() == b"23456"
    assert sum(moved) == 5
    part.forget()
    assert sum(moved) == 0
    rest = Slice(io.BytesIO(b"0123"), 1, 3)
    rest.rewind()
    assert rest.read(-1) == b"123"


def test_what_brings_a_thousand_bytes_a_second_moves() -> None:
    now = [0.0]
    for amount, moves in ((9999, False), (10_000, True)):
        pace = Pace(10, lambda: now[0])
        assert pace.moved(amount // 2)
        now[0] += 9.5
        assert pace.moved(0), "the time is not over"
        now[0] += 0.5
        assert pace.moved(amount - amount // 2) is moves
        now[0] += 9.5
        assert pace.moved(0), "the time begins again"
        now[0] += 0.5
        assert not pace.moved(0), "and so do the bytes"


@pytest.mark.parametrize(
    ("origin", "location", "url"),
    [
        ("http://a.test/v2/x", "/y", "http://a.test/y"),
        ("http://a.test/v2/x", "y?z=1", "http://a.test/v2/y?z=1"),
        ("http://a.test/", "http://b.test/", "http://b.test/"),
        ("http://a.test/", "https://b.test/", "https://b.test/"),
        ("https://a.test/", "https://b.test:1/x", "https://b.test:1/x"),
        ("https://a.test/", "http://a.test:80/x", "https://a.test/x"),
        ("https://a.test/", "//b.test/x", "https://b.test/x"),
        ("http://127.0.0.1/", "http://10.0.0.1/x", "http://10.0.0.1/x"),
        ("http://localhost/", "http://127.0.0.1:1/x", "http://127.0.0.1:1/x"),
    ],
)
def test_a_location_is_followed_from_where_it_was_given(origin: str, location: str, url: str) -> None:
    assert resolved(location, origin) == url


@pytest.mark.parametrize(
    ("origin", "location", "place"),
    [
        ("https://a.test/", "http://b.test/x", "http://b.test"),
        ("https://a.test/", "http://a.test:81/x", "http://a.test"),
        ("http://a.test/", "http://localhost/x", "http://localhost"),
        ("http://a.test/", "ftp://b.test/x", "ftp://b.test"),
        ("http://a.test/", "https:///x", "https://None"),
        ("http://a.test/", "http://me:secret@b.test/x", "http://b.test"),
        ("http://a.test/", "ftp://" + "b" * 300, "ftp://" + "b" * 194),
    ],
)
def test_a_location_that_is_not_safe_is_named_without_what_may_be_secret(
    origin: str, location: str, place: str
) -> None:
    with pytest.raises(RegistryError) as caught:
        resolved(location, f"{origin}?token=secret")
    assert caught.value.message == f"cannot follow {origin} to {place}: that is not safe"
