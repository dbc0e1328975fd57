"""Connections to the archive: proxies, certificates, redirects; no more than bytes of a stated length."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from sysimage.connection_errors import connection_cause
from sysimage.errors import RegistryError
from sysimage.proxies import Proxy, goes_direct
from sysimage_bootstrap.archive.sources import redacted

if TYPE_CHECKING:
    import urllib3  # imported where a connection is made: a build that asks for nothing does not pay for it

_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """How the archive is reached."""

    proxies: Mapping[str, str] = field(default_factory=dict)
    """Scheme, or ``scheme://host``, → the proxy's address; ``DIRECT`` for none."""
    no_proxy: tuple[str, ...] = ()
    """Hosts and domains reached directly; ``*`` for all."""
    ca_file: Path | None = None
    """Certificates to trust instead of those of the machine."""
    offline: bool = False
    """Never open a connection."""
    connections: int = 8
    """Files fetched at once."""
    attempts: int = 4
    """How often one file is tried before giving up."""
    timeout: float = 30.0
    """Seconds without a byte after which a connection counts as dead."""
    backoff: float = 0.5
    """Seconds before the second attempt; doubled for each further one."""


class UnreachableError(RegistryError):
    """The archive did not answer, or asked to come back later; another attempt may succeed."""


class MissingError(RegistryError):
    """The archive answers that it has no such file."""


class Body(Protocol):
    """What is left to read of an answer; as much as is there, so that a slow peer is noticed."""

    def read1(self, amount: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that has begun."""

    status: int
    headers: Mapping[str, str]
    body: Body


class Transport:
    """Opens addresses; may be used from several threads."""

    def __init__(self, options: TransportOptions) -> None:
        self.options = options
        self._lock = threading.Lock()
        self._open_responses: set[urllib3.BaseHTTPResponse] = set()
        self._pools: dict[str | None, urllib3.PoolManager] = {}

    @contextmanager
    def open(self, uri: str, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
        """Begin a GET; the answer is 200, 206, 304 or 416.

        An `UnreachableError` if there is no answer or a passing refusal, a `RegistryError` for every other refusal.
        """
        if self.options.offline:
            raise RegistryError(
                f"cannot fetch {redacted(uri)}: it is not in the cache", hint="build once without --offline"
            )
        if urlsplit(uri).scheme == "file":
            with self._open_file(uri) as answer:
                yield answer
            return
        import urllib3

        try:
            response = self._request(uri, dict(headers or {}))
        except urllib3.exceptions.HTTPError as error:
            proxy = self._proxy(urlsplit(uri))
            through = "" if proxy is None else f" (through the proxy {redacted(proxy)})"
            raise UnreachableError(
                f"cannot fetch {redacted(uri)}: {connection_cause(error.__cause__ or error)}{through}"
            ) from None
        with self._lock:
            self._open_responses.add(response)
        try:
            if response.status in (408, 425, 429) or response.status >= 500:
                raise UnreachableError(f"cannot fetch {redacted(uri)}: the archive answers {response.status}")
            if response.status in (404, 410):
                raise MissingError(
                    f"cannot fetch {redacted(uri)}: the archive answers {response.status}",
                    hint="the archive may no longer have it; run `sysimage lock` again",
                )
            if response.status not in (200, 206, 304, 416):
                raise RegistryError(f"cannot fetch {redacted(uri)}: the archive answers {response.status}")
            lowered = {name.lower(): value for name, value in response.headers.items()}
            yield Answer(response.status, lowered, _ResponseBody(response, uri))
        finally:
            with self._lock:
                self._open_responses.discard(response)
            response.close()
            response.release_conn()

    def abort(self) -> None:
        """End every transfer that is under way, from another thread than its own."""
        with self._lock:
            for response in self._open_responses:
                # A response that has just been read to its end has no connection left to shut.
                with contextlib.suppress(ValueError, OSError, RuntimeError):
                    response.shutdown()

    def _request(self, uri: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        import urllib3

        for _ in range(_REDIRECTS + 1):
            parts = urlsplit(uri)
            sent = {"User-Agent": "sysimage", "Accept-Encoding": "identity", **headers}
            credentials, at, _host = parts.netloc.rpartition("@")
            if at:
                sent |= urllib3.make_headers(basic_auth=unquote(credentials))
            pool = self._pool(self._proxy(parts))
            response = pool.request(
                "GET", redacted(uri), headers=sent, preload_content=False, redirect=False, retries=False
            )
            target = response.get_redirect_location()
            if not target:
                return response
            response.drain_conn()
            response.release_conn()
            following = urllib3.util.parse_url(urljoin(redacted(uri), target)).url
            if urlsplit(following).scheme not in ("http", "https"):
                raise RegistryError(f"cannot fetch {redacted(uri)}: it redirects to {redacted(following)}")
            if parts.scheme == "https" and urlsplit(following).scheme == "http":
                raise RegistryError(f"cannot fetch {redacted(uri)}: it redirects to an unencrypted address")
            # Credentials are for the host that was named with them, and for no other.
            same_host = urlsplit(following).netloc == urlsplit(redacted(uri)).netloc
            uri = following.replace("://", f"://{credentials}@", 1) if at and same_host else following
        raise RegistryError(f"cannot fetch {redacted(uri)}: more than {_REDIRECTS} redirects")

    def _proxy(self, parts: SplitResult) -> str | None:
        host = parts.hostname or ""
        if goes_direct(host, parts.port or (443 if parts.scheme == "https" else 80), self.options.no_proxy):
            return None
        proxy = self.options.proxies.get(f"{parts.scheme}://{host}") or self.options.proxies.get(parts.scheme)
        return None if not proxy or proxy.upper() == "DIRECT" else proxy

    def _pool(self, proxy: str | None) -> urllib3.PoolManager:
        import urllib3

        with self._lock:
            if proxy not in self._pools:
                options: dict[str, Any] = {
                    "maxsize": self.options.connections,
                    "timeout": urllib3.Timeout(connect=min(15.0, self.options.timeout), read=self.options.timeout),
                    "ca_certs": str(self.options.ca_file) if self.options.ca_file else None,
                }
                if proxy is None:
                    self._pools[proxy] = urllib3.PoolManager(**options)
                else:
                    try:
                        named = Proxy.parse(proxy)
                    except ValueError as error:
                        raise RegistryError(f"cannot use the proxy of this machine: {error}") from None
                    self._pools[proxy] = urllib3.ProxyManager(
                        named.address, proxy_headers=dict(named.headers), **options
                    )
            return self._pools[proxy]

    @contextmanager
    def _open_file(self, uri: str) -> Iterator[Answer]:
        path = Path(unquote(urlsplit(uri).path))
        try:
            with path.open("rb") as file:
                yield Answer(200, {}, file)
        except FileNotFoundError as error:
            raise MissingError(f"cannot fetch {uri}: {error.strerror}") from None
        except OSError as error:
            raise RegistryError(f"cannot fetch {uri}: {error.strerror}") from None


class _ResponseBody:
    def __init__(self, response: urllib3.BaseHTTPResponse, uri: str) -> None:
        self._response, self._uri = response, uri

    def read1(self, amount: int, /) -> bytes:
        import urllib3

        try:
            # The bytes as they were sent: some servers take a compressed file for an encoded one.
            return self._response.read1(amount, decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise UnreachableError(
                f"cannot fetch {redacted(self._uri)}: {connection_cause(error.__cause__ or error)}"
            ) from None
