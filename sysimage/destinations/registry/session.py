"""Requests to one repository: logging in when it is asked for, and no secret sent to another host."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sysimage.destinations.registry.challenges import Challenge, parse_challenges
from sysimage.destinations.registry.connections import speaks_tls
from sysimage.destinations.registry.credentials import Credentials
from sysimage.destinations.registry.names import Repository, is_this_machine, related
from sysimage.destinations.registry.replies import Reply, parse_json, refusal
from sysimage.destinations.registry.transport import SessionOptions, Sink, Slice, Transport, resolved
from sysimage.errors import RegistryError

_TOKEN = re.compile(r"[\x21-\x7e]+")
"""What can be in a header."""
_UNKNOWN_METHOD = (400, 404, 405, 501)
"""How token services answer that know no exchange of identity tokens."""


class RegistrySession:
    """Speaks to the registry of ``repository``. Several threads may use one. Every failure is a `RegistryError` without
    any secret in it.

    ``actions`` is what the repository is asked for (``pull``, or ``pull,push``), ``also_pull`` are other repositories
    whose blobs are wanted. Loopback addresses are reached with or without TLS, as they answer; others with TLS unless
    ``plain_http``.
    """

    def __init__(
        self,
        repository: Repository,
        credentials: Credentials | None = None,
        options: SessionOptions | None = None,
        sleep: Callable[[float], None] | None = None,
        *,
        actions: str = "pull",
        also_pull: tuple[str, ...] = (),
        plain_http: bool = False,
    ) -> None:
        self.repository = repository
        options = options or SessionOptions()
        self.connections = options.connections
        """How many requests may be under way at a time."""
        self._credentials = credentials
        self._transport = Transport(options, sleep)
        self._plain_http = plain_http
        others = (f"repository:{name}:pull" for name in also_pull)
        self._scopes = (f"repository:{repository.name}:{actions}", *others)
        self._authorization: str | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """End the connections."""
        self._transport.close()

    @functools.cached_property
    def base(self) -> str:
        """The address below which the repository's resources are."""
        host = self.repository.api_host
        secure = speaks_tls(host) if is_this_machine(host) else True
        return f"{'https' if secure and not self._plain_http else 'http'}://{host}/v2/{self.repository.name}"

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Slice | None = None,
        accept: tuple[int, ...],
        again: bool = True,
        sink: Sink | None = None,
    ) -> Reply:
        """Make a request and read its answer, which must have one of the statuses ``accept``.

        What looks like a passing fault is tried again unless ``again`` is false, as for part of an upload, which has to
        be asked about first.
        """
        used = self._authorization
        send = functools.partial(
            self._transport.request, method, url, headers=headers or {}, body=body, again=again, sink=sink
        )
        reply = send(authorize=self._header)
        if reply.status == 401 and self._is_own(reply.url):
            with self._lock:
                if self._authorization == used:  # no other thread has renewed it
                    self._authorization = self._answer(reply)
            if self._authorization is not None:
                reply = send(authorize=self._header)
        if reply.status not in accept:
            raise refusal(method, reply)
        return reply

    def pause(self, seconds: float) -> None:
        """Wait before another attempt, at least the usual time."""
        self._transport.pause(seconds)

    def _header(self, url: str) -> str | None:
        # A host that a registry redirects to, for a blob or an upload, gets no credentials.
        return self._authorization if self._is_own(url) else None

    def _is_own(self, url: str) -> bool:
        return urlsplit(url)[:2] == urlsplit(self.base)[:2]

    def _answer(self, reply: Reply) -> str | None:
        """The Authorization header for a registry's challenges; None without credentials for them."""
        challenges = parse_challenges(reply.lists.get("www-authenticate", ()))
        for challenge in challenges:
            if challenge.scheme == "bearer" and "realm" in challenge.parameters:
                return f"Bearer {self._token(challenge, reply.url)}"
        if self._credentials and any(challenge.scheme == "basic" for challenge in challenges):
            return self._credentials.basic()
        return None

    def _token(self, challenge: Challenge, origin: str) -> str:
        realm = resolved(challenge.parameters["realm"], origin)
        trusted = related(urlsplit(realm).hostname or "", urlsplit(origin).hostname or "")
        who = self._credentials if trusted else None
        service = [("service", text) for text in [challenge.parameters.get("service")] if text]
        asked = challenge.parameters.get("scope")
        # Some refuse more than they asked for, such as a second repository that the account may not see.
        for scopes in dict.fromkeys(((*self._scopes, *self._further(asked)), (asked,) if asked else ())):
            reply = self._ask_for_token(realm, service, scopes, who)
            if reply.status not in (400, 403):
                break
        value = parse_json(reply.body) if reply.status == 200 else None
        token = (value.get("token") or value.get("access_token")) if isinstance(value, dict) else None
        if not isinstance(token, str):
            raise RegistryError(
                f"cannot log in to {self.repository.host}: its token service gives no token (status {reply.status})",
                hint=_login_hint(reply.status)
                if trusted
                else f"it is at another host, {urlsplit(realm).hostname}, which gets no password",
            )
        if not _TOKEN.fullmatch(token):
            raise RegistryError(f"cannot log in to {self.repository.host}: its token service gives no valid token")
        return token

    def _further(self, asked: str | None) -> tuple[str, ...]:
        """The scopes of a challenge that are about something else than the repository."""
        own = f"repository:{self.repository.name}:"
        return tuple(scope for scope in (asked or "").split() if not scope.startswith(own))

    def _ask_for_token(
        self, realm: str, service: list[tuple[str, str]], scopes: tuple[str, ...], who: Credentials | None
    ) -> Reply:
        """Ask a token service, by OAuth with an identity token and otherwise in Docker's way."""
        if who is not None and who.identity_token:
            form = [*service, ("client_id", "sysimage"), ("grant_type", "refresh_token"),
                    ("refresh_token", who.identity_token)]  # fmt: skip
            scope = [("scope", " ".join(scopes))] if scopes else []
            reply = self._transport.request(
                "POST",
                realm,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=urlencode([*form, *scope]).encode(),
                follows=False,  # the body is a secret
            )
            if reply.status not in _UNKNOWN_METHOD or not who.user:
                return reply
        parts = urlsplit(realm)
        query = [*parse_qsl(parts.query, keep_blank_values=True), *service, *(("scope", scope) for scope in scopes)]
        header = who.basic() if who is not None and who.user else None
        return self._transport.request(
            "GET",
            urlunsplit(parts._replace(query=urlencode(query))),
            headers={},
            authorize=lambda url: header if urlsplit(url)[:2] == parts[:2] else None,
        )


def _login_hint(status: int) -> str | None:
    return "log in again, with docker login or podman login" if status in (400, 401, 403) else None
