"""A proxy on this machine: tunnels (CONNECT) and plain requests, to servers that only it knows by name."""

from __future__ import annotations

import http.client
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """What it leads to, and what it was asked."""

    servers: Mapping[str, str]
    """``host:port`` as clients say it → where that really is."""
    authorization: str | None = None
    """If set, what clients must say in ``Proxy-Authorization``."""
    refuses_with: int = 0
    """If set, the status of every answer."""
    address: str = ""
    asked: list[str] = field(default_factory=list)
    """Method and target of each request."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ClassVar[Proxy]

    def log_message(self, *_: object) -> None:
        pass

    def refused(self) -> bool:
        self.proxy.asked.append(f"{self.command} {self.path}")
        wanted = self.proxy.authorization
        is_welcome = wanted is None or self.headers.get("Proxy-Authorization") == wanted
        if is_welcome and not self.proxy.refuses_with:
            return False
        self.send_response(self.proxy.refuses_with or 407)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return True

    def do_CONNECT(self) -> None:
        if self.refused():
            return
        host, _, port = self.proxy.servers[self.path].rpartition(":")
        with socket.create_connection((host, int(port))) as server:
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            both = [self.connection, server]
            while True:
                for ready in select.select(both, [], [])[0]:
                    data = ready.recv(1 << 16)
                    if not data:
                        return
                    (server if ready is self.connection else self.connection).sendall(data)

    def forward(self) -> None:
        if self.refused():
            return
        parts = urlsplit(self.path)
        headers = {name: text for name, text in self.headers.items() if not name.lower().startswith("proxy-")}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server = http.client.HTTPConnection(self.proxy.servers[parts.netloc])
        server.request(self.command, self.path.partition(parts.netloc)[2], body, headers)
        reply = server.getresponse()
        data = reply.read()
        self.send_response(reply.status)
        for name, text in reply.getheaders():
            if name.lower() not in ("transfer-encoding", "date", "server"):
                self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)
        server.close()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = forward  # noqa: N815 - their names


@contextmanager
def running_proxy(
    servers: Mapping[str, str], authorization: str | None = None, refuses_with: int = 0
) -> Iterator[Proxy]:
    """A proxy that listens on this machine."""
    proxy = Proxy(servers, authorization, refuses_with)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"proxy": proxy}))
    server.daemon_threads = True
    proxy.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
