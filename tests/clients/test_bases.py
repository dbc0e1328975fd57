"""Images that other tools make can be built upon: their layers stay, ours come on top, and verify accepts the whole."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import stat
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sysimage.closure import Closure
from sysimage.verify import VerifiedImage, inspect_image, verify_image
from tests.clients.conftest import IS_ROOT, Client, Small
from tests.clients.test_engines import engine
from tests.clients.test_nix import Unpacked, unpack
from tests.support.builds import build_from_store, registered
from tests.support.listing import listing_of_image
from tests.support.raw_image import RawImage, write_archive
from tests.support.store_builder import Program, StoreBuilder, small_system, static_elf

GUIX_IMAGES = Path(__file__).parents[1] / "bases" / "guix_images"
"""Made by Guix; how is in make.scm beside them, and tests/guix makes them again."""


@pytest.fixture
def closure(tmp_path: Path) -> Closure:
    closure = small_system(StoreBuilder(tmp_path / "store"))
    registered(closure, tmp_path / "registration")
    return closure


def build_on(base: Path, closure: Closure, tmp_path: Path, **more: Any) -> VerifiedImage:
    """Build the small system on top of ``base``; every layer of the base is in the result, at the bottom."""
    source = {"paths": [str(closure.roots[0])], "source": "registration", "location": "store"}
    spec = {"name": "top", "from-image": str(base), "from-store": source, **more}
    result = build_from_store(tmp_path, spec)
    below = inspect_image(base)
    found = verify_image(tmp_path / "top.tar")
    kept = [layer.descriptor.digest for layer in result.written.image.layers]
    said = [layer.digest for layer in below.layers]
    assert [digest for digest in said if digest is not None] in ([], kept[: len(said)])
    return found


def unusual_root(root: Path) -> None:
    """A root file system with everything that a Dockerfile's commands may leave in it."""
    for name in ("etc", "bin", "dev", "run"):
        (root / name).mkdir()
    (root / "etc/passwd.real").write_text("root:x:0:0::/root:/bin/sh\n")
    (root / "etc/passwd").symlink_to("passwd.real")
    (root / "bin/busybox").write_bytes(static_elf())
    (root / "bin/busybox").chmod(0o755)
    (root / "bin/sh").symlink_to("busybox")
    os.link(root / "bin/sh", root / "bin/ash", follow_symlinks=False)
    os.mkfifo(root / "run/initctl")
    if IS_ROOT:
        os.mknod(root / "dev/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.chown(root / "etc", 4294967294, 4294967294)


@pytest.mark.parametrize("form", ["oci-archive", "docker-archive", "oci"])
def test_an_image_of_buildah(
    form: str, closure: Closure, client: Client, policy: Path, workspace: Path, tmp_path: Path
) -> None:
    buildah = engine("buildah", workspace)
    container = client(*buildah, "from", "scratch").stdout.decode().split()[-1]
    unusual_root(Path(client(*buildah, "mount", container).stdout.decode().strip()))
    client(*buildah, "config", "--env", "PATH=/usr/local/bin:/bin", "--entrypoint", '["sh"]', container)
    place = tmp_path / "base"
    client(*buildah, "commit", "--signature-policy", policy, container, f"{form}:{place}:local/base:1")
    found = build_on(place, closure, tmp_path)
    listing = {line.split()[0]: line.split()[1:] for line in listing_of_image(tmp_path / "top.tar").splitlines()}
    assert listing["/bin/ash"] == listing["/bin/sh"]
    assert listing["/run/initctl"][0] == "fifo"
    if IS_ROOT:
        assert listing["/dev/null"][0] == "char"
        assert listing["/etc"][2] == "4294967294:4294967294"
    assert any("FIFO" in note.message for note in found.notes)


def test_an_image_of_podman_import_from_a_tar_of_a_root(
    closure: Closure, client: Client, policy: Path, workspace: Path, tmp_path: Path
) -> None:
    """As mmdebstrap's and debootstrap's tars are imported, with their devices (bdebstrap#14)."""
    root = workspace / "tree"
    root.mkdir()
    unusual_root(root)
    client("tar", "--create", "--file", tmp_path / "root.tar", "--directory", root, ".")
    podman = engine("podman", workspace)
    client(
        *podman, "import", "--signature-policy", policy, "--change", "ENTRYPOINT=sh", tmp_path / "root.tar", "base:1"
    )
    client(*podman, "save", "--signature-policy", policy, "--output", tmp_path / "base", "base:1")
    build_on(tmp_path / "base", closure, tmp_path)


def test_a_layout_of_umoci_with_two_tags_for_one_image(closure: Closure, client: Client, tmp_path: Path) -> None:
    """As in image-spec#796."""
    layout = tmp_path / "layout"
    flags = [] if IS_ROOT else ["--rootless"]
    client("umoci", "init", "--layout", layout)
    client("umoci", "new", "--image", f"{layout}:one")
    client("umoci", "unpack", *flags, "--image", f"{layout}:one", tmp_path / "bundle")
    unusual_root(tmp_path / "bundle" / "rootfs")
    client("umoci", "repack", "--image", f"{layout}:one", tmp_path / "bundle")
    client("umoci", "config", "--image", f"{layout}:one", "--config.entrypoint", "sh")
    client("umoci", "tag", "--image", f"{layout}:one", "two")
    client("umoci", "gc", "--layout", layout)
    assert len(json.loads((layout / "index.json").read_text())["manifests"]) == 2
    build_on(layout, closure, tmp_path)


@pytest.mark.parametrize("form", ["layered", "plain"])
def test_an_image_of_guix(form: str, closure: Closure, client: Client, tmp_path: Path) -> None:
    """One archive is compressed as a whole, has one line of history for all layers, and no database."""
    found = build_on(GUIX_IMAGES / f"{form}.tar.gz", closure, tmp_path)
    assert found.items == len(closure) + 4
    listing = listing_of_image(tmp_path / "top.tar")
    profile = "0h1k2m3n4p5q6r7s8v9w0x1y2z3a4b5p-profile"
    assert f"/var/guix/gcroots/base/{profile[:32]}  link 0777 0:0 -> /gnu/store/{profile}" in listing


def test_a_base_in_which_nix_ran(client: Client, nix_image: Small, tmp_path: Path) -> None:
    """Its store is optimised, its database has a log with an item in it, and the lock of a process was left behind."""
    nix = unpack(client, nix_image, tmp_path / "bundle")
    nix.nix_store("--optimise")
    (tmp_path / "stray").write_text("added in the base\n")
    with closing(sqlite3.connect(nix.state / "db/db.sqlite")) as reader:
        reader.execute("SELECT count(*) FROM ValidPaths").fetchone()
        (stray,) = nix.nix_store("--add", tmp_path / "stray").stdout.decode().split()
        (nix.state / "gcroots/stray").symlink_to(stray)
        Path(f"{nix.root}{stray}.lock").touch()
        assert (nix.state / "db/db.sqlite-wal").stat().st_size > 0
        assert (nix.root / "nix/store/.links").is_dir()
        client("tar", "--create", "--file", tmp_path / "layer.tar", "--directory", nix.root, ".")
    write_archive(RawImage((tmp_path / "layer.tar").read_bytes()).layout(), tmp_path / "base")
    verify_image(tmp_path / "base")
    store = StoreBuilder(tmp_path / "store", "/nix/store")
    store.add("tool-1", {"bin": {"tool": Program("#!/bin/sh\n")}})
    closure = store.closure("tool-1")
    registered(closure, tmp_path / "registration")
    found = build_on(tmp_path / "base", closure, tmp_path, store={"kind": "nix"})
    assert found.items == len(nix_image.built.closure) + 2
    client("skopeo", "copy", "--quiet", f"oci-archive:{tmp_path / 'top.tar'}", f"oci:{tmp_path / 'layout'}:1.0")
    client("umoci", "unpack", "--rootless", "--image", f"{tmp_path / 'layout'}:1.0", tmp_path / "again")
    root = tmp_path / "again/rootfs"
    again = Unpacked(client, root, "/nix/store", root / "nix/var/nix")
    assert "was modified" not in again.verify()
    assert again.nix_store("--gc", "--print-dead").stdout.decode() == f"{stray}.lock\n"
    assert again.nix_store("-q", "--references", stray).stdout == b""


@pytest.mark.parametrize("top_name", ["./nix", "/nix", "//nix"])
def test_an_image_with_names_as_nixpkgs_writes_them(top_name: str, closure: Closure, tmp_path: Path) -> None:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, kind in (("", tarfile.DIRTYPE), ("/tool", tarfile.REGTYPE)):
            member = tarfile.TarInfo()
            member.name, member.type, member.mode = top_name + name, kind, 0o555
            archive.addfile(member)
    base = write_archive(RawImage(layer.getvalue()).docker_archive(), tmp_path / "base")
    found = build_on(base, closure, tmp_path)
    assert "/nix/tool  file 0555" in listing_of_image(tmp_path / "top.tar")
    assert len(found.notes) == (0 if top_name == "./nix" else 2)
