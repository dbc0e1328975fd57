"""crane, oras and the newest umoci, which Debian 12 does not have: ``make peers`` builds them with Go."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sysimage.process import Completed
from tests.clients.conftest import GO_PROGRAMS, IS_ROOT, Client, Registry, Small, running_registry
from tests.clients.test_registries import Run, sysimage
from tests.support.builds import small_spec
from tests.support.documents import read_document

__all__ = ["sysimage"]  # a fixture
Peer = Callable[..., Completed]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Registry]:
    """A registry with nothing in it."""
    with running_registry(tmp_path) as registry:
        yield registry


def peer(name: str, client: Client, place: Path) -> Peer:
    def run(*words: str | Path, accept: tuple[int, ...] = (0,)) -> Completed:
        return client(str(GO_PROGRAMS / name), *words, accept=accept, cwd=place)

    return run


@pytest.fixture
def crane(client: Client, tmp_path: Path) -> Peer:
    return peer("crane", client, tmp_path)


@pytest.fixture
def oras(client: Client, tmp_path: Path) -> Peer:
    return peer("oras", client, tmp_path)


@pytest.fixture
def umoci(client: Client, tmp_path: Path) -> Peer:
    return peer("umoci", client, tmp_path)


def digest_of(image: Small) -> str:
    return str(image.built.image.manifest.descriptor.digest)


def test_crane_validates_and_reads_what_is_pushed(
    sysimage: Run, crane: Peer, server: Registry, guix_image: Small
) -> None:
    name = f"{server.address}/team/small"
    sysimage("push", guix_image.archive, f"{name}:1", f"{name}:2")
    assert (
        b"PASS" in crane("validate", "--remote", f"{name}:1").stdout + crane("validate", "--remote", f"{name}:2").stderr
    )
    assert crane("manifest", f"{name}:1").stdout.rstrip(b"\n") == guix_image.built.image.manifest.data.rstrip(b"\n")
    assert crane("digest", f"{name}:2").stdout.decode().strip() == digest_of(guix_image)
    assert sorted(crane("ls", name).stdout.decode().split()) == ["1", "2"]
    assert json.loads(crane("config", f"{name}:1").stdout) == guix_image.built.image.config.value


def test_sysimage_reads_what_crane_copies_pulls_and_pushes(
    sysimage: Run, crane: Peer, server: Registry, guix_image: Small, tmp_path: Path
) -> None:
    name = f"{server.address}/team/small"
    image_id = str(guix_image.built.image.config.descriptor.digest)
    sysimage("push", guix_image.archive, f"{name}:1")
    crane("copy", f"{name}:1", f"{server.address}/copied/small:1")
    crane("pull", f"{name}:1", "old.tar")
    crane("pull", "--format", "oci", f"{name}:1", "layout")
    crane("push", "old.tar", f"{name}:from-tar")
    crane("push", "layout", f"{name}:from-layout")
    for place in (f"{server.address}/copied/small:1", "old.tar", "layout", f"{name}:from-tar", f"{name}:from-layout"):
        assert "verified" in sysimage("verify", place).stdout
        assert read_document(sysimage("inspect", "--json", place).stdout)["image_id"] == image_id, place
    sysimage("copy", "layout", "again.tar")
    sysimage("copy", "old.tar", f"{name}:again")
    assert b"PASS" in crane("validate", "--remote", f"{name}:again").stdout
    assert "all layers were there" in sysimage("copy", "again.tar", f"{name}:again").stdout


def test_crane_reads_an_index_of_two_platforms(sysimage: Run, crane: Peer, server: Registry, tmp_path: Path) -> None:
    small_spec(tmp_path)
    name = f"{server.address}/both/small:1"
    flags = ["--json", "--platform", "linux/amd64,linux/arm64", "-o", "both/", "--push", name]
    said = read_document(sysimage("build", *flags, "small.json").stdout)
    assert b"PASS" in crane("validate", "--remote", name).stdout
    for image in said["images"]:
        platform = "/".join(image["platform"].split("/")[:2])
        assert crane("digest", "--platform", platform, name).stdout.decode().strip() == image["digest"]
    crane("copy", name, f"{server.address}/copied/both:1")
    back = read_document(sysimage("copy", "--json", f"{server.address}/copied/both:1", "back/").stdout)
    assert back["digest"] == said["digest"]
    for image in said["images"]:
        assert "verified" in sysimage("verify", "--platform", image["platform"], "back/").stdout


def test_what_oras_attaches_goes_along_and_oras_finds_it(
    sysimage: Run, oras: Peer, server: Registry, guix_image: Small, tmp_path: Path
) -> None:
    layout = guix_image.built.layout(tmp_path / "signed")
    (tmp_path / "sbom.json").write_text('{"spdxVersion": "SPDX-2.3"}')
    kind = "application/spdx+json"
    oras("attach", "--oci-layout", f"{layout}@{digest_of(guix_image)}", "--artifact-type", kind, f"sbom.json:{kind}")
    name, copied = f"{server.address}/signed/small:1", f"{server.address}/copied/small:1"
    sysimage("copy", layout, name)
    assert kind.encode() in oras("discover", "--plain-http", "--format", "json", name).stdout
    oras("copy", "-r", "--from-plain-http", "--to-plain-http", name, copied)
    sysimage("copy", copied, "back/")
    entries = json.loads((tmp_path / "back/index.json").read_text())["manifests"]
    assert [one.get("artifactType") for one in entries] == [None, kind]
    assert kind.encode() in oras("discover", "--oci-layout", "--format", "json", f"back@{digest_of(guix_image)}").stdout
    assert "verified" in sysimage("verify", copied).stdout
    again = read_document(sysimage("copy", "--json", "back/", name).stdout)
    assert again["pushed"][0]["sent_size"] == 0


def test_oras_copies_to_layouts_that_are_read(
    sysimage: Run, oras: Peer, server: Registry, guix_image: Small, tmp_path: Path
) -> None:
    name = f"{server.address}/team/small"
    sysimage("push", guix_image.archive, f"{name}:1")
    assert oras("repo", "tags", "--plain-http", name).stdout.decode().split() == ["1"]
    fetched = oras("manifest", "fetch", "--plain-http", f"{name}:1").stdout
    assert fetched.rstrip(b"\n") == guix_image.built.image.manifest.data.rstrip(b"\n")
    oras("copy", "--from-plain-http", "--to-oci-layout", f"{name}:1", "layout:1")
    oras("copy", "--from-oci-layout", "--to-plain-http", "layout:1", f"{name}:2")
    for place in ("layout:1", f"{name}:2"):
        assert digest_of(guix_image) in sysimage("verify", place).stdout


def test_the_newest_umoci_reads_changes_and_sweeps_a_layout(
    sysimage: Run, umoci: Peer, guix_image: Small, tmp_path: Path
) -> None:
    layout = tmp_path / "images"
    flags = [] if IS_ROOT else ["--rootless"]
    sysimage("copy", guix_image.archive, f"oci:{layout}:small")
    assert umoci("list", "--layout", layout).stdout.decode().split() == ["small"]
    umoci("unpack", *flags, "--image", f"{layout}:small", "bundle")
    added = tmp_path / "bundle/rootfs/added"
    added.write_text("a file of umoci's")
    os.utime(added, (1, 1))
    umoci("repack", "--image", f"{layout}:changed", "bundle")
    umoci("tag", "--image", f"{layout}:small", "renamed")
    umoci("remove", "--image", f"{layout}:small")
    umoci("gc", "--layout", layout)
    assert sorted(umoci("list", "--layout", layout).stdout.decode().split()) == ["changed", "renamed"]
    assert digest_of(guix_image) in sysimage("verify", f"{layout}:renamed").stdout
    before, after = (
        read_document(sysimage("inspect", "--json", f"{layout}:{tag}").stdout)["layers"]
        for tag in ("renamed", "changed")
    )
    assert [one["diff_id"] for one in after[: len(before)]] == [one["diff_id"] for one in before]
    assert len(after) == len(before) + 1
    sysimage("copy", f"{layout}:changed", "changed.tar")
    sysimage("copy", "changed.tar", f"{layout}:back")
    assert "back" in umoci("list", "--layout", layout).stdout.decode().split()
    umoci("unpack", *flags, "--image", f"{layout}:back", "again")
    assert (tmp_path / "again/rootfs/added").read_text() == "a file of umoci's"
