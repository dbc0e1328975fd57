"""A small package archive on this machine: signed on the fly, served over HTTP, and wrong wherever a test wants it."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sysimage.process import find, run

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
"""The time in every test; the archive is one day old."""


class Keys:
    """GnuPG with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(mode=0o700)
        self._gpg = find("gpg", package="gnupg")

    def gpg(self, *arguments: str | Path, stdin: bytes = b"") -> bytes:
        command: list[str | Path] = [
            self._gpg,
            "--homedir",
            self.home,
            "--batch",
            "--quiet",
            "--no-tty",
            "--passphrase",
            "",
        ]
        return run([*command, *arguments], stdin=stdin).stdout

    def make(self, name: str, *, time: str | None = None, expire: str = "never", algorithm: str = "ed25519") -> None:
        clock = ["--faked-system-time", time] if time else []
        self.gpg(*clock, "--quick-generate-key", f"{name} <{name}@example.org>", algorithm, "sign", expire)

    def fingerprint(self, name: str) -> str:
        listing = self.gpg("--with-colons", "--list-keys", f"{name}@example.org").decode()
        return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))

    def add_signing_subkey(self, name: str, *, time: str, expire: str) -> None:
        self.gpg("--faked-system-time", time, "--quick-add-key", self.fingerprint(name), "ed25519", "sign", expire)

    def revoke(self, name: str) -> None:
        certificate = (self.home / "openpgp-revocs.d" / f"{self.fingerprint(name)}.rev").read_text()
        self.gpg("--import", stdin=certificate.replace(":-----BEGIN", "-----BEGIN").encode())

    def keyring(self, path: Path, *names: str, armour: bool = False) -> Path:
        form = ["--armor"] if armour else []
        path.write_bytes(self.gpg(*form, "--export", *(f"{name}@example.org" for name in names)))
        return path

    def clearsign(self, text: bytes, *names: str, options: tuple[str, ...] = ()) -> bytes:
        users = [word for name in names for word in ("--local-user", f"{name}@example.org")]
        return self.gpg(*options, *users, "--clearsign", stdin=text)

    def detached(self, text: bytes, *names: str, options: tuple[str, ...] = ()) -> bytes:
        users = [word for name in names for word in ("--local-user", f"{name}@example.org")]
        return self.gpg(*options, *users, "--armor", "--detach-sign", stdin=text)

    def stop(self) -> None:
        run([find("gpgconf", package="gnupg"), "--homedir", self.home, "--kill", "gpg-agent"], accept=range(256))


def deb_bytes(name: str, version: str) -> bytes:
    """The content of a fake .deb; only its length and digest ever count here."""
    return f"{name} {version}\n".encode() * 500


def stanza(name: str, version: str = "1.0", architecture: str = "amd64", **fields: str) -> str:
    """One paragraph of a package list; ``pre_depends="libc6"`` becomes ``Pre-Depends: libc6``."""
    deb = deb_bytes(name, version)
    values = {
        "Package": name,
        "Version": version,
        "Architecture": architecture,
        **{key.title().replace("_", "-"): value for key, value in fields.items()},
        "Filename": f"pool/main/{name[0]}/{name}/{name}_{version.replace(':', '%3a')}_{architecture}.deb",
        "Size": str(len(deb)),
        "SHA256": hashlib.sha256(deb).hexdigest(),
        "Description": f"{name} for tests",
    }
    return "".join(f"{key}: {value}\n" for key, value in values.items())


@dataclass
class FakeSuite:
    """A suite, written again by `publish` whenever a field has changed."""

    keys: Keys
    files: dict[str, bytes]
    """Path below the server's root → what it answers."""
    name: str = "trixie"
    root: str = "debian"
    packages: tuple[str, ...] = ()
    """Paragraphs of the only package list."""
    date: datetime = datetime(2026, 6, 30, 12, tzinfo=UTC)
    valid_until: datetime | None = datetime(2026, 7, 7, 12, tzinfo=UTC)
    fields: dict[str, str] = field(default_factory=dict)
    """Further or other fields of Release."""
    signers: tuple[str, ...] = ("good",)
    architecture: str = "amd64"
    more_architectures: tuple[str, ...] = ()
    """Architectures that have the same package list, of packages for ``all``."""
    contents: str = ""
    """Lines of the list of files in packages; without them there is no such list."""

    def publish(self) -> None:
        text = "\n".join(self.packages).encode()
        compressed = lzma.compress(text, preset=0)
        listed: dict[str, bytes] = {}
        for architecture in (self.architecture, *self.more_architectures):
            path = f"main/binary-{architecture}/Packages"
            self.put(path + ".xz", compressed)
            self.put(f"main/binary-{architecture}/by-hash/SHA256/{hashlib.sha256(compressed).hexdigest()}", compressed)
            listed |= {path: text, path + ".xz": compressed}
        if self.contents:
            files = f"main/Contents-{self.architecture}.gz"
            listed[files] = gzip.compress(self.contents.encode(), mtime=0)
            self.put(f"main/by-hash/SHA256/{hashlib.sha256(listed[files]).hexdigest()}", listed[files])
        self.sign(self.release(listed))
        for paragraph in self.packages:
            values = dict(line.split(": ", 1) for line in paragraph.splitlines())
            self.files[f"/{self.root}/{values['Filename'].replace('%', '%25')}"] = deb_bytes(
                values["Package"], values["Version"]
            )

    def release(self, listed: Mapping[str, bytes]) -> str:
        fields = {
            "Origin": "Test",
            "Suite": "stable",
            "Codename": self.name,
            "Date": format_datetime(self.date).replace("+0000", "UTC"),
            **({"Valid-Until": format_datetime(self.valid_until).replace("+0000", "UTC")} if self.valid_until else {}),
            "Acquire-By-Hash": "yes",
            "No-Support-for-Architecture-all": "Packages",
            "Architectures": " ".join(["all", self.architecture, *self.more_architectures]),
            "Components": "main contrib",
            **self.fields,
        }
        lines = [f"{name}: {value}" for name, value in fields.items() if value]
        lines += [
            "SHA256:",
            *(f" {hashlib.sha256(data).hexdigest()} {len(data)} {path}" for path, data in listed.items()),
        ]
        return "\n".join(lines) + "\n"

    def sign(self, release: str) -> None:
        self.put("InRelease", self.keys.clearsign(release.encode(), *self.signers))

    def put(self, path: str, data: bytes) -> None:
        self.files[f"/{self.root}/dists/{self.name}/{path}"] = data

    def get(self, path: str) -> bytes:
        return self.files[f"/{self.root}/dists/{self.name}/{path}"]


Fault = Callable[[BaseHTTPRequestHandler, bytes], bool]
"""Answers a request itself and returns True, or leaves it to the server."""


@dataclass
class Server:
    """What the outside saw, and where it fails."""

    uri: str
    files: dict[str, bytes]
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)
    """Path → what to do instead of answering."""

    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.requests.append((self.path, dict(self.headers)))
            data = files.get(self.path)
            fault = server.faults.get(self.path)
            if fault is not None and fault(self, data or b""):
                return
            if data is None:
                self.reply(404, b"no such file\n")
                return
            wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if wanted:
                start = int(wanted[1])
                span = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
                self.reply(206, data[start:], **span)
            else:
                self.reply(200, data)

        def reply(self, status: int, data: bytes, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    class QuietServer(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Clients that hang up are what some tests are about."""

    http = QuietServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}", files)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def names(root: Path) -> list[str]:
    """The files below a directory, as paths relative to it, sorted."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
