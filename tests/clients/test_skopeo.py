"""skopeo reads what we write, in each form; what it writes from it is the same image, and verifies."""

import json
from pathlib import Path

import pytest

from sysimage.verify import verify_image
from tests.clients.conftest import Client, Registry, Small
from tests.support.images import build_image
from tests.support.listing import listing_of_image


@pytest.mark.parametrize("transport", ["docker-archive", "oci-archive"])
def test_the_archive_is_inspected_through_either_door(transport: str, client: Client, guix_image: Small) -> None:
    found = json.loads(client("skopeo", "inspect", f"{transport}:{guix_image.archive}").stdout)
    assert (found["Os"], found["Architecture"], found["Env"]) == ("linux", "amd64", ["LANG=C.UTF-8"])
    layers = guix_image.built.image.layers
    digests = [str(layer.diff_id if transport == "docker-archive" else layer.descriptor.digest) for layer in layers]
    assert found["Layers"] == digests
    if transport == "oci-archive":
        assert found["Digest"] == str(guix_image.built.image.manifest.descriptor.digest)


def test_the_layout_is_inspected_by_its_tag(client: Client, guix_image: Small) -> None:
    raw = client("skopeo", "inspect", "--raw", f"oci:{guix_image.layout}:1.0").stdout
    assert raw == guix_image.built.image.manifest.data
    config = client("skopeo", "inspect", "--raw", "--config", f"oci:{guix_image.layout}:1.0").stdout
    assert config == guix_image.built.image.config.data


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_a_copy_to_a_layout_keeps_every_blob(compression: str, client: Client, tmp_path: Path) -> None:
    built = build_image(tmp_path, compression=compression)
    archive = built.archive(tmp_path / "image.tar")
    client(
        "skopeo",
        "copy",
        "--insecure-policy",
        "--preserve-digests",
        f"oci-archive:{archive}",
        f"oci:{tmp_path}/copy:1.0",
    )
    copied = {path.name for path in (tmp_path / "copy/blobs/sha256").iterdir()}
    assert copied == {
        one.digest.hex for one in (built.image.manifest.descriptor, *built.image.descriptors())
    }  # the very same bytes, and nothing else
    assert verify_image(tmp_path / "copy").digest == built.image.manifest.descriptor.digest


def test_a_copy_to_a_docker_archive_and_back_is_the_same_tree(
    client: Client, guix_image: Small, tmp_path: Path
) -> None:
    policy = "--insecure-policy"
    client(
        "skopeo", "copy", policy, f"docker-archive:{guix_image.archive}", f"docker-archive:{tmp_path}/a.tar:small:1.0"
    )
    client("skopeo", "copy", policy, f"docker-archive:{tmp_path}/a.tar", f"oci:{tmp_path}/back:1.0")
    assert listing_of_image(tmp_path / "a.tar") == guix_image.listing
    for path in (tmp_path / "a.tar", tmp_path / "back"):
        found = verify_image(path)
        assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in guix_image.built.image.layers]
        assert found.items == 6


def test_what_is_pushed_to_a_registry_is_pulled_unchanged(
    client: Client, guix_image: Small, registry: Registry, tmp_path: Path
) -> None:
    place = f"docker://{registry.address}/team/small:1.0"
    client(
        "skopeo", "copy", "--insecure-policy", "--preserve-digests", "--dest-tls-verify=false",
        f"oci-archive:{guix_image.archive}", place,
    )  # fmt: skip
    client(
        "skopeo", "copy", "--insecure-policy", "--preserve-digests", "--src-tls-verify=false",
        place, f"oci:{tmp_path}/pulled:1.0",
    )  # fmt: skip
    assert verify_image(tmp_path / "pulled").digest == guix_image.built.image.manifest.descriptor.digest
