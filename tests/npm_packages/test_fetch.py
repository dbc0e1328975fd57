"""Tarballs come from a directory, or by npm from the registry it is configured for; what is not locked is refused."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, MachineError, RegistryError, SpecError
from sysimage.npm_packages.fetch import TarballSource
from sysimage.npm_packages.lock_file import LockedPackage
from tests.support.npm_packages import integrity, make_tarball


def locked(tarball: Path, name: str = "one", version: str = "1.0.0", path: Path | None = None) -> LockedPackage:
    digest = hashlib.sha512(tarball.read_bytes()).hexdigest()
    return LockedPackage(name, version, f"node_modules/{name}", "sha512", digest, path=path)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What npm reads of a registry that has ``one``, whose install script says that it ran."""
    top = tmp_path / "registry"
    scripts = dict.fromkeys(("preinstall", "install", "prepare", "prepack", "postpack"), f"touch {tmp_path}/ran")
    manifest = {"name": "one", "version": "1.0.0", "scripts": scripts}
    tarball = make_tarball(top / "files/one-1.0.0.tgz", {"package.json": json.dumps(manifest)})
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(top))) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        dist = {"tarball": f"{address}/files/one-1.0.0.tgz", "integrity": integrity(tarball)}
        versions = {"1.0.0": {**manifest, "dist": dist}}
        (top / "one").write_text(json.dumps({"name": "one", "versions": versions, "dist-tags": {"latest": "1.0.0"}}))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "npm_config_registry": address,
            "npm_config_fetch_retries": "0",
            "npm_config_cache": str(tmp_path / "npm-cache"),
            "npm_config_userconfig": os.devnull,
        }
        server.shutdown()


@pytest.mark.programs
def test_npm_brings_what_is_locked_once_and_runs_no_script(tmp_path: Path, registry: dict[str, str]) -> None:
    package = locked(tmp_path / "registry/files/one-1.0.0.tgz")
    (found,) = TarballSource(tmp_path / "cache", registry, tmp_path).fetch([package]).values()
    assert hashlib.sha512(found.read_bytes()).hexdigest() == package.digest
    assert TarballSource(tmp_path / "cache", {}, tmp_path, offline=True).fetch([package]) == {package.digest: found}
    assert not (tmp_path / "ran").exists()
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["files"]


@pytest.mark.programs
def test_an_npmrc_beside_the_lock_file_says_where_the_registry_is(tmp_path: Path, registry: dict[str, str]) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".npmrc").write_text(f"registry={registry.pop('npm_config_registry')}\nignore-scripts=false\n")
    package = locked(tmp_path / "registry/files/one-1.0.0.tgz")
    assert TarballSource(tmp_path / "cache", registry, project).fetch([package]).keys() == {package.digest}
    assert not (tmp_path / "ran").exists()


@pytest.mark.programs
def test_another_tarball_than_the_locked_one_is_refused(tmp_path: Path, registry: dict[str, str]) -> None:
    other = locked(make_tarball(tmp_path / "other.tgz", {"other.js": ""}))
    with pytest.raises(IntegrityError, match=r"another one 1\.0\.0 than the one that is locked"):
        TarballSource(tmp_path / "cache", registry, tmp_path).fetch([other])
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.programs
def test_the_output_of_npm_is_reported(tmp_path: Path, registry: dict[str, str]) -> None:
    package = locked(tmp_path / "registry/files/one-1.0.0.tgz", version="2.0.0")
    with pytest.raises(RegistryError, match=r"No matching version found for one@2\.0\.0"):
        TarballSource(tmp_path / "cache", registry, tmp_path).fetch([package])


def test_a_directory_gives_tarballs_by_their_hash_whatever_they_are_called(tmp_path: Path) -> None:
    tarball = make_tarball(tmp_path / "npm/any-name.tgz", {})
    source = TarballSource(tmp_path / "cache", {}, tmp_path, tmp_path / "npm")
    package = locked(tarball)
    assert source.fetch([package]) == {package.digest: tarball}
    make_tarball(tarball, {"other.js": ""})
    with pytest.raises(SpecError, match=r"has the hash of one 1\.0\.0"):
        source.fetch([package])


def test_a_damaged_tarball_of_the_cache_is_not_believed(tmp_path: Path) -> None:
    source = TarballSource(tmp_path / "cache", {}, tmp_path, offline=True)
    package = locked(make_tarball(tmp_path / "one.tgz", {}))
    place = source.files.keep(tmp_path / "one.tgz", package.digest, "package.tgz")
    assert source.fetch([package]) == {package.digest: place}
    place.write_bytes(b"damaged")
    with pytest.raises(RegistryError, match=r"one 1\.0\.0 is not in the cache"):
        source.fetch([package])


def test_a_tarball_beside_the_lock_file_must_be_what_is_locked(tmp_path: Path) -> None:
    tarball = make_tarball(tmp_path / "one.tgz", {})
    package = locked(tarball, path=tarball)
    assert TarballSource(tmp_path / "cache", {}, tmp_path).fetch([package]) == {package.digest: tarball}
    make_tarball(tarball, {"other.js": ""})
    with pytest.raises(IntegrityError, match=r"is not the file that is locked as one 1\.0\.0"):
        TarballSource(tmp_path / "cache", {}, tmp_path).fetch([package])


def test_without_npm_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    package = locked(make_tarball(tmp_path / "one.tgz", {}))
    with pytest.raises(MachineError, match="there is no npm on this machine"):
        TarballSource(tmp_path / "cache", {}, tmp_path).fetch([package])
