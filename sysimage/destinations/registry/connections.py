"""Connections that are closed when no bytes move on them, whether a request is sent or an answer read."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sysimage.destinations.registry.names import is_this_machine, without_port
from sysimage.errors import RegistryError
from sysimage.proxies import Proxies, Proxy

_LEAST = 1000.0
"""Bytes a second; what is slower for the whole time limit counts as dead."""
_BLOCK = 1 << 16
"""Bytes that are handed to a connection at once, each within the time limit."""


class StalledError(Exception):
    """An answer whose body hardly moves."""


class Pace:
    """Whether an answer's body still moves."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._since, self._bytes = clock(), 0

    def moved(self, amount: int) -> bool:
        """Count bytes; false when too few came within the time limit."""
        self._bytes += amount
        now = self._clock()
        if now - self._since < self._seconds:
            return True
        enough = self._bytes >= _LEAST * (now - self._since)
        self._since, self._bytes = now, 0
        return enough


@contextlib.contextmanager
def _ended_after(sock: socket.socket | None, seconds: Any) -> Iterator[None]:
    """Ends a connection whose headers take longer in all: each single byte would begin a socket's own limit again."""
    if sock is None or not isinstance(seconds, int | float):
        yield
        return

    ended = threading.Event()

    def end() -> None:
        ended.set()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if ended.is_set():  # headers that stop in their middle look like an end of theirs
        raise TimeoutError(f"its answer did not begin within {seconds:.0f} seconds")


class _PlainConnection(HTTPConnection):
    def getresponse(self) -> Any:
        with _ended_after(self.sock, self.timeout):
            return super().getresponse()


class _TlsConnection(HTTPSConnection):
    def getresponse(self) -> Any:
        with _ended_after(self.sock, self.timeout):
            return super().getresponse()


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class ConnectionPools:
    """Connections that stay open between requests, ``connections`` to a host, through the proxies of the environment.
    Each request brings its time limits. This machine's own addresses are never reached through a proxy."""

    def __init__(self, connections: int, ca_file: Path | None, proxies: Proxies) -> None:
        self._options: dict[str, Any] = {
            "maxsize": connections,
            "retries": False,
            "blocksize": _BLOCK,
            "ca_certs": str(ca_file) if ca_file else None,
        }
        self._proxies = proxies
        self._pools: dict[str | None, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def for_url(self, url: str) -> urllib3.PoolManager:
        """The connections for the requests to an address; a `RegistryError` if the address of the proxy is not
        valid."""
        proxy = None if is_this_machine(urlsplit(url).netloc) else self._proxies.proxy_for(url)
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = self._opened(proxy, urlsplit(url).scheme)
            return self._pools[proxy]

    def clear(self) -> None:
        """End them."""
        for pools in self._pools.values():
            pools.clear()

    def _opened(self, text: str | None, scheme: str) -> urllib3.PoolManager:
        pools: urllib3.PoolManager
        if text is None:
            pools = urllib3.PoolManager(**self._options)
        else:
            try:
                proxy = Proxy.parse(text)
            except ValueError as error:
                raise RegistryError(
                    f"cannot use what {scheme}_proxy says: {error}", hint="say such as http://proxy.example:3128"
                ) from None
            pools = urllib3.ProxyManager(proxy.address, proxy_headers=dict(proxy.headers), **self._options)
        pools.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        return pools


def pieces(response: urllib3.BaseHTTPResponse, seconds: float) -> Iterator[bytes]:
    """The body as it arrives; a `StalledError` when too little does."""
    pace = Pace(seconds)
    while piece := response.read1(_BLOCK):
        yield piece
        if not pace.moved(len(piece)):
            raise StalledError(f"less than {_LEAST:.0f} bytes a second came for {seconds:.0f} seconds")


def speaks_tls(host: str, seconds: float = 5.0) -> bool:
    """Whether a server on this machine (``host:port``) answers in TLS. The later connection verifies its
    certificate."""
    name = without_port(host)
    port = host[len(name) + 1 :]
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname = False
    asking.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((name.strip("[]"), int(port or 80)), timeout=seconds) as plain,
            asking.wrap_socket(plain, server_hostname=name.strip("[]")),
        ):
            return True
    except ssl.SSLError as error:
        # Any other error of the handshake, such as a missing client certificate, shows that the server speaks TLS.
        return not any(word in str(error) for word in ("WRONG_VERSION", "HTTP_REQUEST", "EOF", "RECORD"))
    except (OSError, ValueError):
        return False
