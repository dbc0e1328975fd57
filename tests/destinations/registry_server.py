"""A registry in memory that keeps to the letter: digests checked, manifests with missing blobs refused."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

INDEX = "application/vnd.oci.image.index.v1+json"
CERTIFICATE = Path(__file__).parent / "self_signed.pem"
"""Signed by itself, with its key; its first lines say for which hosts, and how it was made."""


class Registry:
    """What it holds, what it was asked, and how it should misbehave."""

    def __init__(self) -> None:
        self.blobs: dict[str, dict[str, bytes]] = {}
        self.manifests: dict[str, bytes] = {}
        """By ``repository:tag`` and ``repository:digest``."""
        self.media_types: dict[str, str] = {}
        self.uploads: dict[str, bytes] = {}
        self.begun = 0
        self.requests: list[str] = []
        """Method and path of each request."""
        self.authorizations: list[str | None] = []
        self.password: str | None = None
        """If set, a token is needed, which the token service gives to user ``me`` with this password."""
        self.token_realm: str | None = None
        self.faults: dict[str, list[int | None]] = {}
        """Method → statuses to answer with before it works; 0 breaks the connection half way through the body,
        None lets a request through."""
        self.keeps_of_broken = 0
        """Bytes of a chunk that are stored although a fault answers it: all of it where only the answer is lost."""
        self.retry_after: str | None = None
        self.upload_location: str | None = None
        self.lists_referrers = False
        """Whether it knows what refers to an image, as registries of the specification 1.1 do."""
        self.lock = threading.Lock()
        self.address = ""

    def count(self, method: str) -> int:
        return sum(line.startswith(method + " ") for line in self.requests)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits until the head of it has been acknowledged
    registry: ClassVar[Registry]

    def log_message(self, *_: object) -> None:
        pass

    def trickle(self) -> None:
        """Send a byte now and then and never an end, until the client goes away."""
        try:
            for _ in range(400):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            self.close_connection = True

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status: int, code: str, detail: object = None) -> None:
        error = {"code": code, "message": code.lower(), "detail": detail}
        self.answer(status, json.dumps({"errors": [error]}).encode())

    def handle_any(self) -> None:
        registry = self.registry
        with registry.lock:
            registry.requests.append(f"{self.command} {self.path}")
            registry.authorizations.append(self.headers.get("Authorization"))
            fault = registry.faults.get(self.command, [])
            status = fault.pop(0) if fault else None
        length = int(self.headers.get("Content-Length") or 0)
        if status == 0:
            self.keep(self.rfile.read(max(length // 2, min(length, registry.keeps_of_broken))))
            self.close_connection = True
            self.connection.close()
            return
        body = self.rfile.read(length)
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if status is not None:
            self.keep(body)
            extra = {"Retry_After": registry.retry_after} if registry.retry_after else {}
            self.answer(status, b"", **extra)
        elif url.path == "/token":
            self.give_token()
        elif registry.password and self.headers.get("Authorization") != "Bearer good":
            realm = registry.token_realm or f"http://{registry.address}/token"
            challenge = f'Bearer realm="{realm}",service="test",scope="repository:x:pull,push"'
            self.answer(401, WWW_Authenticate=challenge)
        else:
            self.route(url.path, query, body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def keep(self, body: bytes) -> None:
        """Store what a fault leaves of a part."""
        if self.command == "PATCH":
            with self.registry.lock:
                number = urlsplit(self.path).path.rpartition("/")[2]
                self.registry.uploads[number] += body[: self.registry.keeps_of_broken]

    def give_token(self) -> None:
        expected = base64.b64encode(f"me:{self.registry.password}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {expected}":
            self.answer(200, json.dumps({"token": "good"}).encode())
        else:
            self.answer(401)

    def route(self, path: str, query: dict[str, str], body: bytes) -> None:
        if path.endswith("/tags/list"):
            prefix = path.removeprefix("/v2/").removesuffix("/tags/list") + ":"
            names = [key.removeprefix(prefix) for key in self.registry.manifests if key.startswith(prefix)]
            tags = sorted(name for name in names if ":" not in name)
            self.answer(200, json.dumps({"name": prefix[:-1], "tags": tags}).encode())
            return
        if self.registry.lists_referrers and (match := re.fullmatch(r"/v2/(.+)/referrers/(sha256:[0-9a-f]{64})", path)):
            self.referrers(query, *match.groups())
            return
        for pattern, method in (
            (r"/v2/(.+)/manifests/([^/]+)", self.manifest),
            (r"/v2/(.+)/blobs/uploads/", self.begin),
            (r"/v2/(.+)/blobs/uploads/([0-9]+)", self.upload),
            (r"/v2/(.+)/blobs/(sha256:[0-9a-f]{64})", self.blob),
        ):
            if match := re.fullmatch(pattern, path):
                with self.registry.lock:
                    method(query, body, *match.groups())
                return
        self.refuse(404, "UNSUPPORTED")

    def manifest(self, query: dict[str, str], body: bytes, repository: str, tag: str) -> None:
        key = f"{repository}:{tag}"
        if self.command == "PUT":
            value: dict[str, Any] = json.loads(body)
            held = self.registry.blobs.get(repository, {})
            wanted = [value["config"], *value["layers"]] if "layers" in value else []
            missing = [d["digest"] for d in wanted if len(held.get(d["digest"], b"")) != d["size"]]
            for child in value.get("manifests", ()):
                if f"{repository}:{child['digest']}" not in self.registry.manifests:
                    missing.append(child["digest"])
            if missing:
                self.refuse(404, "MANIFEST_BLOB_UNKNOWN", missing)
                return
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            self.registry.manifests[key] = self.registry.manifests[f"{repository}:{digest}"] = body
            self.registry.media_types[digest] = self.headers["Content-Type"]
            known = self.registry.lists_referrers and "subject" in value
            self.answer(
                201, Docker_Content_Digest=digest, **({"OCI_Subject": value["subject"]["digest"]} if known else {})
            )
        elif key in self.registry.manifests:
            found = self.registry.manifests[key]
            digest = "sha256:" + hashlib.sha256(found).hexdigest()
            kind = self.registry.media_types.get(digest, "application/vnd.oci.image.manifest.v1+json")
            self.answer(200, found, Content_Type=kind, Docker_Content_Digest=digest)
        else:
            self.refuse(404, "MANIFEST_UNKNOWN")

    def referrers(self, query: dict[str, str], repository: str, subject: str) -> None:
        """The list that the specification asks for, one referrer a page."""
        entries = []
        for key, body in self.registry.manifests.items():
            held, _, digest = key.partition(":")
            value = json.loads(body)
            if held == repository and ":" in digest and (value.get("subject") or {}).get("digest") == subject:
                kind = self.registry.media_types[digest]
                entries.append({"mediaType": kind, "digest": digest, "size": len(body)})
        at = int(query.get("at", "0"))
        more = {"Link": f'</v2/{repository}/referrers/{subject}?at={at + 1}>; rel="next"'} if entries[at + 1 :] else {}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries[at : at + 1]}
        self.answer(200, json.dumps(index).encode(), Content_Type=INDEX, **more)

    def blob(self, query: dict[str, str], body: bytes, repository: str, digest: str) -> None:
        found = self.registry.blobs.get(repository, {}).get(digest)
        if found is None:
            self.refuse(404, "BLOB_UNKNOWN")
            return
        start = re.fullmatch(r"bytes=([0-9]+)-", self.headers.get("Range", ""))
        self.answer(206 if start else 200, found[int(start[1]) if start else 0 :])

    def begin(self, query: dict[str, str], body: bytes, repository: str) -> None:
        source = self.registry.blobs.get(query.get("from", ""), {})
        if query.get("mount") in source:
            self.registry.blobs.setdefault(repository, {})[query["mount"]] = source[query["mount"]]
            self.answer(201)
            return
        self.registry.begun += 1
        number = str(self.registry.begun)
        self.registry.uploads[number] = b""
        location = self.registry.upload_location or f"/v2/{repository}/blobs/uploads/{number}?state=opaque"
        self.answer(202, Location=location)

    def upload(self, query: dict[str, str], body: bytes, repository: str, number: str) -> None:
        registry = self.registry
        location = f"/v2/{repository}/blobs/uploads/{number}?state=opaque"
        if self.command == "DELETE":
            registry.uploads.pop(number, None)
            self.answer(204)
        elif self.command == "GET":
            self.answer(204, Location=location, Range=f"0-{max(0, len(registry.uploads[number]) - 1)}")
        elif self.command == "PATCH":
            start = int(self.headers["Content-Range"].partition("-")[0])
            if start != len(registry.uploads[number]):
                self.refuse(416, "RANGE_INVALID")
                return
            registry.uploads[number] += body
            self.answer(202, Location=location, Range=f"0-{len(registry.uploads[number]) - 1}")
        else:
            data = registry.uploads.pop(number) + body
            if query["digest"] != "sha256:" + hashlib.sha256(data).hexdigest():
                self.refuse(400, "DIGEST_INVALID")
                return
            registry.blobs.setdefault(repository, {})[query["digest"]] = data
            self.answer(201, Docker_Content_Digest=query["digest"])


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has given up is what some tests are about."""


@contextmanager
def running(handler: type[Handler] = Handler, certificate: Path | None = None) -> Iterator[Registry]:
    """A registry that listens on this machine, with TLS where there is a certificate with its key."""
    registry = Registry()
    server = _Server(("127.0.0.1", 0), type("Bound", (handler,), {"registry": registry}))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    registry.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def registry() -> Iterator[Registry]:
    """One without TLS, for conftest modules."""
    with running() as registry:
        yield registry
