"""Questions about images, specs and lock files: what they hold, and how two of them differ."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage import api
from sysimage.api.comparison import Opened, diff, difference, open_place
from sysimage.compare.compared_contents import HeldPackage, Holding
from sysimage.digest import Digest
from sysimage.spec import parse_spec
from sysimage.spec.choices import SpecChoices
from sysimage_bootstrap.archive.index import index_of
from sysimage_bootstrap.packages.choose import package_request
from sysimage_bootstrap.packages.lock import LockedSuite, LockFile
from sysimage_bootstrap.packages.package_request import PackageRequest
from sysimage_bootstrap.packages.resolve import resolve
from tests.bootstrap.archive.fake_archive import NOW, stanza
from tests.pipeline.test_package_rows import store_of
from tests.pipeline.test_transfer import two_platforms
from tests.support.images import build_image

SPEC: dict[str, Any] = {"name": "web", "packages": ["nginx=1.26-3"], "labels": {"a/b": "ü"}, "services": {}}


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> api.Settings:
    """Nothing is in the cache, and nothing may be fetched."""
    return api.Settings(cache_dir=tmp_path_factory.mktemp("cache"), jobs=1, environ={}, offline=True)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("image")
    return build_image(top, closure=store_of(top / "store")).archive(top / "image.tar")


def lock_of(place: Path, request: PackageRequest | None = None, nginx: str = "1.26-3", architecture: str = "") -> Path:
    """A lock file of nginx and what it needs."""
    text = "\n".join(
        [
            stanza("nginx", nginx, depends="libc6", source="nginx-src (1.26)", installed_size="3"),
            stanza("libc6", "2.41-1", installed_size="7"),
        ]
    )
    found = resolve(index_of(text, "amd64"), PackageRequest("amd64", ("nginx",), essential=False))
    document = {**(request or PackageRequest("amd64", ("nginx",))).document()}
    if architecture:
        document["architecture"] = architecture
    suite = LockedSuite("trixie", "trixie", NOW, Digest.of(b"InRelease"))
    LockFile(document, (suite,), found).write(place)
    return place


def spec_in(folder: Path, value: dict[str, Any], settings: api.Settings, nginx: str = "1.26-3") -> Path:
    """A spec, and a lock file beside it that was made for it."""
    folder.mkdir()
    path = folder / "system.json"
    path.write_text(json.dumps(value))
    request = package_request(parse_spec(json.dumps(value)), folder, settings.cache)
    lock_of(folder / "system.lock.json", request, nginx)
    return path


PACKAGES = {
    "nginx": HeldPackage("nginx", "1.26-3", "amd64", "nginx-src", "1.26"),
    "libc6": HeldPackage("libc6", "2.41-1", "amd64", "libc6", "2.41-1"),
}


def test_a_lock_file_holds_its_packages(tmp_path: Path, offline: api.Settings) -> None:
    opened = open_place(lock_of(tmp_path / "any name.json", architecture="arm64"), offline)
    name = str(tmp_path / "any name.json")
    assert opened.holding == Holding(name, "lock file", PACKAGES)
    assert (opened.architecture, opened.spec) == ("arm64", None)
    graph = opened.graph()
    assert {item.label: item.size for item in graph.items.values()} == {"libc6": 7 * 1024, "nginx": 3 * 1024}
    assert graph.references["nginx"] == ("libc6",)
    assert graph.asked is None


def test_a_spec_holds_the_packages_of_its_lock_file_and_all_that_it_says(tmp_path: Path, offline: api.Settings) -> None:
    path = spec_in(tmp_path / "a", {**SPEC, "max-layers": 7, "$schema": "x.json"}, offline)
    opened = open_place(path, offline)
    said = {"/name": "web", "/labels/a~1b": "ü", "/services": "{}", "/max-layers": "7"}
    assert opened.holding == Holding(str(path), "spec", PACKAGES, said, asked=frozenset({"nginx"}))
    assert (opened.architecture, opened.spec_dir) == ("amd64", tmp_path / "a")
    assert opened.spec is not None
    assert opened.spec.max_layers == 7
    assert opened.graph().asked == frozenset({"nginx"})
    moved = (tmp_path / "a/system.lock.json").rename(tmp_path / "elsewhere.json")
    assert open_place(path, offline, lock_file=moved).holding == opened.holding
    with pytest.raises(api.RegistryError, match="network is off"):
        open_place(path, offline)
    chosen = open_place(path, offline, lock_file=moved, choices=SpecChoices.of(set={"max-layers": 9}))
    assert chosen.holding.configuration == {**said, "/max-layers": "9"}


def test_a_spec_of_a_store_holds_its_reference_graph(store: Path, offline: api.Settings) -> None:
    opened = open_place(store / "small.json", offline)
    assert (opened.holding.kind, opened.holding.packages, opened.resolution) == ("spec", {}, None)
    assert opened.holding.closure is not None
    assert opened.graph().roots == ("system",)
    assert set(opened.holding.configuration or {}) == {
        "/name",
        "/from-store/paths",
        "/from-store/source",
        "/from-store/location",
    }


def test_an_image_holds_its_files_where_they_are_asked_for(archive: Path, offline: api.Settings) -> None:
    opened = open_place(archive, offline)
    assert (opened.holding.kind, opened.holding.name, opened.holding.files) == ("image", str(archive), None)
    assert (opened.architecture, opened.spec, opened.resolution) == ("amd64", None, None)
    assert opened.graph().roots == ("system-1.0-1",)
    assert "/etc/passwd" in (open_place(archive, offline, files=True).holding.files or {})
    said = []
    open_place(archive, offline, tag="small:1.0", progress=lambda stage, *_, **__: said.append(stage))
    assert set(said) == {"read layers"}
    with pytest.raises(api.SpecError, match="cannot name the image"):
        open_place(archive, offline, tag="UPPER:1.0")


def test_one_of_several_images_is_chosen_by_name_or_platform(
    archive: Path, tmp_path: Path, offline: api.Settings
) -> None:
    other = build_image(tmp_path, closure=store_of(tmp_path / "store", "1:1.1-1"))
    api.copy(archive, f"oci:{tmp_path}/images:old")
    api.copy(other.archive(tmp_path / "other.tar"), f"oci:{tmp_path}/images:new")
    images = tmp_path / "images"
    assert open_place(images, offline, tag="new").graph().roots == ("system-1.1-1",)
    assert open_place(f"{images}:new", offline).graph().roots == ("system-1.1-1",)
    assert open_place(f"{images}:new", offline, tag="old").graph().roots == ("system-1.0-1",), "what is said counts"
    digest = other.image.manifest.descriptor.digest
    for place, name in ((images, "new"), (f"{images}:new", None), (f"{images}:old", "new")):
        assert api.inspect(place, name=name).digest == digest
    with pytest.raises(api.IntegrityError, match="does not hold one"):
        open_place(images, offline)
    assert diff(images, images, offline, tag="new").is_empty
    both = two_platforms(other, tmp_path / "both")
    assert [open_place(both, offline, platform=f"linux/{one}").architecture for one in ("amd64", "arm64")] == [
        "amd64",
        "arm64",
    ]
    assert diff(both, both, offline, platform="linux/arm64").is_empty


def test_what_is_not_an_image_a_spec_or_a_lock_file_is_refused(tmp_path: Path, offline: api.Settings) -> None:
    hint = "name an archive, the directory of an OCI layout, a system.json, or a lock file"
    with pytest.raises(api.SpecError) as caught:
        open_place(tmp_path / "nowhere.tar", offline)
    assert caught.value.message == f"cannot read {tmp_path}/nowhere.tar: there is no such file"
    assert caught.value.hint == hint
    (tmp_path / "nowhera.tar").touch()
    with pytest.raises(api.SpecError) as caught:
        open_place(tmp_path / "nowhere.tar", offline)
    assert "nowhera.tar" in str(caught.value.hint)
    with pytest.raises(api.RegistryError, match="the network is off"):
        open_place("host.test/team/web:1", offline)
    for text in ("[]", '{"format": "else"}', "no json", '{"format": {}}', "[" * 100_000):
        (tmp_path / "odd.json").write_text(text)
        with pytest.raises(api.SpecError) as caught:
            open_place(tmp_path / "odd.json", offline)
        assert "odd.json" in str(caught.value)
    without = Opened(Holding("web.tar", "image", {}), "amd64")
    with pytest.raises(api.SpecError) as caught:
        without.graph()
    assert caught.value.message == ("cannot say what needs what in web.tar: it has no store database that can be read")
    assert caught.value.hint == "`sysimage inspect` shows its layers"


def test_two_specs_differ_in_packages_and_in_what_they_say(
    tmp_path: Path, offline: api.Settings, caplog: pytest.LogCaptureFixture
) -> None:
    old = spec_in(tmp_path / "old", SPEC, offline)
    new = spec_in(tmp_path / "new", {**SPEC, "tags": ["2"]}, offline, nginx="1.27-1")
    with caplog.at_level(logging.WARNING):
        found = diff(old, new, offline, changelogs=False)
    assert caplog.records == []
    assert (found.old, found.new, found.files, found.layers) == (str(old), str(new), None, None)
    assert [(one.name, one.change, one.fixes) for one in found.packages] == [("nginx", "up", None)]
    assert [(one.name, one.old, one.new) for one in found.configuration or ()] == [("/tags", None, '["2"]')]
    with caplog.at_level(logging.WARNING):
        assert diff(old, new, offline) == found, "what cannot be fetched is no error"
    (record,) = caplog.records
    assert record.message.startswith("CVE numbers are not known: cannot ")
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        back = diff(new, old, offline)
    assert [(one.name, one.change) for one in back.packages] == [("nginx", "down")]
    assert caplog.records == [], "a lower version fixes nothing, so no changelog is looked for"


def test_choices_hold_for_both_sides_of_a_difference(tmp_path: Path, offline: api.Settings) -> None:
    old = spec_in(tmp_path / "old", SPEC, offline)
    new = spec_in(tmp_path / "new", SPEC, offline, nginx="1.26-4")
    found = diff(old, new, offline, choices=SpecChoices.of(set={"max-layers": 9}), changelogs=False)
    assert found.configuration == ()
    assert [one.name for one in found.packages] == ["nginx"]


def test_images_differ_in_files_and_layers(
    archive: Path, tmp_path: Path, offline: api.Settings, caplog: pytest.LogCaptureFixture
) -> None:
    other = build_image(tmp_path, closure=store_of(tmp_path / "store", "1:1.1-1")).archive(tmp_path / "image.tar")
    found = diff(archive, other, offline)
    assert found.files is not None
    assert found.layers is not None
    assert diff(archive, archive, offline).is_empty
    sides = [
        replace(open_place(place, offline), holding=Holding(str(place), "image", {"a": held}))
        for place, held in ((archive, PACKAGES["nginx"]), (other, replace(PACKAGES["nginx"], version="1.27")))
    ]
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert [one.change for one in difference(sides[0], sides[1], offline).packages] == ["up"]
    assert len(caplog.records) == 1, "the usual suites are asked for the packages of an image"
