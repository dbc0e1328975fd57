"""The one way of every request, to registries and to their token services: time limits, retries, redirects, bounds."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import urljoin, urlsplit, urlunsplit

import urllib3

from sysimage import __version__
from sysimage.characters import printable
from sysimage.connection_errors import connection_cause
from sysimage.destinations.registry.connections import ConnectionPools, StalledError, pieces
from sysimage.destinations.registry.names import is_inner
from sysimage.destinations.registry.replies import MOST_JSON, Reply, safe_address
from sysimage.errors import RegistryError
from sysimage.proxies import Proxies

_REDIRECTS = 5
_CONNECT = 15.0
"""Seconds for a connection to come about."""
_LONGEST_WAIT = 30.0
"""Seconds; a registry that asks for more is not waited for any longer."""
BUSY = frozenset((408, 425, 429, 500, 502, 503, 504))
"""Statuses that another attempt may not meet again."""
_ASSEMBLING = 5
"""How many times longer a registry may take to answer the end of an upload, which it reads again and moves."""


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a registry is reached."""

    attempts: int = 4
    """How often a request is made before giving up."""
    timeout: float = 60.0
    """Seconds without progress after which a connection counts as dead."""
    backoff: float = 0.5
    """Seconds before the second attempt; doubled for each further one."""
    ca_file: Path | None = None
    """Certificates to trust instead of those of the machine."""
    connections: int = 4
    proxies: Proxies = field(default_factory=Proxies)
    """What registries are reached through."""


class Slice:
    """Part of a file as the body of a request, which can be sent again."""

    def __init__(
        self, file: IO[bytes], offset: int, size: int, moved: Callable[[int], None] = lambda amount: None
    ) -> None:
        self._file, self.offset, self.size, self._moved = file, offset, size, moved
        self._left = size

    def rewind(self) -> None:
        """Start again from the first byte."""
        self.forget()
        self._file.seek(self.offset)

    def forget(self) -> None:
        """Treat the bytes that were sent as not sent."""
        self._moved(self._left - self.size)
        self._left = self.size

    def read(self, amount: int = -1) -> bytes:
        """The next bytes, at most ``amount``."""
        amount = self._left if amount < 0 else min(amount, self._left)
        data = self._file.read(amount)
        self._left -= len(data)
        self._moved(len(data))
        return data


_REFUSED_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})")
Sink = Callable[[int, bytes], object]
"""Gets the status of an answer, and a piece of its body."""
Authorize = Callable[[str], str | None]
"""From an address to the Authorization header for it, if it may have one."""


class _BrokenError(Exception):
    """A connection that did not hold; another attempt may do better."""


