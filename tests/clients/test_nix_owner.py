"""A store whose owner is not root: Nix builds, installs and collects in it as that user, as in a single-user setup."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sysimage.process import Completed
from sysimage.verify import verify_image
from tests.clients.conftest import IS_ROOT, Client
from tests.clients.test_nix_stores import NixRoot
from tests.support.builds import build_from_store, registered
from tests.support.store_builder import Program, StoreBuilder

OWNER = 1000 if IS_ROOT else os.geteuid()
EXPRESSION = """
derivation { name = "mine-1"; system = "x86_64-linux"; builder = "/bin/sh"; PATH = "/bin";
  args = [ "-c" "echo building; mkdir -p $out/bin; echo hello > $out/bin/mine" ]; }
"""


@pytest.fixture(params=[False, True], ids=["alone", "on a base of root's"])
def nix(request: pytest.FixtureRequest, client: Client, tmp_path: Path) -> NixRoot:
    """The unpacked image, with the owners that it says."""
    store = StoreBuilder(tmp_path / "store", "/nix/store")
    store.add("tool-1", {"bin": {"tool": Program("#!/bin/sh\n")}})
    registered(store.closure("tool-1"), tmp_path / "registration")
    source = {"paths": [str(store.items["tool-1"].path)], "source": "registration", "location": "store"}
    spec = {"name": "mine", "from-store": source, "store": {"kind": "nix", "uid": OWNER, "gid": OWNER}}
    if request.param:
        other = StoreBuilder(tmp_path / "store", "/nix/store")
        other.add("other-1", {"bin": {"other": Program("#!/bin/sh\n")}})
        registered(other.closure("other-1"), tmp_path / "other")
        below = {"paths": [str(other.items["other-1"].path)], "source": "other", "location": "store"}
        build_from_store(tmp_path, {"name": "below", "from-store": below, "store": {"kind": "nix"}})
        spec["from-image"] = "below.tar"
    build_from_store(tmp_path, {**spec, "users": {"ann": {"uid": OWNER, "shell": "/sbin/nologin"}}})
    verify_image(tmp_path / "mine.tar")
    layout = tmp_path / "layout"
    client("skopeo", "copy", "--insecure-policy", f"oci-archive:{tmp_path / 'mine.tar'}", f"oci:{layout}:1")
    rootless = [] if IS_ROOT else ["--rootless"]
    client("umoci", "unpack", *rootless, "--image", f"{layout}:1", tmp_path / "bundle")
    for place in (tmp_path, *list(tmp_path.parents)[:3], tmp_path / "bundle"):
        place.chmod(place.stat().st_mode | 0o055)
    return NixRoot(client, tmp_path / "bundle/rootfs")


def test_nix_works_as_the_owner(nix: NixRoot, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, OWNER, OWNER)
    (home / "nix.conf").write_text("build-users-group =\nsubstitute = false\n")
    (tmp_path / "mine.nix").write_text(EXPRESSION)

    def run(program: str, *words: str | Path) -> Completed:
        other = ["setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--clear-groups"] if IS_ROOT else []
        environment = ["env", f"HOME={home}", f"TMPDIR={home}", "USER=ann", f"NIX_CONF_DIR={home}"]
        return nix.client(*other, *environment, program, *words, *nix.words, cwd=home)

    (tmp_path / "mine.nix").chmod(0o644)
    built = run("nix-build", tmp_path / "mine.nix", "-o", home / "result").stdout.decode().strip()
    run("nix-env", "--profile", nix.state / "profiles/per-user/ann/mine", "--install", "--file", tmp_path / "mine.nix")
    assert b"building" in run("nix-store", "--read-log", built).stdout
    (home / "result").unlink()
    run("nix-store", "--verify", "--check-contents")
    if not (tmp_path / "below.tar").exists():  # the kernel lets no other user hard-link what is root's
        run("nix-store", "--optimise")
    (home / "stray").write_text("nobody refers to this\n")
    stray = run("nix-store", "--add", home / "stray").stdout.decode().strip()
    assert stray in run("nix-store", "--gc").stderr.decode()
    assert (nix.root / built.lstrip("/")).is_dir()
    places = (
        path for path in nix.root.joinpath("nix/var").rglob("*") if not path.is_symlink()
    )  # roots of the base stay
    foreign = {path for path in places if path.lstat().st_uid != OWNER}
    assert foreign == set()
