"""What cannot be locked is refused before the archive is asked, and no file is written over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage import api
from sysimage.api.catalog import archive_of
from sysimage.api.values import LockedPackages
from sysimage.digest import Digest
from sysimage_bootstrap.packages.lock import LockFile
from sysimage_bootstrap.packages.package_request import PackageRequest
from tests.api.test_comparison import lock_of

SPEC: dict[str, Any] = {"name": "web", "packages": ["nginx"]}


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> api.Settings:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/x.json").touch()
    return api.Settings(cache_dir=tmp_path / "cache", environ={}, offline=True)


def refused(error: type[api.SysimageError], *arguments: Any, **more: Any) -> api.SysimageError:
    with pytest.raises(error) as caught:
        api.lock(*arguments, **more)
    return caught.value


def test_what_a_store_holds_is_not_locked(store: Path, offline: api.Settings) -> None:
    error = refused(api.SpecError, store / "small.json", settings=offline)
    assert error.message == "cannot lock small: it is made of what a store holds, not of packages"
    assert error.hint == "name store paths instead of links; their hashes say exactly what is in them"
    assert not (store / "small.lock.json").exists()


def test_a_lock_file_takes_no_place_of_another_file(offline: api.Settings) -> None:
    spec = Path("web.json")
    Path("more.json").write_text("{}")
    Path("keys.gpg").write_text("")
    spec.write_text(json.dumps({**SPEC, "include": ["more.json"], "files": {"/x": {"source": "keys.gpg"}}}))
    before = {path: path.read_bytes() for path in Path().glob("*.*")}
    for place, what in (
        ("web.json", "is the spec"),
        ("more.json", "is a file that the spec includes"),
        ("keys.gpg", "is the source of /x"),
        ("cache/x.json", "is the cache, and holds it"),
    ):
        error = refused(api.SpecError, spec, place, settings=offline)
        assert (error.message, error.hint) == (
            f"cannot write {place}: it is also an input",
            "say another lock_file",
        )
        assert [issue.message for issue in error.issues] == [what]
    Path("notes.txt").write_text("mine")
    assert "notes.txt" in refused(api.SpecError, spec, "notes.txt", settings=offline).message
    assert {path: path.read_bytes() for path in Path().glob("*.*") if path in before} == before


def test_packages_alone_are_updated_in_a_lock_file_that_can_be_read(offline: api.Settings) -> None:
    Path("broken.json").write_text('{"format": "sysimage lock", "version": 1')
    for place in (None, "none.json"):
        error = refused(api.LockError, SPEC, place, update=["nginx", "bash"], settings=offline)
        assert error.message == "cannot update nginx, bash alone: there is no lock file that can be read"
        assert error.hint == "run `sysimage lock` without --update first"
    lock_of(Path("old.json"))
    for place, update in (("old.json", ["nginx"]), ("old.json", []), ("none.json", []), (None, [])):
        before = Path("old.json").read_bytes()
        error = refused(api.RegistryError, SPEC, place, update=update, settings=offline)
        assert "the network is off" in str(error)
        assert Path("old.json").read_bytes() == before
    assert not Path("none.json").exists()


def test_the_base_image_of_a_registry_is_asked_for_and_one_of_this_machine_is_not(offline: api.Settings) -> None:
    on_registry = {**SPEC, "from-image": "host.test/base:1"}
    assert "cannot ask for host.test/base:1" in refused(api.RegistryError, on_registry, settings=offline).message
    Path("base.tar").touch()
    here = {**SPEC, "from-image": "base.tar"}
    assert "base" not in refused(api.RegistryError, here, settings=offline).message


def test_locked_packages_are_those_of_the_lock_with_the_bytes_of_all(offline: api.Settings) -> None:
    from sysimage_bootstrap.packages.lock import read_lock

    lock: LockFile = read_lock(lock_of(Path("web.lock.json"), PackageRequest("amd64", ("nginx",))))
    locked = LockedPackages.of(lock, Path("web.lock.json"))
    packages = lock.resolution.packages
    assert locked.lock_file == Path("web.lock.json")
    assert [(one.name, one.version, one.architecture) for one in locked.packages] == [
        ("libc6", "2.41-1", "amd64"),
        ("nginx", "1.26-3", "amd64"),
    ]
    assert [(one.size, one.digest) for one in locked.packages] == [(one.size, one.digest) for one in packages]
    assert locked.size == sum(one.size for one in packages) > 0
    assert all(isinstance(one.digest, Digest) for one in locked.packages)
    assert LockedPackages(None, ()).size == 0


def test_an_archive_has_the_suites_that_are_asked_for_or_those_of_a_spec(offline: api.Settings) -> None:
    assert {source.suite for source in archive_of(offline, ["sid"]).sources} == {"sid"}
    usual = {source.suite for source in archive_of(offline).sources}
    assert usual >= {"trixie"}
    assert archive_of(offline).cache_dir == offline.cache / "archive"
