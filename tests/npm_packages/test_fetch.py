"""Tarballs come from a directory, or by npm from the registry it is configured for; what is not locked is refused."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, MachineError, RegistryError, SpecError
from sysimage.npm_packages.fetch import TarballSource
from sysimage.npm_packages.lock_file import LockedNpmPackage
from tests.support.npm_packages import integrity, make_tarball


def locked(tarball: Path, name: str = "one", version: str = "1.0.0", path: Path | None = None) -> LockedNpmPackage:
    digest = hashlib.sha512(tarball.read_bytes()).hexdigest()
    return LockedNpmPackage(name, version, f"node_modules/{name}", "sha512", digest, path=path)


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
    with pytest.raises(SpecError) as caught:
        source.fetch([package])
    assert str(caught.value) == (
        "cannot find the tarballs of the lock file\n"
        f"  /node/tarballs: no file in {tmp_path}/npm has the hash of one 1.0.0"
    )
    assert caught.value.hint == "npm pack NAME@VERSION fetches one"


def test_a_directory_gives_the_first_of_files_that_are_the_same_whichever_hash_is_locked(tmp_path: Path) -> None:
    one = make_tarball(tmp_path / "npm/b.tar.gz", {})
    two = make_tarball(tmp_path / "npm/z.tgz", {"z.js": ""})
    for name in ("c.tgz", "a.zip", "0.tgz.part"):
        (tmp_path / "npm" / name).write_bytes(one.read_bytes())
    short = hashlib.sha256(two.read_bytes()).hexdigest()
    packages = [locked(one), LockedNpmPackage("two", "1.0.0", "node_modules/two", "sha256", short)]
    found = TarballSource(tmp_path / "cache", {}, tmp_path, tmp_path / "npm").fetch(packages)
    assert found == {packages[0].digest: one, short: two}


def test_a_damaged_tarball_of_the_cache_is_not_believed(tmp_path: Path) -> None:
    source = TarballSource(tmp_path / "cache", {}, tmp_path, offline=True)
    package = locked(make_tarball(tmp_path / "one.tgz", {}))
    place = source.files.keep(tmp_path / "one.tgz", package.digest, "package.tgz")
    assert source.fetch([package]) == {package.digest: place}
    place.write_bytes(b"damaged")
    with pytest.raises(RegistryError) as caught:
        source.fetch([package])
    assert str(caught.value) == (
        "cannot fetch npm packages: the network is off\n  /node/lock: one 1.0.0 is not in the cache"
    )
    assert caught.value.hint == 'say "tarballs": "DIRECTORY" for tarballs in a directory'


def test_a_tarball_beside_the_lock_file_must_be_what_is_locked(tmp_path: Path) -> None:
    tarball = make_tarball(tmp_path / "one.tgz", {})
    package = locked(tarball, path=tarball)
    assert TarballSource(tmp_path / "cache", {}, tmp_path).fetch([package]) == {package.digest: tarball}
    make_tarball(tarball, {"other.js": ""})
    with pytest.raises(IntegrityError) as caught:
        TarballSource(tmp_path / "cache", {}, tmp_path).fetch([package])
    assert str(caught.value) == (
        "cannot use tarballs: they are not what the lock file says\n"
        f"  {tarball}: is not the file that is locked as one 1.0.0"
    )


def test_without_npm_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    package = locked(make_tarball(tmp_path / "one.tgz", {}))
    with pytest.raises(MachineError) as caught:
        TarballSource(tmp_path / "cache", {}, tmp_path).fetch([package])
    assert str(caught.value) == "cannot fetch npm packages: there is no npm on this machine"
    assert caught.value.hint == 'install npm, or say "tarballs": "DIRECTORY" for tarballs in a directory'


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm that brings each file of the directory ``registry``, and whose file ``asked`` has what it was asked for, a
    line a time; it fails with the text of the file ``said`` beside it, if there is one."""
    script = tmp_path / "programs/npm"
    script.parent.mkdir()
    (tmp_path / "registry").mkdir()
    script.write_text(
        f"""#!/bin/sh
echo "$PWD" "$VARIABLE" "$@" >> {tmp_path}/asked
while [ "$1" != --pack-destination ]; do shift; done
cp {tmp_path}/registry/*.tgz "$2"
if [ -e {tmp_path}/said ]; then cat {tmp_path}/said >&2; exit 1; fi
"""
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    return tmp_path / "asked"


def test_npm_is_asked_for_each_version_once_and_without_scripts(tmp_path: Path, npm: Path) -> None:
    one = locked(make_tarball(tmp_path / "registry/one.tgz", {}, name="one"))
    two = locked(make_tarball(tmp_path / "registry/two.tgz", {}, name="two"), "two")
    deep = replace(one, place="node_modules/two/node_modules/one")
    source = TarballSource(tmp_path / "cache/npm", {"VARIABLE": "seen"}, tmp_path)
    found = source.fetch([two, one, deep])
    assert found == {each.digest: source.files.place(each.digest, "package.tgz") for each in (one, two)}
    where, variable, pack, *options, place, first, second = npm.read_text().split()
    assert (where, variable, pack, first, second) == (str(tmp_path), "seen", "pack", "one@1.0.0", "two@1.0.0")
    assert options == ["--ignore-scripts", "--no-update-notifier", "--loglevel=error", "--pack-destination"]
    assert Path(place).is_relative_to(tmp_path / "cache/npm")
    assert [path.name for path in (tmp_path / "cache/npm").iterdir()] == ["files"]


def test_a_command_line_of_npm_has_an_end(tmp_path: Path, npm: Path) -> None:
    digest = hashlib.sha512(make_tarball(tmp_path / "registry/one.tgz", {}).read_bytes()).hexdigest()
    packages = [
        LockedNpmPackage(f"p{number}", "1.0.0", f"node_modules/p{number}", "sha512", digest) for number in range(401)
    ]
    assert TarballSource(tmp_path / "cache", {}, tmp_path).fetch(packages).keys() == {digest}
    asked = [[word for word in line.split() if "@" in word] for line in npm.read_text().splitlines()]
    assert [len(names) for names in asked] == [200, 200, 1]
    assert sorted(word for words in asked for word in words) == sorted(f"p{number}@1.0.0" for number in range(401))


def test_what_npm_brings_must_be_what_is_locked(tmp_path: Path, npm: Path) -> None:
    one = locked(make_tarball(tmp_path / "registry/one.tgz", {}))
    other = locked(make_tarball(tmp_path / "other.tgz", {"other.js": ""}), "two")
    with pytest.raises(IntegrityError) as caught:
        TarballSource(tmp_path / "cache", {}, tmp_path).fetch([one, other])
    assert str(caught.value) == (
        "cannot use what npm fetched: it is not what the lock file says\n"
        "  /node/lock: the registry has another two 1.0.0 than the one that is locked"
    )
    assert not list((tmp_path / "cache").iterdir())


def test_the_last_lines_of_npm_are_reported(tmp_path: Path, npm: Path) -> None:
    one = locked(make_tarball(tmp_path / "registry/one.tgz", {}))
    (tmp_path / "said").write_text("first\nsecond\n\nnpm error code E404\n  \nnpm ERR! 404\nx npm error \na\nb\nc\n")
    with pytest.raises(RegistryError) as caught:
        TarballSource(tmp_path / "cache", {}, tmp_path).fetch([one])
    assert caught.value.message == "cannot fetch npm packages: npm failed"
    assert caught.value.hint == 'say "tarballs": "DIRECTORY" for tarballs in a directory'
    said = ["code E404", "404", "x npm error ", "a", "b", "c"]
    assert [(issue.where, issue.message) for issue in caught.value.issues] == [("npm", line) for line in said]
