"""Debian's registry with TLS and passwords, and other programs that read what comes out of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import Client, Registry, Small, running_registry
from tests.clients.test_engines import engine
from tests.destinations.proxy_server import running_proxy
from tests.pipeline.test_referrers import attach
from tests.pipeline.test_transfer import two_platforms
from tests.support.builds import small_spec
from tests.support.documents import read_document

PASSWORD = "me:$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n"
"""The user ``me`` with the password ``s3cret``, as ``htpasswd -Bbn me s3cret`` prints it, with some salt."""
BEHIND = "registry.test"
"""A name of the registry that only a proxy knows."""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def key_of(certificate: Path) -> Path:
    return certificate.parent / "private" / "ca.key"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory, client: Client) -> Path:
    """A certificate for this machine that signs itself; its key is in a directory below."""
    place = tmp_path_factory.mktemp("tls") / "ca.crt"
    key_of(place).parent.mkdir()
    names = f"subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:{BEHIND}"
    client("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=registry",
           "-addext", names, "-keyout", key_of(place), "-out", place)  # fmt: skip
    return place


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Iterator[Registry]:
    """A registry with TLS that wants a password."""
    workspace = tmp_path_factory.mktemp("guarded")
    (workspace / "htpasswd").write_text(PASSWORD)
    tls = {"certificate": str(certificate), "key": str(key_of(certificate))}
    auth = {"htpasswd": {"realm": "tests", "path": str(workspace / "htpasswd")}}
    with running_registry(workspace, tls=tls, auth=auth) as registry:
        yield registry


@pytest.fixture
def login(tmp_path: Path, client: Client, guarded: Registry, certificate: Path) -> Path:
    """What skopeo's login leaves, which is Podman's too."""
    place = tmp_path / "auth.json"
    client("skopeo", "login", "--authfile", place, "--cert-dir", certificate.parent, "-u", "me", "-p", "s3cret",
           guarded.address)  # fmt: skip
    return place


@pytest.fixture
def sysimage(tmp_path: Path) -> Run:
    def run(*words: str | Path, accept: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "sysimage", *words],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "HOME": str(tmp_path), **env},
            capture_output=True,
            text=True,
        )
        assert done.returncode == accept, done.stderr
        return done

    return run


def test_a_registry_with_tls_and_a_password_takes_and_gives_images(
    sysimage: Run, client: Client, guarded: Registry, certificate: Path, login: Path, guix_image: Small, tmp_path: Path
) -> None:
    name = f"{guarded.address}/team/small"
    reach: list[str | Path] = ["--registry-ca", certificate]
    own = {"REGISTRY_AUTH_FILE": str(login)}
    told = sysimage("push", *reach, guix_image.archive, f"{name}:1", f"{name}:2", **own).stdout
    digest = str(guix_image.built.image.manifest.descriptor.digest)
    assert told.startswith(f"{name}:1, {name}:2: sent ")
    assert digest in told
    seen = client("skopeo", "inspect", "--authfile", login, "--cert-dir", certificate.parent, f"docker://{name}:2")
    assert json.loads(seen.stdout)["Digest"] == digest
    again = read_document(sysimage("push", "--json", *reach, guix_image.archive, f"{name}:1", **own).stdout)
    assert again["pushed"][0]["sent_size"] == 0
    assert sysimage("tags", *reach, name, **own).stdout.split() == ["1", "2"]
    for called in (f"{name}:1", f"{name}@{digest}"):
        assert read_document(sysimage("inspect", "--json", *reach, called, **own).stdout)["digest"] == digest
    assert f"{digest}" in sysimage("verify", *reach, f"{name}:1", **own).stdout
    moved = json.loads(
        sysimage("copy", "--json", *reach, f"{name}:1", f"{guarded.address}/other/small:1", **own).stdout
    )
    assert moved["pushed"][0]["present_layer_count"] == moved["pushed"][0]["layer_count"], "mounted"


def test_a_registry_with_tls_is_reached_through_a_tunnel_of_a_proxy(
    sysimage: Run, guarded: Registry, certificate: Path, guix_image: Small, tmp_path: Path
) -> None:
    host = f"{BEHIND}:{guarded.address.rpartition(':')[2]}"
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {host: {"auth": "bWU6czNjcmV0"}}}))
    with running_proxy({host: guarded.address}, authorization="Basic cHJveHk6dXNlcg==") as proxy:
        own = {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json"), "HTTPS_PROXY": f"http://proxy:user@{proxy.address}"}
        reach: list[str | Path] = ["--registry-ca", certificate]
        sysimage("push", *reach, guix_image.archive, f"{host}/proxied/small:1", **own)
        sysimage("copy", *reach, f"{host}/proxied/small:1", "back.tar", **own)
        assert set(proxy.asked) == {f"CONNECT {host}"}
        told = sysimage("tags", *reach, f"{host}/proxied/small", accept=6, **{**own, "HTTPS_PROXY": proxy.address})
        assert "say user and password in https_proxy" in told.stderr
    sysimage("verify", "back.tar")


@pytest.mark.parametrize("program", ["docker", "podman"])
def test_an_engine_gives_and_takes_images(
    program: str,
    sysimage: Run,
    registry: Registry,
    guix_image: Small,
    policy: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    own = dict(request.getfixturevalue(program))
    own["HOME"] = str(tmp_path)
    trusted = tmp_path / ".config/containers/policy.json"
    trusted.parent.mkdir(parents=True)
    trusted.write_text(policy.read_text())
    sysimage("copy", guix_image.archive, f"{program}:", **own)
    config = guix_image.built.image.config.descriptor.digest
    shown = subprocess.run([program, "images", "--no-trunc", "--quiet"], env=own, capture_output=True, text=True)
    assert str(config) in shown.stdout.split()
    names = subprocess.run(
        [program, "images", "--format", "{{.Repository}}:{{.Tag}}"], env=own, capture_output=True, text=True
    ).stdout.split()
    name = next(one for one in names if one.endswith(":1.0"))
    pushed = f"{registry.address}/{program}/given:1"
    sysimage("push", f"{program}:{name}", pushed, **own)
    for place in ("given.tar", "images:given"):
        sysimage("copy", f"{program}:{name}", place, **own)
    for place in (pushed, "given.tar", "images:given"):
        assert read_document(sysimage("inspect", "--json", place).stdout)["image_id"] == str(config)
        assert "verified" in sysimage("verify", place).stdout
    assert read_document(sysimage("inspect", "--json", "given.tar").stdout)["names"][0].endswith(
        name.rpartition("/")[2]
    )
    told = sysimage("copy", f"{program}:absent:1", "none.tar", accept=7, **own).stderr
    assert f"cannot save absent:1: {program} ended with status" in told
    assert not (tmp_path / "none.tar").exists()
    two_platforms(guix_image.built, tmp_path / "several")
    index = json.loads((tmp_path / "several/index.json").read_text())
    called = {"io.containerd.image.name": f"localhost/several:{program}", "org.opencontainers.image.ref.name": program}
    index["manifests"][0]["annotations"] = called
    (tmp_path / "several/index.json").write_text(json.dumps(index))
    sysimage("copy", "several", f"{program}:", **own)
    words = [program, "image", "inspect", f"localhost/several:{program}"]
    (held,) = json.loads(subprocess.run(words, env=own, capture_output=True, check=True).stdout)
    assert (held["Id"].removeprefix("sha256:"), held["Architecture"]) == (config.hex, "amd64"), "of two platforms"


def test_what_keeps_a_push_from_a_registry_is_reported_before_anything_is_sent(
    sysimage: Run, guarded: Registry, certificate: Path, guix_image: Small, tmp_path: Path
) -> None:
    name = f"{guarded.address}/team/refused:1"
    told = sysimage("push", "--registry-ca", certificate, guix_image.archive, name, accept=6).stderr
    assert "status 401" in told
    assert "docker login" in told
    told = sysimage("push", guix_image.archive, name, accept=6).stderr
    assert "CERTIFICATE_VERIFY_FAILED" in told
    assert "--registry-ca" in told
    (tmp_path / "auth.json").write_text(
        json.dumps({"auths": {f"https://{guarded.address}/": {"auth": "bWU6d3Iw4oKs"}}})
    )
    wrong = {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
    told = sysimage("push", "--registry-ca", certificate, guix_image.archive, name, accept=6, **wrong).stderr
    assert "status 401" in told
    assert "wr0" not in told


def test_other_programs_read_what_is_copied_and_find_their_own_images_untouched(
    sysimage: Run, client: Client, registry: Registry, guix_image: Small, policy: Path, tmp_path: Path
) -> None:
    name = f"{registry.address}/copied/small:1"
    client("skopeo", "--policy", policy, "copy", "--dest-tls-verify=false", f"oci-archive:{guix_image.archive}",
           f"docker://{name}")  # fmt: skip
    layout = tmp_path / "images"
    client("umoci", "init", "--layout", layout)
    client("umoci", "new", "--image", f"{layout}:mine")
    client("umoci", "tag", "--image", f"{layout}:mine", "also-mine")
    before = json.loads((layout / "index.json").read_text())["manifests"]
    sysimage("copy", name, f"{layout}:small")
    assert json.loads((layout / "index.json").read_text())["manifests"][: len(before)] == before
    listed = client("umoci", "list", "--layout", layout).stdout.decode().split()
    assert sorted(listed) == ["also-mine", "mine", "small"]
    client("umoci", "tag", "--image", f"{layout}:small", "renamed")
    sysimage("copy", f"{layout}:renamed", "small.tar")
    seen = client("skopeo", "inspect", f"oci-archive:{tmp_path}/small.tar").stdout
    assert json.loads(seen)["Digest"] == str(guix_image.built.image.manifest.descriptor.digest)
    client("skopeo", "--policy", policy, "copy", f"docker-archive:{tmp_path}/small.tar", f"dir:{tmp_path}/dir")
    sysimage("verify", "small.tar")


def test_an_index_of_two_platforms_is_read_by_skopeo_from_an_archive_and_a_registry(
    sysimage: Run, client: Client, registry: Registry, policy: Path, tmp_path: Path
) -> None:
    small_spec(tmp_path)
    name = f"{registry.address}/both/small:1"
    flags = ["--json", "--platform", "linux/amd64,linux/arm64", "-o", "both.tar", "--push", name]
    said = read_document(sysimage("build", *flags, "small.json").stdout)
    for image in said["images"]:
        for place in (f"oci-archive:{tmp_path}/both.tar", f"docker://{name}"):
            seen = client(
                "skopeo", "--override-arch", image["platform"].split("/")[1], "inspect", "--tls-verify=false", place
            )
            found = json.loads(seen.stdout)
            assert f"linux/{found['Architecture']}" == "/".join(image["platform"].split("/")[:2])
            assert found["Layers"] == [layer["digest"] for layer in image["layers"]]
    client("skopeo", "--policy", policy, "copy", "--all", f"oci-archive:{tmp_path}/both.tar", f"dir:{tmp_path}/all")
    client("skopeo", "--policy", policy, "copy", f"docker-archive:{tmp_path}/both.tar", f"dir:{tmp_path}/one")


def test_what_refers_to_an_image_goes_through_a_registry_that_lists_no_referrers(
    sysimage: Run, client: Client, registry: Registry, guix_image: Small, policy: Path, tmp_path: Path
) -> None:
    layout = guix_image.built.layout(tmp_path / "signed")
    referrer = attach(layout, guix_image.built.image.manifest.descriptor, b"an sbom")
    name = f"{registry.address}/signed/small"
    sysimage("copy", layout, f"{name}:1")
    sysimage("copy", f"{name}:1", f"{registry.address}/resigned/small:1")
    sysimage("copy", f"{registry.address}/resigned/small:1", "back/")
    listed = [one["digest"] for one in json.loads((tmp_path / "back/index.json").read_text())["manifests"]]
    assert listed == [str(guix_image.built.image.manifest.descriptor.digest), str(referrer.digest)]
    place = f"docker://{registry.address}/resigned/small@{referrer.digest}"
    seen = client("skopeo", "inspect", "--raw", "--tls-verify=false", place)
    assert json.loads(seen.stdout)["artifactType"] == "application/spdx+json"
    again = read_document(sysimage("copy", "--json", f"{name}:1", f"{registry.address}/resigned/small:1").stdout)
    assert again["pushed"][0]["sent_size"] == 0
    client("skopeo", "--policy", policy, "copy", f"oci:{tmp_path}/back:1", f"dir:{tmp_path}/dir")


@pytest.mark.parametrize("program", ["podman", "buildah"])
def test_engines_pull_what_is_pushed_and_push_what_is_read(
    program: str,
    sysimage: Run,
    client: Client,
    registry: Registry,
    guix_image: Small,
    policy: Path,
    workspace: Path,
) -> None:
    name = f"{registry.address}/{program}/small"
    sysimage("push", guix_image.archive, f"{name}:1")
    words = engine(program, workspace)
    trusting: list[str | Path] = ["--tls-verify=false", "--signature-policy", policy]
    client(*words, "pull", *trusting, f"{name}:1")
    config = guix_image.built.image.config.descriptor.digest
    listed = client(*words, "images", "--no-trunc", "--quiet").stdout.decode().split()
    assert listed == [str(config)]
    client(*words, "push", *trusting, f"{name}:1", f"docker://{name}:back")
    found = read_document(sysimage("inspect", "--json", f"{name}:back").stdout)
    assert found["image_id"] == str(config)
    assert "verified" in sysimage("verify", f"{name}:back").stdout
    sysimage("copy", f"{name}:back", f"{registry.address}/again/{program}:1")
