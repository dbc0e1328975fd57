"""Logging in: what a token service is asked, which secret it gets, and what is reported where it gives no token."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

import pytest

from sysimage.destinations.registry import Credentials, PushTarget, RegistrySession, SessionOptions
from sysimage.destinations.registry.replies import RefusedError
from sysimage.errors import RegistryError
from tests.destinations.registry_server import Handler, Registry, running

ME = Credentials("me", "s3cret")
LOG_IN_AGAIN = "log in again, with docker login or podman login"


class Wants(Handler):
    """Wants a token, and says so in ``challenge``; its token service answers with ``statuses``, then with a token."""

    challenge: ClassVar[str] = 'Bearer realm="http://{0}/token"'
    statuses: ClassVar[list[int]] = []
    bodies: ClassVar[list[str]] = []

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if status == 401 and not self.path.startswith("/token"):
            headers["WWW_Authenticate"] = self.challenge.format(self.registry.address)
        super().answer(status, body, **headers)

    def give_token(self) -> None:
        if self.statuses:
            self.answer(self.statuses.pop(0))
        else:
            self.answer(200, json.dumps({"token": "good"}).encode())


class Exchanges(Wants):
    """Notes what is posted to its token service."""

    def handle_any(self) -> None:
        if self.command == "POST":
            with self.registry.lock:
                self.registry.requests.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.bodies.append(f"{self.headers['Content-Type']} {body}")
            self.give_token()
        else:
            super().handle_any()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815


def log_in(registry: Registry, credentials: Credentials | None = ME, **options: object) -> RegistrySession:
    registry.password = "s3cret"
    target = PushTarget.parse(f"{registry.address}/team/web:1")
    settings = SessionOptions(timeout=5, backoff=0.01, attempts=1)
    session = RegistrySession(target.repository, credentials, settings, lambda seconds: None, **options)  # type: ignore[arg-type]
    with closing(session):
        session.request("GET", f"{session.base}/tags/list", accept=(200,))
    return session


def questions(registry: Registry) -> list[list[tuple[str, str]]]:
    """What the token service was asked, each time."""
    return [parse_qsl(urlsplit(line.split()[1]).query) for line in registry.requests if line.startswith("GET /token")]


OWN, BASE, ELSE = ("scope", "repository:team/web:pull"), ("scope", "repository:base:pull"), "repository:else:pull"


@pytest.mark.parametrize(
    ("more", "statuses", "asked"),
    [
        ("", [], [[OWN, BASE]]),
        (',service="s"', [], [[("service", "s"), OWN, BASE]]),
        (',service=""', [], [[OWN, BASE]]),
        (',scope="repository:team/web:pull,push"', [], [[OWN, BASE]]),
        (f',scope="repository:team/web:pull {ELSE}"', [], [[OWN, BASE, ("scope", ELSE)]]),
        (f',scope="{ELSE}"', [403], [[OWN, BASE, ("scope", ELSE)], [("scope", ELSE)]]),
        (f',scope="{ELSE}"', [400], [[OWN, BASE, ("scope", ELSE)], [("scope", ELSE)]]),
        ("", [403], [[OWN, BASE], []]),
    ],
)
def test_a_token_is_asked_for_all_that_is_wanted_and_then_for_what_the_registry_says(
    more: str, statuses: list[int], asked: list[list[tuple[str, str]]]
) -> None:
    handler = {"challenge": Wants.challenge + more, "statuses": list(statuses)}
    with running(type("Wanting", (Wants,), handler)) as registry:
        log_in(registry, also_pull=("base",))
        assert questions(registry) == asked
        assert registry.authorizations == [None, *[ME.basic()] * len(asked), "Bearer good"]


@pytest.mark.parametrize(
    ("status", "count", "hint"),
    [(401, 1, LOG_IN_AGAIN), (400, 2, LOG_IN_AGAIN), (403, 2, LOG_IN_AGAIN), (404, 1, None)],
)
def test_a_token_service_without_a_token_is_an_error_with_its_status(status: int, count: int, hint: str | None) -> None:
    handler = {"challenge": f'{Wants.challenge},scope="{ELSE}"', "statuses": [status] * 2}
    with running(type("Wanting", (Wants,), handler)) as registry, pytest.raises(RegistryError) as caught:
        log_in(registry)
    assert caught.value.message == (
        f"cannot log in to {registry.address}: its token service gives no token (status {status})"
    )
    assert caught.value.hint == hint
    assert len(questions(registry)) == count


FORM = "application/x-www-form-urlencoded client_id=sysimage&grant_type=refresh_token&refresh_token=refresh"


@pytest.mark.parametrize("status", [None, 400, 404, 405, 501])
def test_an_identity_token_is_exchanged_where_that_is_known_and_else_the_password_counts(status: int | None) -> None:
    bodies: list[str] = []
    handler = {"statuses": [status] if status else [], "bodies": bodies}
    with running(type("Exchanging", (Exchanges,), handler)) as registry:
        log_in(registry, Credentials("me", "s3cret", "refresh"))
        assert bodies == [f"{FORM}&scope=repository%3Ateam%2Fweb%3Apull"]
        assert len(questions(registry)) == (1 if status else 0)
        assert registry.authorizations == [None, *[ME.basic()] * bool(status), "Bearer good"]


@pytest.mark.parametrize(("user", "status"), [("me", 401), ("me", 500), ("", 404)])
def test_an_identity_token_that_is_refused_is_the_error(user: str, status: int) -> None:
    handler = {"statuses": [status], "bodies": []}
    with running(type("Exchanging", (Exchanges,), handler)) as registry:
        with pytest.raises(RegistryError, match=rf"gives no token \(status {status}\)$"):
            log_in(registry, Credentials(user, "s3cret" if user else "", "refresh"))
        assert questions(registry) == []


@pytest.mark.parametrize(
    ("challenge", "credentials", "sent"),
    [
        ("Basic", ME, ME.basic()),
        ('Bearer service="x", Basic', ME, ME.basic()),
        ("Basic", None, None),
        ("Digest", ME, None),
        ("", ME, None),
    ],
)
def test_a_password_goes_to_a_registry_that_wants_it_and_to_no_other(
    challenge: str, credentials: Credentials | None, sent: str | None
) -> None:
    with running(type("Wanting", (Wants,), {"challenge": challenge})) as registry:
        with pytest.raises(RefusedError) as caught:
            log_in(registry, credentials)
        assert (caught.value.status, caught.value.hint) == (401, "log in first, with docker login or podman login")
        assert registry.authorizations == [None, *([sent] if sent else [])]


@pytest.mark.parametrize("token", ["a b", "€", "x\n"])
def test_a_token_that_a_header_cannot_hold_is_named_as_such(token: str) -> None:
    class Gives(Wants):
        def give_token(self) -> None:
            self.answer(200, json.dumps({"token": token}).encode())

    with running(Gives) as registry, pytest.raises(RegistryError) as caught:
        log_in(registry)
    assert caught.value.message == f"cannot log in to {registry.address}: its token service gives no valid token"


def test_a_token_that_comes_with_a_refusal_is_not_used() -> None:
    class Gives(Wants):
        def give_token(self) -> None:
            self.answer(401, json.dumps({"token": "good"}).encode())

    with running(Gives) as registry, pytest.raises(RegistryError, match=r"gives no token \(status 401\)$"):
        log_in(registry)
    assert registry.authorizations == [None, ME.basic()]


def test_a_session_that_is_closed_has_ended_its_connections() -> None:
    ended = threading.Event()

    class Notes(Handler):
        def finish(self) -> None:
            super().finish()
            ended.set()

    with running(Notes) as registry:
        session = RegistrySession(PushTarget.parse(f"{registry.address}/team/web:1").repository, plain_http=True)
        _ = session.base
        ended.wait(20)  # whether it speaks TLS was asked by a connection of its own
        ended.clear()
        session.request("GET", f"{session.base}/tags/list", accept=(200,))
        assert not ended.is_set()
        session.close()
        assert ended.wait(20)


def test_several_requests_at_a_time_log_in_once() -> None:
    both = threading.Barrier(2, timeout=20)

    class Meets(Wants):
        """Both first requests are there before either is refused."""

        def route(self, path: str, query: dict[str, str], body: bytes) -> None:
            self.answer(200, b"{}")

        def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            if status == 401:
                both.wait()
            super().answer(status, body, **headers)

    with running(Meets) as registry:
        registry.password = "s3cret"
        target = PushTarget.parse(f"{registry.address}/team/web:1")
        session = RegistrySession(target.repository, ME, SessionOptions(timeout=5))
        with closing(session), ThreadPoolExecutor(2) as pool:
            url = f"{session.base}/tags/list"
            replies = list(pool.map(lambda number: session.request("GET", url, accept=(200,)).status, range(2)))
        assert replies == [200, 200]
        assert len(questions(registry)) == 1
