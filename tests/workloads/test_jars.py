"""An application of two jars serves, its Java trusts a declared authority, and a scanner sees both jars.

``jars/lib`` was made by ``jars/src/make``.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.clients.test_scanners import syft
from tests.support.examples import build_spec
from tests.support.namespaces import boot, unpack
from tests.workloads.test_workloads import answers

HERE = Path(__file__).parent
_FETCH = "java -cp '/srv/shop/lib/*' org.example.shop.Fetch"


def make_certificates(top: Path) -> None:
    """An authority, ``authority.pem``, and a server's key and certificate by it, ``server.pem``."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"]
    subprocess.run(
        ["openssl", "req", "-x509", *key, "-subj", "/CN=Shop CA", "-keyout", "ca.key", "-out", "authority.pem"],
        cwd=top,
        check=True,
        capture_output=True,
    )
    signed = ["-CA", "authority.pem", "-CAkey", "ca.key", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        ["openssl", "req", "-x509", *key, "-subj", "/CN=localhost", *signed, "-keyout", "s.key", "-out", "s.pem"],
        cwd=top,
        check=True,
        capture_output=True,
    )
    (top / "server.pem").write_text((top / "s.key").read_text() + (top / "s.pem").read_text())


def test_two_jars_serve_and_their_java_trusts_a_declared_authority(tmp_path: Path) -> None:
    top = tmp_path / "shop"
    shutil.copytree(HERE / "jars", top)
    make_certificates(top)
    archive = build_spec(top / "system.json", tmp_path / "image.tar")
    artifacts, owned, _ = syft(archive)
    found = [one for key, one in artifacts.items() if one["type"] == "java-archive" and key not in owned]
    places = [place["path"] for one in found for place in one["locations"]]
    assert sorted(places) == ["/srv/shop/lib/greeting-1.0.0.jar", "/srv/shop/lib/shop-1.0.0.jar"]
    assert sorted((one["name"], one["version"]) for one in found) == [("greeting", "1.0.0"), ("shop", "1.0.0")]
    with unpack(archive) as files, boot(files) as system:
        answers(system, "curl -sf http://127.0.0.1:8000/ann", "hello ann from Java")
        answers(system, f"{_FETCH} https://localhost:8443/", "status 200")
        answers(system, f"{_FETCH} https://127.0.0.1:8443/ 2>&1", "SSLHandshakeException")
        assert system.stop() == 0
