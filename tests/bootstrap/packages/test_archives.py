"""The archives of a spec: Debian's as this machine knows it, and others as the spec or a file of apt names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.errors import MachineError, SpecError
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.archive import ArchiveOptions, ArchiveSource, TransportOptions
from sysimage_bootstrap.packages.archives import archive_sources, keys_of, labels, other_sources
from sysimage_bootstrap.packages.choose import ArchiveChoice, open_archive, package_request
from tests.bootstrap.archive.fake_archive import NOW

VENDOR = {"name": "shop", "address": "https://shop.example/debian/", "suites": ["stable", "./"], "key": "shop.asc"}
DEBIAN = {"suites": ["trixie", "trixie-security"], "components": ["main", "contrib"]}


def spec_of(*sources: dict[str, Any]) -> SystemSpec:
    return SystemSpec.model_validate({"name": "x", "packages": [], "package-sources": list(sources)})


def sources(top: Path, *named: dict[str, Any]) -> tuple[ArchiveSource, ...]:
    return archive_sources(spec_of(*named), top, top / "keys", Path("/none"), "http://deb.example/debian/", None)


def test_suites_come_in_the_order_of_the_spec_from_the_archive_that_it_names(tmp_path: Path) -> None:
    key = tmp_path / "shop.asc"
    shop = (
        ArchiveSource("https://shop.example/debian", "stable", ("main",), "shop", key),
        ArchiveSource("https://shop.example/debian", "./", (), "shop", key),
    )
    debian = (
        ArchiveSource("http://deb.example/debian", "trixie", ("main", "contrib")),
        ArchiveSource("http://deb.example/debian-security", "trixie-security", ("main", "contrib")),
    )
    assert sources(tmp_path, VENDOR, DEBIAN) == (*shop, *debian)
    assert sources(tmp_path, DEBIAN, VENDOR) == (*debian, *shop)
    others = other_sources(spec_of(DEBIAN, VENDOR), tmp_path, tmp_path)
    assert others == {"shop": shop}
    assert labels(spec_of(VENDOR, DEBIAN), others) == ("shop/stable", "shop/./", "trixie", "trixie-security")


def test_a_file_of_apt_names_an_archive_and_the_specs_key_takes_the_place_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "shop.list").write_text("deb [signed-by=/etc/shop.gpg] https://shop.example/debian stable main\n")
    (tmp_path / "shop.asc").write_text("key")
    listed = ArchiveSource("https://shop.example/debian", "stable", ("main",), "shop", Path("/etc/shop.gpg"))
    assert sources(tmp_path, {"file": "shop.list"}) == (listed,)
    (own,) = sources(tmp_path, {"file": "shop.list", "key": "shop.asc"})
    assert own.keyring == tmp_path / "shop.asc"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_of_apt_that_cannot_be_read_is_the_specs_fault(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "shop.list").write_bytes(content)
    with pytest.raises(SpecError, match=r"^cannot read the package sources shop\.list: "):
        sources(tmp_path, {"file": "shop.list"})


def test_an_archive_is_known_by_the_hash_of_all_its_keys(tmp_path: Path) -> None:
    first, second = tmp_path / "a.gpg", tmp_path / "b.gpg"
    first.write_bytes(b"one")
    second.write_bytes(b"two")

    def signed(*keyrings: Path | None) -> tuple[ArchiveSource, ...]:
        return tuple(ArchiveSource("http://x", f"s{place}/", (), "x", key) for place, key in enumerate(keyrings))

    assert keys_of({"x": signed(second, first, first, None), "y": signed(second)}) == {
        "x": Digest.of(b"onetwo"),
        "y": Digest.of(b"two"),
    }
    with pytest.raises(MachineError) as caught:
        keys_of({"shop": signed(tmp_path / "none.gpg")})
    assert str(caught.value) == (
        f"cannot read the keys of the archive shop: No such file or directory: {tmp_path}/none.gpg"
    )
    assert caught.value.hint == 'name a file beside the spec with "key"'


def test_an_archive_is_opened_with_what_this_machine_knows_of_the_way_there(tmp_path: Path) -> None:
    options = ArchiveOptions(NOW, transport=TransportOptions(attempts=7))
    cache = tmp_path / "cache"
    choice = ArchiveChoice(options, uri="http://deb.example/debian", security_uri="http://sec.example/x")
    plain = open_archive(choice, spec_of(DEBIAN), tmp_path, cache / "archive")
    assert [source.uri for source in plain.sources] == ["http://deb.example/debian", "http://sec.example/x"]
    assert (plain.options, plain.cache_dir) == (options, cache / "archive")
    assert cache.is_dir()
    reached = ArchiveChoice(options, uri="http://x", reach=lambda known: TransportOptions(attempts=known.attempts + 1))
    assert open_archive(reached, spec_of(DEBIAN), tmp_path, cache / "archive").options == ArchiveOptions(
        NOW, transport=TransportOptions(attempts=8)
    )


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(MachineError, match="cannot use the cache"):
        open_archive(
            ArchiveChoice(ArchiveOptions(NOW), uri="http://x"), spec_of(DEBIAN), tmp_path, tmp_path / "cache/a"
        )


def test_a_keyring_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    keyring = tmp_path / "keys.gpg"
    choice = ArchiveChoice(ArchiveOptions(NOW), uri="http://x", keyring=keyring)
    for is_directory in (False, True):
        if is_directory:
            keyring.mkdir()
        with pytest.raises(SpecError) as caught:
            open_archive(choice, spec_of(DEBIAN), tmp_path, tmp_path / "cache/archive")
        assert str(caught.value) == f"cannot read the keyring {keyring}: there is no such file"
        assert caught.value.hint == "--keyring names a file"
    keyring.rmdir()
    keyring.write_bytes(b"")
    assert open_archive(choice, spec_of(DEBIAN), tmp_path, tmp_path / "cache/archive").sources


def test_a_request_has_the_suites_components_and_keys_of_all_archives(tmp_path: Path) -> None:
    (tmp_path / "shop.asc").write_bytes(b"key")
    spec = spec_of(DEBIAN, {**VENDOR, "components": ["main", "extra"]})
    request = package_request(spec, tmp_path, tmp_path / "cache")
    assert request.suites == ("trixie", "trixie-security", "shop/stable", "shop/./")
    assert request.components == ("main", "contrib", "extra")
    assert request.keys == {"shop": Digest.of(b"key")}
