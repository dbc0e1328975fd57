"""Whole systems of real packages: our own verifier, umoci and Nix agree about every file of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.verify import VerifiedImage, verify_image
from tests.clients.conftest import IS_ROOT, Client
from tests.clients.test_engines import assert_same_tree
from tests.clients.test_nix import Unpacked
from tests.support.examples import build_example
from tests.support.listing import listing_of_image


@pytest.mark.parametrize(("example", "store_dir", "state"), [
    ("base", "/gnu/store", "var/guix"),
    ("nix", "/nix/store", "nix/var/nix"),
])  # fmt: skip
def test_an_example_is_what_it_says_in_everybodys_eyes(
    example: str, store_dir: str, state: str, client: Client, tmp_path: Path
) -> None:
    archive = build_example(example, tmp_path / "image.tar")
    verified = verify_image(archive)
    assert (verified.name, verified.store_directory) == (example, store_dir)
    assert verified.items >= 70
    assert 20 <= len(verified.layers) <= 100

    client("skopeo", "copy", "--insecure-policy", f"oci-archive:{archive}", f"oci:{tmp_path}/layout:latest")
    flags = [] if IS_ROOT else ["--rootless"]
    client("umoci", "unpack", *flags, "--image", f"{tmp_path}/layout:latest", tmp_path / "bundle")
    root = tmp_path / "bundle/rootfs"
    assert_same_tree(root, listing_of_image(archive), owners=IS_ROOT)
    _verify_with_nix(Unpacked(client, root, store_dir, root / state), verified)


def _verify_with_nix(unpacked: Unpacked, verified: VerifiedImage) -> None:
    if unpacked.store_dir == "/gnu/store":
        (unpacked.state / "db/schema").write_text("7")
    assert "was modified" not in unpacked.verify()
    system = (unpacked.state / "profiles/system-1-link").readlink()
    assert len(unpacked.nix_store("-qR", system).stdout.split()) == verified.items
    assert unpacked.nix_store("--gc", "--print-dead").stdout == b""
