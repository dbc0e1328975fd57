"""What umoci, Podman and Buildah make of our images is our tree, mode by mode and owner by owner; and which of several
platforms containerd takes."""

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.api import copy
from sysimage.process import run
from tests.clients.conftest import IS_ROOT, Client, Environment, Small, need
from tests.pipeline.test_transfer import two_platforms
from tests.support.listing import listing_of_directory, without_owners


def below_root(listing: str) -> str:
    """Without the root itself: no layer mentions one that is as usual, and then its mode is the engine's own
    (0755 for most, 0555 for the storage library of Podman and Buildah)."""
    return "".join(line for line in listing.splitlines(keepends=True) if not line.startswith("/ "))


def assert_same_tree(found: Path, listing_of_image: str, *, owners: bool) -> None:
    listing, expected = below_root(listing_of_directory(found)), below_root(listing_of_image)
    if owners:
        assert listing == expected
    else:
        assert without_owners(listing) == without_owners(expected)


@pytest.mark.parametrize("rootless", [True, False] if IS_ROOT else [True])
def test_umoci_unpacks_our_tree(rootless: bool, client: Client, guix_image: Small, tmp_path: Path) -> None:
    flags = ["--rootless"] if rootless else []
    client("umoci", "unpack", *flags, "--image", f"{guix_image.layout}:1.0", tmp_path / "bundle")
    assert_same_tree(tmp_path / "bundle/rootfs", guix_image.listing, owners=not rootless)


def engine(name: str, workspace: Path) -> list[str]:
    """The beginning of a command line that keeps everything in ``workspace`` and needs no root."""
    become = [] if IS_ROOT else ["unshare", "--user", "--map-root-user", "--mount"]
    options = [] if IS_ROOT else ["--storage-opt", "vfs.ignore_chown_errors=true"]
    places = ["--root", str(workspace / "root"), "--runroot", str(workspace / "run")]
    places += ["--tmpdir", str(workspace / "tmp")] if name == "podman" else []
    return [*become, name, *places, "--storage-driver", "vfs", *options]


def test_podman_loads_the_archive(client: Client, nix_image: Small, policy: Path, workspace: Path) -> None:
    podman = engine("podman", workspace)
    client(*podman, "load", "--signature-policy", policy, "--input", nix_image.archive)
    listed = client(*podman, "images", "--no-trunc", "--format", "{{.ID}} {{.Tag}}").stdout.decode().split()
    assert listed == [str(nix_image.built.image.config.descriptor.digest), "1.0"]
    mounted = client(*podman, "image", "mount", listed[0]).stdout.decode().strip()
    assert_same_tree(Path(mounted), nix_image.listing, owners=IS_ROOT)


@pytest.mark.parametrize("form", ["oci", "oci-archive", "docker-archive"])
def test_buildah_starts_from_every_form(
    form: str, client: Client, guix_image: Small, policy: Path, workspace: Path
) -> None:
    buildah = engine("buildah", workspace)
    place = f"oci:{guix_image.layout}:1.0" if form == "oci" else f"{form}:{guix_image.archive}"
    container = client(*buildah, "from", "--signature-policy", policy, place).stdout.decode().split()[-1]
    mounted = client(*buildah, "mount", container).stdout.decode().strip()
    assert_same_tree(Path(mounted), guix_image.listing, owners=IS_ROOT)
    client(*buildah, "umount", container)


def test_containerd_takes_an_archive_of_two_platforms(docker: Environment, guix_image: Small, tmp_path: Path) -> None:
    """By its own program, in the containerd that Docker's daemon starts: this machine's image, another, or all."""
    two_platforms(guix_image.built, tmp_path / "both")
    index = json.loads((tmp_path / "both/index.json").read_text())
    (entry,) = index["manifests"]
    names = {"io.containerd.image.name": "host.test/both:1", "org.opencontainers.image.ref.name": "1"}
    (tmp_path / "both/index.json").write_text(json.dumps({**index, "manifests": [{**entry, "annotations": names}]}))
    copy(tmp_path / "both", tmp_path / "both.tar")
    place = Path(docker["DOCKER_HOST"].removeprefix("unix://")).parent / "exec/containerd/containerd.sock"
    for number, (flags, platforms) in enumerate(
        {(): "amd64", ("--platform", "linux/arm64"): "arm64", ("--all-platforms",): "amd64 arm64"}.items()
    ):
        ctr: list[str | Path] = [need("ctr"), "--address", place, "--namespace", f"tests{number}"]
        run([*ctr, "images", "import", "--no-unpack", *flags, tmp_path / "both.tar"], env=docker)
        assert run([*ctr, "images", "ls", "-q"], env=docker).stdout == b"host.test/both:1\n"
        # What no image holds stays until containerd next collects it: this waits for that.
        lease = run([*ctr, "leases", "create"], env=docker).stdout.decode().strip()
        run([*ctr, "leases", "delete", "--sync", lease], env=docker)
        held = run([*ctr, "content", "ls", "-q"], env=docker)
        configs = _configs(tmp_path / "both", str(entry["digest"]))
        there = {architecture for architecture, digest in configs.items() if digest in held.stdout.decode()}
        assert there == set(platforms.split()), flags


def _configs(layout: Path, index: str) -> dict[str, str]:
    """Architecture → the digest of its configuration, in an index of a layout."""

    def read(digest: str) -> Any:
        return json.loads((layout / "blobs" / digest.replace(":", "/")).read_text())

    return {
        one["platform"]["architecture"]: read(one["digest"])["config"]["digest"] for one in read(index)["manifests"]
    }
