"""Requests to one registry: authentication, retries, and no secret sent to another host."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3

from sysimage import __version__
from sysimage.destinations.registry.credentials import Credentials
from sysimage.destinations.registry.target import is_inner
from sysimage.errors import RegistryError

_REDIRECTS = 5
_LONGEST_WAIT = 30.0
"""Seconds; a registry that asks for more is not waited for any longer."""
_MOST_JSON = 1 << 20
_AGAIN = {408, 429, 500, 502, 503, 504}
_CHALLENGE = re.compile(r'([a-zA-Z]+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a registry is reached."""

    attempts: int = 4
    """How often a request is made before giving up."""
    timeout: float = 60.0
    """Seconds without a byte after which a connection counts as dead."""
    backoff: float = 0.5
    """Seconds before the second attempt; doubled for each further one."""
    ca_file: Path | None = None
    """Certificates to trust instead of the machine's."""
    connections: int = 4


@dataclass(frozen=True, slots=True)
class Reply:
    """A registry's answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    url: str


class Slice:
    """Part of a file as the body of a request, which can be sent again."""

    def __init__(self, file: IO[bytes], offset: int, size: int) -> None:
        self._file, self._offset, self.size = file, offset, size
        self._left = size

    def rewind(self) -> None:
        """Start again from the first byte."""
        self._file.seek(self._offset)
        self._left = self.size

    def read(self, amount: int = -1) -> bytes:
        """The next bytes, at most ``amount``."""
        amount = self._left if amount < 0 else min(amount, self._left)
        data = self._file.read(amount)
        self._left -= len(data)
        return data


class RegistrySession:
    """Speaks to ``host``. Several threads may use one. Every failure is a `RegistryError` without any secret in it."""

    def __init__(
        self,
        host: str,
        credentials: Credentials | None = None,
        options: SessionOptions | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._host = host
        self._credentials = credentials
        self._options = options or SessionOptions()
        self._sleep = sleep
        self._authorization: str | None = None
        self._lock = threading.Lock()
        self._pool = urllib3.PoolManager(
            maxsize=self._options.connections,
            timeout=urllib3.Timeout(connect=15.0, read=self._options.timeout),
            retries=False,
            blocksize=1 << 18,
            ca_certs=str(self._options.ca_file) if self._options.ca_file else None,
        )

    def close(self) -> None:
        """End the connections."""
        self._pool.clear()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Slice | None = None,
        accept: tuple[int, ...],
        again: bool = True,
    ) -> Reply:
        """Make a request and read its answer, which must have one of the statuses ``accept``.

        What looks like a passing fault is tried again unless ``again`` is false, as for part of an upload, which has to
        be asked about first.
        """
        left = self._options.attempts if again else 1
        wait = self._options.backoff
        while True:
            left -= 1
            try:
                reply = self._authorized(method, url, dict(headers or {}), body)
            except urllib3.exceptions.HTTPError as error:
                if not left:
                    raise RegistryError(f"cannot {method} {_shown(url)}: {_cause(error)}") from None
            else:
                if reply.status in accept:
                    return reply
                if reply.status not in _AGAIN or not left:
                    raise _refusal(method, reply)
                wait = max(wait, _asked_to_wait(reply))
            self._sleep(min(wait, _LONGEST_WAIT))
            wait *= 2

    def _authorized(self, method: str, url: str, headers: dict[str, str], body: bytes | Slice | None) -> Reply:
        used = self._authorization
        reply = self._follow(method, url, headers, body, used)
        if reply.status == 401 and urlsplit(reply.url).netloc == self._host:
            with self._lock:
                if self._authorization == used:  # no other thread has renewed it
                    self._authorization = self._answer(reply)
            if self._authorization is not None:
                reply = self._follow(method, url, headers, body, self._authorization)
        return reply

    def _follow(
        self, method: str, url: str, headers: dict[str, str], body: bytes | Slice | None, authorization: str | None
    ) -> Reply:
        for _ in range(_REDIRECTS):
            # A host that a registry redirects to, for a blob or an upload, gets no credentials.
            own = authorization if urlsplit(url).netloc == self._host else None
            reply = self._send(method, url, {**headers, **({"Authorization": own} if own else {})}, body)
            if reply.status not in (301, 302, 303, 307, 308) or "location" not in reply.headers:
                return reply
            following = urljoin(url, reply.headers["location"])
            self.check_address(following, url)
            url = following
        raise RegistryError(f"cannot {method} {_shown(url)}: it redirects again and again")

    def check_address(self, url: str, origin: str) -> None:
        """Refuse to go from TLS to none, from a public host to an inner address, or to something that is not HTTP."""
        to, start = urlsplit(url), urlsplit(origin)
        lower = start.scheme == "https" and to.scheme != "https"
        inward = is_inner(to.hostname or "") and not is_inner(start.hostname or "")
        if to.scheme not in ("http", "https") or not to.netloc or lower or inward or to.username:
            raise RegistryError(f"cannot follow {self._host} to {to.scheme}://{to.hostname}: that is not safe")

    def _send(self, method: str, url: str, headers: dict[str, str], body: bytes | Slice | None) -> Reply:
        if isinstance(body, Slice):
            body.rewind()
            headers["Content-Length"] = str(body.size)
        headers["User-Agent"] = f"sysimage/{__version__}"
        response = self._pool.urlopen(
            method, url, headers=headers, body=body, redirect=False, preload_content=False, decode_content=False
        )
        try:
            data = b"" if method == "HEAD" else response.read(4 * _MOST_JSON + 1)
            if len(data) > 4 * _MOST_JSON:
                raise RegistryError(f"cannot {method} {_shown(url)}: the answer is too long")
        finally:
            response.drain_conn() if response.status < 300 and method == "HEAD" else response.release_conn()
        return Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, data, url)

    def _answer(self, reply: Reply) -> str | None:
        """The Authorization header for a registry's challenge; None without credentials for it."""
        challenge = reply.headers.get("www-authenticate", "")
        scheme = challenge.partition(" ")[0].lower()
        if scheme == "basic" and self._credentials:
            return urllib3.make_headers(basic_auth=f"{self._credentials.user}:{self._credentials.password}")[
                "authorization"
            ]
        if scheme == "bearer":
            return self._token(dict(_CHALLENGE.findall(challenge)), reply.url)
        return None

    def _token(self, challenge: dict[str, str], origin: str) -> str:
        realm = challenge.get("realm", "")
        self.check_address(realm, origin)
        query = [(key, challenge[key]) for key in ("service", "scope") if key in challenge]
        trusted = related(urlsplit(realm).hostname or "", urlsplit(origin).hostname or "")
        who = self._credentials if trusted else None
        if who and who.identity_token:
            form = urlencode([*query, ("grant_type", "refresh_token"), ("refresh_token", who.identity_token)])
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            reply = self._send("POST", realm, headers, form.encode())
        else:
            headers = dict(urllib3.make_headers(basic_auth=f"{who.user}:{who.password}")) if who else {}
            reply = self._send("GET", f"{realm}?{urlencode(query)}", headers, None)
        try:
            value = json.loads(reply.body) if reply.status == 200 and len(reply.body) <= _MOST_JSON else None
            token = (value.get("token") or value.get("access_token")) if isinstance(value, dict) else None
        except ValueError:
            token = None
        if not isinstance(token, str):
            raise RegistryError(
                f"cannot log in to {self._host}: its token service gives no token (status {reply.status})",
                hint=None if trusted else f"it is at another host, {urlsplit(realm).hostname}, which gets no password",
            )
        return f"Bearer {token}"


