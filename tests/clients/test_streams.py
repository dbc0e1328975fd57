"""Images streamed by the command line to a loader that reads standard input, in every form and compression."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.conftest import Client
from tests.clients.test_engines import engine
from tests.support.builds import registered
from tests.support.store_builder import StoreBuilder, small_system


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("streams")
    closure = small_system(StoreBuilder(top / "store"))
    registered(closure, top / "registration")
    source = {"paths": [str(closure.roots[0])], "source": "registration", "location": "store"}
    (top / "system.json").write_text(json.dumps({"name": "streamed", "from-store": source, "tags": ["1", "latest"]}))
    return top / "system.json"


def build(spec: Path, *flags: str, env: dict[str, str] | None = None) -> bytes:
    command = [sys.executable, "-m", "sysimage", "build", "-q", "--cache-dir", str(spec.parent / "cache"), *flags]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(env or {})}
    done = subprocess.run([*command, str(spec)], capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


FORMS = [
    (form, compression)
    for form in ("archive", "docker-archive")
    for compression in ("none", "gzip", "zstd")
    if (form, compression) != ("docker-archive", "zstd")
]


@pytest.mark.parametrize(("form", "compression"), FORMS)
def test_podman_loads_the_stream(
    form: str,
    compression: str,
    spec: Path,
    client: Client,
    policy: Path,
    workspace: Path,
) -> None:
    data = build(spec, "--format", form, "--compression", compression, "-o", "-")
    podman = engine("podman", workspace)
    client(*podman, "load", "--signature-policy", policy, stdin=data)
    listed = client(*podman, "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}}").stdout.decode().split()
    names = {name.rpartition("/")[2] for name in listed}
    # An OCI layout has one name for each of its images; the older form lists them all.
    assert names == ({"streamed:1"} if form == "archive" else {"streamed:1", "streamed:latest"})
    file = workspace / "file.tar"
    build(spec, "--format", form, "--compression", compression, "-o", str(file))
    assert file.read_bytes() == data


def test_an_uncompressed_docker_archive_leaves_nothing_on_the_disk(spec: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    flags = ("--format", "docker-archive", "--compression", "none", "-o", "-", "--cache-dir", str(cache))
    assert len(build(spec, *flags)) > 1_000_000
    assert sorted(path.name for path in cache.iterdir()) == ["lock", "plans"], "no layer is among what is kept"


def test_when_an_image_was_made_is_what_is_specified(spec: Path, tmp_path: Path) -> None:
    def created(*flags: str, **env: str) -> str:
        out = tmp_path / "layout/"
        build(spec, "-o", f"{out}/", *flags, env=env)
        index = json.loads((out / "index.json").read_text())
        blobs = out / "blobs/sha256"
        manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_text())
        value = json.loads((blobs / manifest["config"]["digest"][7:]).read_text())
        assert {entry["created"] for entry in value["history"]} == {value["created"]}
        return str(value["created"])

    assert created() == "1970-01-01T00:00:01Z"
    assert created(SOURCE_DATE_EPOCH="1700000000") == "2023-11-14T22:13:20Z"
    assert created("--created", "2026-01-31", SOURCE_DATE_EPOCH="1700000000") == "2026-01-31T00:00:00Z"
    assert created("--created", "now") >= "2026-01-01"
