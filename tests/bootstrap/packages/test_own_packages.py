"""Packages of the user's own: files beside the spec, resolved with the archive's and known by their hash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.errors import LockError, SpecError
from sysimage.spec.model import SystemSpec
from sysimage.spec.parse import spec_of_value
from sysimage_bootstrap.archive import index_of
from sysimage_bootstrap.packages.choose import package_request
from sysimage_bootstrap.packages.lock import LockFile, parse_lock
from sysimage_bootstrap.packages.package_request import OWN, PackageRequest
from sysimage_bootstrap.packages.resolve import resolve
from tests.bootstrap.archive.fake_archive import stanza
from tests.bootstrap.debs.made_debs import Member, control, deb_bytes

LISTS = "\n".join([stanza("jq", "1.7"), stanza("shop", "9.0"), stanza("other", depends="shop (>= 1)")])
AWS = b"AKIA" + b"Q" * 16


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[..., PackageRequest]:
    """The request of a spec with some packages, none of which every system has."""

    def of(*packages: str, **more: object) -> PackageRequest:
        spec = spec_of_value(
            {"name": "x", "packages": packages, "essential": False, "command": ["x"], **more}, tmp_path
        ).spec
        return only(package_request(spec, tmp_path, tmp_path / "cache"), spec)

    return of


def only(request: PackageRequest, spec: SystemSpec) -> PackageRequest:
    own = [f"{one.package.name}={one.package.version}" for one in request.own]
    return replace(request, packages=(*spec.archive_packages, *own))


def shop(top: Path, version: str = "1.2", name: str = "shop", **more: object) -> str:
    text = control(name, version) + "Depends: jq (>= 1.6)\n"
    (top / f"{name}_{version}.deb").write_bytes(deb_bytes(name, control_text=text, **more))  # type: ignore[arg-type]
    return f"./{name}_{version}.deb"


def test_a_file_is_resolved_with_what_it_needs(request_of: Callable[..., PackageRequest], tmp_path: Path) -> None:
    found = resolve(index_of(LISTS, "amd64"), request_of(shop(tmp_path)))
    assert [str(package) for package in found.packages] == ["jq 1.7", "shop 1.2"]
    assert found.roots == ("shop",)
    assert found.edges["shop"] == ("jq",)
    assert found.package("shop").suite == OWN


def test_files_are_read_in_the_order_of_their_names(request_of: Callable[..., PackageRequest], tmp_path: Path) -> None:
    files = [shop(tmp_path, name=name) for name in ("c", "a", "b")]
    for _ in range(2):
        assert [one.package.name for one in request_of(*files).own] == ["a", "b", "c"]
        remembered = [file for file in (tmp_path / "cache/own-packages").rglob("*") if file.is_file()]
        assert len(remembered) == 3


def test_a_file_counts_before_what_the_archive_has_of_it(
    request_of: Callable[..., PackageRequest], tmp_path: Path
) -> None:
    found = resolve(index_of(LISTS, "amd64"), request_of("other", shop(tmp_path)))
    assert str(found.package("shop")) == "shop 1.2"
    same = resolve(index_of(LISTS, "amd64"), request_of(shop(tmp_path, "9.0")))
    assert same.package("shop").suite == OWN


def test_what_a_file_needs_and_the_archive_lacks_is_named(
    request_of: Callable[..., PackageRequest], tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match="there is no set of them that works") as caught:
        resolve(index_of(stanza("nothing"), "amd64"), request_of(shop(tmp_path)))
    assert "jq (>= 1.6)" in str(caught.value)


def test_a_lock_knows_a_file_by_its_hash(request_of: Callable[..., PackageRequest], tmp_path: Path) -> None:
    request = request_of(shop(tmp_path))
    suites = '[{"suite": "trixie", "codename": "trixie", "date": "2026-01-01T00:00:00Z", "inrelease": "sha256:%s"}]'
    written = LockFile.of(request, [], resolve(index_of(stanza("jq", "1.7"), "amd64"), request)).dumps()
    lock = parse_lock(written.replace('"suites": []', f'"suites": {suites % ("0" * 64)}'))
    lock.require(request)
    assert lock.resolution.package("shop").digest == request.own[0].package.digest
    shop(tmp_path, members=[Member("./usr/bin/new", b"x")])
    with pytest.raises(LockError, match="own: now"):
        lock.require(request_of("./shop_1.2.deb"))


def test_requests_without_files_are_what_they_were(request_of: Callable[..., PackageRequest]) -> None:
    assert "own" not in request_of("jq").document()


def test_every_fault_of_a_file_is_named(request_of: Callable[..., PackageRequest], tmp_path: Path) -> None:
    (tmp_path / "text.deb").write_text("no package")
    (tmp_path / "arm.deb").write_bytes(deb_bytes("arm", control_text=control("arm", architecture="arm64")))
    (tmp_path / "odd.deb").write_bytes(deb_bytes("odd", control_text="Package: odd\nVersion: 1\n"))
    (tmp_path / "again.deb").write_bytes(deb_bytes("arm", control_text=control("arm")))
    (tmp_path / "key.deb").write_bytes(deb_bytes("key", [Member("./etc/key/aws", b"key = " + AWS)]))
    with pytest.raises(SpecError) as caught:
        request_of("./text.deb", "./arm.deb", "./odd.deb", "./again.deb", "./key.deb")
    assert [str(issue) for issue in caught.value.issues] == [
        "/packages/0: ./text.deb cannot be used: cannot unpack ./text.deb: it is not an ar file",
        "/packages/1: ./arm.deb is for arm64, the image for amd64",
        "/packages/2: ./odd.deb cannot be used: architecture is missing",
        "/packages/3: ./again.deb is arm, and so is arm.deb",
        "/packages/4: ./key.deb has /etc/key/aws, which contains an access key of AWS; "
        'say "allow-secrets": ["/etc/key/aws"] if that is meant',
    ]
    assert request_of("./key.deb", **{"allow-secrets": ["/etc/key/*"]}).own[0].package.name == "key"


@pytest.mark.parametrize(
    ("word", "fault"),
    [
        ("./none.deb", "there is no package ./none.deb beside the spec"),
        ("./folder.deb", "is not a file"),
        ("./../up.deb", "must be a path inside the spec's own directory: relative, and without '..'"),
        ("x.deb/", "must be a package name"),
    ],
)
def test_a_file_is_beside_the_spec(word: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "folder.deb").mkdir()
    with pytest.raises(SpecError) as caught:
        spec_of_value({"name": "x", "packages": [word]}, tmp_path)
    assert fault in caught.value.issues[0].message