def related(one: str, other: str) -> bool:
    """Whether a registry and a token service are the same host, or of one owner: siblings, or one below the other.

    What only shares something like ``co.uk`` is not related.
    """
    if one == other:
        return True
    if is_inner(one) or is_inner(other) or one.replace(".", "").isdigit():
        return False
    for first in (one, one.partition(".")[2]):
        for second in (other, other.partition(".")[2]):
            labels = first.split(".")
            if first == second and len(labels) >= 2 and (len(labels) > 2 or len(labels[0]) > 3):
                return True
    return False


def _shown(url: str) -> str:
    """An address without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _cause(error: Exception) -> str:
    return re.sub(r"^<[^>]*>: |^.*?>: ", "", str(error)) or type(error).__name__


def _asked_to_wait(reply: Reply) -> float:
    text = reply.headers.get("retry-after", "")
    return float(text) if text.isdigit() else 0.0


def _refusal(method: str, reply: Reply) -> RegistryError:
    says = ""
    try:
        errors = json.loads(reply.body)["errors"]
        says = "; ".join(f"{error.get('code')}: {error.get('message')}"[:200] for error in errors[:3])
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    hint = {401: "log in first, with docker login or podman login", 403: "this account may not do that"}
    return RegistryError(
        f"cannot {method} {_shown(reply.url)}: status {reply.status}{f' ({says})' if says else ''}",
        hint=hint.get(reply.status),
    )
