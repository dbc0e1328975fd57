"""A tarball becomes the item that npm would unpack, and its programs are in .bin."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import IntegrityError
from sysimage.npm_packages.items import PackageItems
from sysimage.npm_packages.lock_file import LockedNpmPackage
from sysimage.store.items import ShownFiles, StoreItem
from sysimage_bootstrap.store import ItemStore
from tests.support.npm_packages import make_tarball


def locked(tarball: Path, place: str = "node_modules/x", **said: Any) -> LockedNpmPackage:
    name = place.rpartition("node_modules/")[2]
    return LockedNpmPackage(name, "1.0.0", place, "sha512", hashlib.sha512(tarball.read_bytes()).hexdigest(), **said)


def made(top: Path, tarball: Path, place: str = "node_modules/x", **said: Any) -> tuple[StoreItem, Path]:
    items = PackageItems(ItemStore(top / "store", "/gnu/store"), "/srv/app")
    item = items.item(locked(tarball, place, **said), tarball)
    assert item.location is not None
    return item, item.location


def test_an_item_holds_the_package_at_its_place(tmp_path: Path) -> None:
    tarball = make_tarball(tmp_path / "x.tgz", {"lib/x.js": "x", "run": "#!/bin/sh\n"}, programs=("run",))
    item, location = made(tmp_path, tarball)
    assert item.path.name == "node-x-1.0.0"
    assert item.source == "node-x"
    assert item.shown == ShownFiles(top="/srv/app")
    digest = hashlib.sha512(tarball.read_bytes()).hexdigest()
    facts = ItemStore(tmp_path / "store", "/gnu/store").facts(item.path)
    assert facts == {"sha512": digest, "purl": "pkg:npm/x@1.0.0"}
    modes = {name: (location / "node_modules/x" / name).stat().st_mode & 0o777 for name in ("lib/x.js", "run")}
    assert modes == {"lib/x.js": 0o444, "run": 0o555}


def test_a_program_is_a_link_beside_the_package_to_an_executable_file(tmp_path: Path) -> None:
    tarball = make_tarball(tmp_path / "x.tgz", {"cli.js": "#!/usr/bin/env node\r\nx\r\n"})
    place = "node_modules/a/node_modules/@scope/x"
    item, location = made(tmp_path, tarball, place, bin={"x": "cli.js", "none": "nowhere.js"})
    links = location / "node_modules/a/node_modules/.bin"
    assert [(link.name, str(link.readlink())) for link in links.iterdir()] == [("x", "../@scope/x/cli.js")]
    assert (links / "x").stat().st_mode & 0o777 == 0o555
    assert (links / "x").read_bytes() == b"#!/usr/bin/env node\nx\r\n"
    assert item.path.name == "node-scope-x-1.0.0"
    assert ItemStore(tmp_path / "store", "/gnu/store").facts(item.path)["purl"] == "pkg:npm/%40scope/x@1.0.0"


@pytest.mark.parametrize(
    ("before", "after"),
    [("#!/bin/sh\n\r\n", "#!/bin/sh\n\r\n"), ("x\r\n#!y\r\n", "x\r\n#!y\r\n"), ("#!/bin/sh\r", "#!/bin/sh")],
)
def test_only_the_first_line_of_a_script_is_changed(tmp_path: Path, before: str, after: str) -> None:
    tarball = make_tarball(tmp_path / "x.tgz", {"bin/a": before, "bin/b": before})
    _, location = made(tmp_path, tarball, bin={"a": "bin/a", "c": "bin/a"})
    files = location / "node_modules/x/bin"
    assert [(files / name).read_bytes().decode() for name in "ab"] == [after, before]
    assert [(files / name).stat().st_mode & 0o777 for name in "ab"] == [0o555, 0o444]
    assert {link.name: link.readlink() for link in (location / "node_modules/.bin").iterdir()} == dict.fromkeys(
        ("a", "c"), Path("../x/bin/a")
    )


def test_an_item_has_a_name_that_stores_take(tmp_path: Path) -> None:
    tarball = make_tarball(tmp_path / "x.tgz", {})
    for place, name in (("node_modules/a~~b", "node-a-b-1.0.0"), (f"node_modules/{'x' * 200}", f"node-{'x' * 150}")):
        assert made(tmp_path, tarball, place)[0].path.name == name


def test_an_item_that_the_store_has_needs_no_tarball(tmp_path: Path) -> None:
    tarball = make_tarball(tmp_path / "x.tgz", {})
    package, items = locked(tarball), PackageItems(ItemStore(tmp_path / "store", "/gnu/store"), "/srv/app")
    assert not items.has(package)
    with pytest.raises(IntegrityError) as caught:
        items.item(package, None)
    assert str(caught.value) == "cannot make the item of x 1.0.0: the tarball is not there"
    item = items.item(package, tarball)
    assert items.has(package)
    assert items.item(package, None) == item
    assert items.path_of(package) == item.path


def test_links_of_a_tarball_are_left_out_as_npm_leaves_them_out(tmp_path: Path) -> None:
    tarball = make_tarball(tmp_path / "x.tgz", {}, links={"passwd": "/etc/passwd"})
    _, location = made(tmp_path, tarball)
    assert [path.name for path in (location / "node_modules/x").iterdir()] == ["package.json"]


@pytest.mark.parametrize("path", ["../../escaped", "a/../../escaped", "a/../b", "line\nend"])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        made(tmp_path, make_tarball(tmp_path / "x.tgz", {path: ""}))
    (issue,) = caught.value.issues
    assert (issue.where, issue.message) == ("/node/lock", f"{f'package/{path}'!r} is not a path inside a package")
    assert not list((tmp_path / "store/gnu/store").iterdir())


def test_files_are_below_the_first_directory_whatever_it_is_called(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as archive:
        for path in ("./other/", "other", "./other//lib/./x.js", "second/package.json"):
            member = tarfile.TarInfo(path)
            member.type = tarfile.DIRTYPE if path.endswith("/") else tarfile.REGTYPE
            archive.addfile(member)
    _, location = made(tmp_path, tmp_path / "x.tgz")
    top = location / "node_modules/x"
    assert sorted(str(one.relative_to(top)) for one in top.rglob("*")) == ["lib", "lib/x.js", "package.json"]


def test_an_absolute_path_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("/package/package.json"))
    with pytest.raises(IntegrityError, match=r"'/package/package\.json' is not a path inside a package"):
        made(tmp_path, tmp_path / "x.tgz")


@pytest.mark.parametrize("files", [{"a": "", "a/b": ""}, {"a/b": "", "a": ""}])
def test_a_file_in_the_place_of_a_directory_is_refused(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(IntegrityError, match="it is not a sound tarball"):
        made(tmp_path, make_tarball(tmp_path / "x.tgz", files))


@pytest.mark.parametrize("cut", [0, 10, 100, -1000])
def test_a_tarball_that_is_damaged_is_refused(tmp_path: Path, cut: int) -> None:
    tarball = make_tarball(tmp_path / "x.tgz", {"x.js": os.urandom(4096)})
    tarball.write_bytes(tarball.read_bytes()[:cut])
    with pytest.raises(IntegrityError, match=r"cannot unpack x 1\.0\.0"):
        made(tmp_path, tarball)


def test_a_tarball_without_a_package_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tgz", "w:gz"):
        pass
    with pytest.raises(IntegrityError, match=r"has no package\.json"):
        made(tmp_path, tmp_path / "x.tgz")


def test_an_item_follows_from_the_tarball_and_its_place_alone(tmp_path: Path) -> None:
    tarball = make_tarball(tmp_path / "x.tgz", {"x.js": "x"})
    before = os.umask(0o077)
    try:
        first, _ = made(tmp_path / "one", tarball)
    finally:
        os.umask(before)
    second, _ = made(tmp_path / "two", tarball)
    nested, _ = made(tmp_path / "two", tarball, "node_modules/a/node_modules/x")
    assert (first.path, first.nar_hash) == (second.path, second.nar_hash)
    assert nested.path != first.path


def test_a_tarball_of_other_compression_is_unpacked_too(tmp_path: Path) -> None:
    packed = make_tarball(tmp_path / "x.tgz", {"x.js": "x"})
    plain = tmp_path / "plain.tgz"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    assert (made(tmp_path, plain)[1] / "node_modules/x/x.js").read_text() == "x"