class Transport:
    """Makes requests. Several threads may use one. Every failure is a `RegistryError` without any secret in it."""

    def __init__(self, options: SessionOptions | None = None, sleep: Callable[[float], None] | None = None) -> None:
        self._options = options or SessionOptions()
        self._sleep = sleep or time.sleep
        self._pools = ConnectionPools(self._options.connections, self._options.ca_file, self._options.proxies)

    def close(self) -> None:
        """End the connections."""
        self._pools.clear()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Slice | None = None,
        authorize: Authorize = lambda url: None,
        again: bool = True,
        sink: Sink | None = None,
        follows: bool = True,
    ) -> Reply:
        """Make a request, follow where it leads unless ``follows`` is false, and read the answer, whatever its status.

        What looks like a passing fault is tried again unless ``again`` is false. Bodies of 200 and 206 go to ``sink``
        where there is one, piece by piece; then nothing is tried again after the first piece.
        """
        left = self._options.attempts if again else 1
        wait = self._options.backoff
        while True:
            left -= 1
            asked = 0.0
            try:
                reply = self._follow(method, url, headers, body, authorize, sink, _REDIRECTS if follows else 0)
            except _BrokenError as error:
                if not left:
                    raise RegistryError(
                        f"cannot {method} {safe_address(url)}: {error}", hint=_hint_for(str(error), url)
                    ) from None
            else:
                if reply.status not in BUSY or not left:
                    return reply
                asked = reply.wait
            self.pause(max(wait, asked))
            wait *= 2

    def pause(self, seconds: float) -> None:
        """Wait before the next attempt, as long as a registry asks for or less."""
        self._sleep(min(max(seconds, self._options.backoff), _LONGEST_WAIT))

    def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Slice | None,
        authorize: Authorize,
        sink: Sink | None,
        redirects: int,
    ) -> Reply:
        asked = f"{method} {safe_address(url)}"
        for left in range(redirects, -1, -1):
            own = authorize(url)
            reply = self._send(method, url, {**headers, **({"Authorization": own} if own else {})}, body, sink)
            if reply.status not in (301, 302, 303, 307, 308) or "location" not in reply.headers or not redirects:
                return reply
            if not left:
                break
            if reply.status == 303:
                method, body = "GET" if method != "HEAD" else method, None
            url = resolved(reply.headers["location"], url)
        raise RegistryError(f"cannot {asked}: it redirects again and again")

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes | Slice | None, sink: Sink | None
    ) -> Reply:
        if isinstance(body, Slice):
            body.rewind()
            headers["Content-Length"] = str(body.size)
        headers["User-Agent"] = f"sysimage/{__version__}"
        patience = self._options.timeout * (_ASSEMBLING if method in ("PUT", "PATCH") else 1)
        sunk = False
        try:
            response = self._pools.for_url(url).urlopen(
                method,
                url,
                headers=headers,
                body=body,
                redirect=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=min(_CONNECT, self._options.timeout), read=patience),
            )
            try:
                collected = bytearray()
                if method != "HEAD":
                    taken = sink if sink is not None and response.status in (200, 206) else None
                    for piece in pieces(response, self._options.timeout):
                        if taken is not None:
                            sunk = True
                            taken(response.status, piece)
                            continue
                        collected += piece
                        if len(collected) > MOST_JSON:
                            raise RegistryError(f"cannot {method} {safe_address(url)}: the answer is too long")
            except BaseException:
                response.close()  # what is left of the answer is not read
                raise
            finally:
                response.release_conn()
        except (urllib3.exceptions.LocationValueError, ValueError):
            # Such as a header with the end of a line in it: the text of the error would show it.
            raise RegistryError(
                f"cannot {method} {safe_address(url)}: the request or the answer is malformed"
            ) from None
        except urllib3.exceptions.ProxyError as error:
            raise _through_proxy(method, url, error) from None
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, StalledError, OSError) as error:
            if sunk:
                raise RegistryError(f"cannot {method} {safe_address(url)}: {_cause(error)}") from None
            raise _BrokenError(_cause(error)) from None
        return Reply.of(response.status, response.headers.iteritems(), bytes(collected), url)


def resolved(location: str, origin: str) -> str:
    """Where a registry at ``origin`` sends to: absolute, relative, or by mistake to its own address without TLS, as
    registries do that have a proxy in front of them; that one is mended.

    A `RegistryError` for what goes from TLS to none, from a public host to an inner address, or is not HTTP.
    """
    try:
        url = urljoin(origin, location)
        to, start = urlsplit(url), urlsplit(origin)
        _ = (to.port, to.hostname)
    except ValueError:
        raise RegistryError(f"cannot follow {safe_address(origin)}: it sends to a malformed address") from None
    if (
        start.scheme == "https"
        and to.scheme == "http"
        and to.hostname == start.hostname
        and to.port in (None, 80, start.port)
    ):
        to = to._replace(scheme="https", netloc=start.netloc)
        url = urlunsplit(to)
    lower = start.scheme == "https" and to.scheme != "https"
    inward = is_inner(to.hostname or "") and not is_inner(start.hostname or "")
    if to.scheme not in ("http", "https") or not to.netloc or lower or inward or "@" in to.netloc:
        place = printable(f"{to.scheme}://{to.hostname}")[:200]
        raise RegistryError(f"cannot follow {safe_address(origin)} to {place}: that is not safe")
    return url


def _through_proxy(method: str, url: str, error: urllib3.exceptions.ProxyError) -> Exception:
    """The fault of a proxy; what it refuses is not asked for again."""
    cause = f"the proxy does not lead there: {_cause(error.original_error)}"
    refused = _REFUSED_TUNNEL.search(cause)
    if refused is None or int(refused[1]) in BUSY:
        return _BrokenError(cause)
    hint = (
        "say user and password in https_proxy" if refused[1] == "407" else "name the host in no_proxy if it needs none"
    )
    return RegistryError(f"cannot {method} {safe_address(url)}: {cause}", hint=hint)


def _cause(error: Exception) -> str:
    return printable(connection_cause(error))[:300] or type(error).__name__


def _hint_for(cause: str, url: str) -> str | None:
    if "CERTIFICATE_VERIFY_FAILED" in cause:
        return "say --registry-ca FILE with the certificate of the authority that signed the registry's"
    if "WRONG_VERSION_NUMBER" in cause:
        return f"it does not speak TLS; say --plain-http {urlsplit(url).netloc} if that is meant"
    return None
