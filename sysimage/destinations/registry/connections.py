"""Connections that are given up when nothing moves on them, whichever half of a request it is."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sysimage.destinations.registry.names import without_port

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


def connection_pools(connections: int, ca_file: Path | None) -> urllib3.PoolManager:
    """Connections that stay open between requests, ``connections`` to a host; each request brings its time limits."""
    pools = urllib3.PoolManager(
        maxsize=connections,
        retries=False,
        blocksize=_BLOCK,
        ca_certs=str(ca_file) if ca_file else None,
    )
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
    """Whether a server on this machine (``host:port``) answers in TLS. Its certificate is for the connection to
    judge."""
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
        # Other ways to end a handshake, such as to want a client's certificate, are TLS too.
        return not any(word in str(error) for word in ("WRONG_VERSION", "HTTP_REQUEST", "EOF", "RECORD"))
    except (OSError, ValueError):
        return False
