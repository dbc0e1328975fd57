"""One small image of each kind of store, made once, for clients that we did not write.

A program that is missing fails the test with the line that installs it: what is not run is not known to work.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import MachineError
from sysimage.process import Completed, find, run, spawn
from sysimage.store.database import Schema
from tests.support.images import STORE_DIR, BuiltImage, build_image

PACKAGES = {
    "dockerd": "docker.io",
    "nix": "nix-bin",
    "cp": "coreutils",
    "nix-store": "nix-bin",
    "nix-hash": "nix-bin",
    "unshare": "util-linux",
}
GO_PROGRAMS = Path(os.environ.get("SYSIMAGE_GO_PROGRAMS", "/absent"))
"""Where ``make peers`` has put what it builds with Go; without that the tests of it are left out."""
collect_ignore_glob = [] if "SYSIMAGE_GO_PROGRAMS" in os.environ else ["test_go_*"]
IS_ROOT = os.geteuid() == 0
READY_SECONDS = 60.0
PODMAN = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
"""
"""What Podman needs where systemd is not process 1, and the limits are not ours to raise."""
Environment = Mapping[str, str]


def need(program: str) -> Path:
    """Where a program is, or a failure that says how to install it."""
    try:
        return find(program, package=PACKAGES.get(program))
    except MachineError as error:
        pytest.fail(f"{error}: {error.hint}")


@pytest.fixture
def workspace() -> Iterator[Path]:
    """A place with a short name: Podman refuses a long one."""
    with tempfile.TemporaryDirectory(prefix="c-") as directory:
        yield Path(directory)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A trust policy, which container tools want to have: any image."""
    path = tmp_path / "policy.json"
    path.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    return path


@dataclass(frozen=True)
class Client:
    """Runs other people's programs with a home of their own."""

    home: Path

    def __call__(
        self, *words: str | Path, accept: tuple[int, ...] = (0,), cwd: Path | None = None, stdin: bytes | None = None
    ) -> Completed:
        program, *arguments = words
        path = need(str(program))
        environment = dict.fromkeys(("HOME", "NIX_CONF_DIR", "TMPDIR"), str(self.home))
        environment["CONTAINERS_CONF"] = str(self.home / "containers.conf")
        return run([path, *arguments], env=environment, accept=accept, cwd=cwd, stdin=stdin)


@dataclass(frozen=True)
class Small:
    """The small system, built and written."""

    built: BuiltImage
    schema: Schema
    archive: Path
    layout: Path
    listing: str

    @property
    def system(self) -> str:
        return str(self.built.closure.roots[0])

    @property
    def store_dir(self) -> str:
        return STORE_DIR[self.schema]


@dataclass(frozen=True)
class Registry:
    """A registry of another project, which listens on this machine."""

    address: str
    data: Path

    def blobs(self, repository: str) -> dict[str, int]:
        """What a repository holds: digest (hexadecimal) → bytes."""
        root = self.data / "docker/registry/v2"
        links = (root / "repositories" / repository / "_layers/sha256").glob("*")
        return {one.name: (root / "blobs/sha256" / one.name[:2] / one.name / "data").stat().st_size for one in links}


@contextlib.contextmanager
def running_registry(workspace: Path, **http: Any) -> Iterator[Registry]:
    """Debian's docker-registry, with nothing in it at first; ``http`` are other settings of its server."""
    auth = {"auth": http.pop("auth")} if "auth" in http else {}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = {
        "version": 0.1,
        "log": {"accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(workspace / "data")}},
        "http": {"addr": address, **http},
        **auth,
    }
    (workspace / "config.yml").write_text(json.dumps(config))
    with (workspace / "log").open("wb") as log:
        process = spawn(
            [need("docker-registry"), "serve", workspace / "config.yml"], stdout=log, stderr=log, cwd=workspace
        )
        try:
            host, port = address.split(":")
            while True:  # as long as it lives; that it hangs is for the limit of the test
                try:
                    socket.create_connection((host, int(port))).close()
                    break
                except OSError:
                    assert process.poll() is None, (workspace / "log").read_text()
                    time.sleep(0.05)
            yield Registry(address, workspace / "data")
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Debian's docker-registry, without TLS and for every user."""
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    home = tmp_path_factory.mktemp("home")
    (home / "nix.conf").write_text("build-users-group =\nsubstitute = false\nsandbox = false\nsandbox-paths =\n")
    # Locks in files of the tests, not in shared memory that another user's Podman may hold.
    (home / "containers.conf").write_text('[engine]\nlock_type = "file"\nevents_logger = "none"\n')
    return Client(home)


def _small(workspace: Path, schema: Schema) -> Small:
    built = build_image(workspace, schema=schema)
    archive, layout = built.archive(workspace / "image.tar"), built.layout(workspace / "layout")
    return Small(built, schema, archive, layout, built.listing())


@pytest.fixture(scope="session")
def guix_image(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return _small(tmp_path_factory.mktemp("guix"), Schema.GUIX)


@pytest.fixture(scope="session")
def nix_image(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return _small(tmp_path_factory.mktemp("nix"), Schema.NIX)


@pytest.fixture(scope="module")
def short() -> Iterator[Path]:
    """A place with a short name: engines refuse long ones."""
    with tempfile.TemporaryDirectory(prefix="e-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def docker(short: Path) -> Iterator[Environment]:
    """A daemon of our own, with no network of its own; on a machine that does not let it start the test says so."""
    dockerd = need("dockerd")
    if not IS_ROOT:
        pytest.skip("Docker's daemon is started by root only")
    place = short / "docker"
    place.mkdir()
    socket = f"unix://{place}/socket"
    words: list[str | Path] = [dockerd, "--data-root", place / "root", "--exec-root", place / "exec"]
    words += ["--pidfile", place / "pid", "--host", socket, "--bridge=none", "--iptables=false"]
    environment = {**os.environ, "DOCKER_HOST": socket, "HOME": str(place)}
    with (place / "log").open("wb") as log:
        daemon = spawn(words, env={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while subprocess.run(["docker", "version"], env=environment, capture_output=True).returncode:
            if daemon.poll() is not None or time.monotonic() > deadline:
                last = (place / "log").read_text().strip().splitlines()[-1:]
                pytest.skip(f"Docker's daemon does not start on this machine: {last}")
            time.sleep(0.2)
        yield environment
    finally:
        daemon.terminate()
        daemon.wait(60)
        subprocess.run(["umount", place / "exec/netns/default"], capture_output=True)  # which it leaves mounted


@pytest.fixture(scope="module")
def podman(short: Path) -> Iterator[Environment]:
    """Podman with storage of our own."""
    need("podman")
    if not IS_ROOT:
        pytest.skip("Podman without root needs a session of its user")
    conf = short / "containers.conf"
    runtime = next((name for name in ("runc", "crun") if Path(f"/usr/sbin/{name}").exists()), None)
    conf.write_text(PODMAN + (f'runtime = "{runtime}"\n' if runtime else ""))
    storage = short / "storage.conf"
    storage.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{short}/graph"\nrunroot = "{short}/run"\n')
    environment = {**os.environ, "CONTAINERS_CONF": str(conf), "CONTAINERS_STORAGE_CONF": str(storage)}
    tried = subprocess.run(["podman", "info"], env=environment, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"Podman does not work on this machine: {tried.stderr.strip().splitlines()[-1:]}")
    yield environment
    subprocess.run(["podman", "system", "reset", "--force"], env=environment, capture_output=True)
