"""Archives besides Debian's: each with keys of its own, whole or flat, as a spec or a file of apt names them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, MachineError, SpecError
from sysimage.spec.parse import spec_of_value
from sysimage_bootstrap.archive import Archive, ArchiveOptions, TransportOptions
from sysimage_bootstrap.packages.choose import ArchiveChoice, open_archive, package_request
from sysimage_bootstrap.packages.resolve import Resolution, resolve
from tests.bootstrap.archive.fake_archive import NOW, FakeSuite, Keys, Server, deb_bytes, stanza

Open = Callable[..., tuple[Archive, Resolution]]
pytestmark = pytest.mark.programs


@pytest.fixture
def vendor(keys: Keys, server: Server, tmp_path: Path) -> dict[str, Any]:
    """An archive with an nginx of its own, signed by a stranger, as a spec names it."""
    made = FakeSuite(keys, server.files, name="stable", root="vendor", signers=("stranger",))
    made.packages = (stanza("nginx", "9.0"), stanza("tool", "1.0", depends="libc6"))
    made.publish()
    keys.keyring(tmp_path / "vendor.asc", "stranger", armour=True)
    return {"address": f"{server.uri}/vendor/", "suites": ["stable"], "key": "vendor.asc"}


def flat(keys: Keys, server: Server, *packages: str) -> None:
    """A directory with packages, a list of them, and its Release."""
    text = "\n".join(packages).replace("Filename: pool/main/t/tool/", "Filename: ./").encode()
    server.files["/flat/Packages"] = text
    release = (
        f"Date: Tue, 30 Jun 2026 12:00:00 UTC\nSHA256:\n {hashlib.sha256(text).hexdigest()} {len(text)} Packages\n"
    )
    server.files["/flat/InRelease"] = keys.clearsign(release.encode(), "stranger")
    server.files["/flat/tool_2.0_amd64.deb"] = deb_bytes("tool", "2.0")


@pytest.fixture
def opened(
    suite: FakeSuite, server: Server, keyring: Path, tmp_path: Path
) -> Callable[..., tuple[Archive, Resolution]]:
    """Opens the archives of a spec, of which Debian's is the fake one, and resolves its packages."""

    def of(*packages: str, sources: Any) -> tuple[Archive, Resolution]:
        value = {"name": "x", "packages": packages, "package-sources": sources, "essential": False, "command": ["x"]}
        spec = spec_of_value(value, tmp_path).spec
        options = ArchiveOptions(now=NOW, transport=TransportOptions(attempts=2, backoff=0.01, timeout=2))
        choice = ArchiveChoice(options, uri=f"{server.uri}/debian", keyring=keyring)
        archive = open_archive(choice, spec, tmp_path, tmp_path / "cache/archive")
        request = package_request(spec, tmp_path, tmp_path / "cache")
        return archive, resolve(archive.packages("amd64"), replace(request, packages=spec.archive_packages))

    return of


DEBIAN = {"suites": ["trixie"]}


def test_packages_come_from_all_archives_and_the_highest_version_counts(opened: Open, vendor: dict[str, Any]) -> None:
    archive, found = opened("tool", sources=[DEBIAN, vendor])
    assert {package.name: package.suite for package in found.packages} == {"libc6": "trixie", "tool": "vendor/stable"}
    files = archive.fetch(found.packages)
    assert files[found.package("tool")].read_bytes() == deb_bytes("tool", "1.0")
    versions = [str(package) for package in archive.packages("amd64").versions("nginx")]
    assert versions == ["nginx 1:1.26-3", "nginx 9.0"]


def test_a_pin_takes_the_package_of_an_archive_whatever_others_have(opened: Open, vendor: dict[str, Any]) -> None:
    _, found = opened("nginx@vendor", sources=[DEBIAN, vendor])
    assert [str(package) for package in found.packages] == ["nginx 9.0"]
    _, found = opened("nginx=9*@vendor", sources=[DEBIAN, vendor])
    assert [str(package) for package in found.packages] == ["nginx 9.0"]
    with pytest.raises(SpecError) as caught:
        opened("libc6@vendor", sources=[DEBIAN, vendor])
    assert "the archive vendor has no such package, others have 2.41-1" in str(caught.value)


def test_each_archive_is_trusted_by_its_own_keys_alone(
    opened: Open, vendor: dict[str, Any], keys: Keys, tmp_path: Path
) -> None:
    keys.keyring(tmp_path / "other.asc", "good")
    with pytest.raises(IntegrityError, match="the InRelease of other/stable"):
        opened("tool", sources=[DEBIAN, {**vendor, "key": "other.asc"}])


def test_a_flat_archive_is_a_directory_with_its_packages(
    opened: Open, keys: Keys, server: Server, tmp_path: Path
) -> None:
    flat(keys, server, stanza("tool", "2.0", depends="libc6"))
    keys.keyring(tmp_path / "shop.asc", "stranger", armour=True)
    source = {"address": f"{server.uri}/flat", "suites": ["./"], "key": "shop.asc", "name": "ours"}
    archive, found = opened("tool@ours", sources=[DEBIAN, source])
    tool = found.package("tool")
    assert (tool.suite, tool.filename) == ("ours/./", "tool_2.0_amd64.deb")
    assert archive.fetch([tool])[tool].read_bytes() == deb_bytes("tool", "2.0")
    source = {**source, "address": server.uri, "suites": ["flat/"]}
    assert str(opened("tool@ours", sources=[DEBIAN, source])[1].package("tool")) == "tool 2.0"


@pytest.mark.parametrize("inline", [False, True])
def test_a_file_of_apt_says_where_an_archive_is(
    inline: bool,
    opened: Open,
    vendor: dict[str, Any],
    tmp_path: Path,
) -> None:
    key = tmp_path / "vendor.asc"
    lines = [f" {line or '.'}" for line in key.read_text().splitlines()]
    signed = "\n".join(["", *lines]) if inline else f" {key}"
    text = f"Types: deb\nURIs: {vendor['address']}\nSuites: stable\nComponents: main\nSigned-By:{signed}\n"
    (tmp_path / "shop.sources").write_text(text)
    _, found = opened("tool@shop", sources=[DEBIAN, {"file": "shop.sources"}])
    assert found.package("tool").suite == "shop/stable"


def test_a_file_of_apt_without_keys_is_refused_unless_the_spec_names_them(
    opened: Open, vendor: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "shop.list").write_text(f"deb {vendor['address']} stable main\n")
    with pytest.raises(SpecError, match="the file has no Signed-By"):
        opened("tool", sources=[DEBIAN, {"file": "shop.list"}])
    source = {"file": "shop.list", "key": "vendor.asc", "name": "shop"}
    assert opened("tool", sources=[DEBIAN, source])[1].package("tool").suite == "shop/stable"


def test_a_lock_knows_archives_by_their_names_and_keys(vendor: dict[str, Any], tmp_path: Path) -> None:
    def request(**more: Any) -> dict[str, object]:
        sources = [DEBIAN, {**vendor, **more}]
        spec = spec_of_value({"name": "x", "packages": [], "package-sources": sources}, tmp_path).spec
        return package_request(spec, tmp_path, tmp_path / "cache").document()

    assert request()["suites"] == ["trixie", "vendor/stable"]
    assert request()["keys"] == {"vendor": str(Digest.of((tmp_path / "vendor.asc").read_bytes()))}
    assert request(address="https://example.org/elsewhere") == request()
    plain = spec_of_value({"name": "x", "packages": [], "package-sources": DEBIAN}, tmp_path).spec
    assert "keys" not in package_request(plain, tmp_path, tmp_path / "cache").document()


@pytest.mark.parametrize(
    ("sources", "packages", "faults"),
    [
        ([{"address": "https://example.org"}], [], ["/package-sources/0: must have"]),
        ([{"address": "https://example.org", "suites": ["a"]}], [], ["/package-sources/0: must have"]),
        ([{"address": "ftp://example.org", "suites": ["a"], "key": "k.asc"}], [], ["must be an address"]),
        ([{"key": "k.asc"}], [], ["must have"]),
        ([DEBIAN, DEBIAN], [], ["/package-sources/1: is that of this machine's apt, and so is /package-sources/0"]),
        (
            [DEBIAN, {"address": "https://example.org", "suites": ["a"], "key": "none.asc"}],
            ["nginx@nona"],
            ["there is no file none.asc beside the spec", "\"nona\" (did you mean 'none'?)"],
        ),
        ([], [], ["/package-sources"]),
    ],
)
def test_faults_of_archives_are_named(sources: Any, packages: list[str], faults: list[str], tmp_path: Path) -> None:
    (tmp_path / "k.asc").write_text("key")
    with pytest.raises(SpecError) as caught:
        spec_of_value({"name": "x", "packages": packages, "package-sources": sources}, tmp_path)
    text = str(caught.value)
    assert [fault for fault in faults if fault not in text] == [], text


def test_without_debians_apt_the_error_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "apt").mkdir()
    (tmp_path / "apt/sources.list").write_text("deb https://example.org/ubuntu noble main\n")
    spec = spec_of_value({"name": "x", "packages": []}, tmp_path).spec
    choice = ArchiveChoice(ArchiveOptions(now=datetime(2026, 1, 1, tzinfo=UTC)), apt_root=tmp_path / "apt")
    with pytest.raises(MachineError, match="no Debian archive is configured") as caught:
        open_archive(choice, spec, tmp_path, tmp_path / "cache")
    assert "SYSIMAGE_ARCHIVE" in str(caught.value.hint)
    assert "SYSIMAGE_KEYRING" in str(caught.value.hint)
