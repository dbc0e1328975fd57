"""What the registries of a command line are asked: whether a push would be taken, and for an image by its name."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.blobs import media_types
from sysimage.destinations.registry import ImageReference, PushTarget, Registries, fetch_manifest
from sysimage.destinations.registry.manifest import manifest_for
from sysimage.digest import Digest
from sysimage.errors import RegistryError, SpecError
from tests.destinations.registry_server import Handler, Registry, running
from tests.destinations.test_registry_habits import session_with

HIDDEN = "the registry has no such image, or does not show it to this account"
LOG_IN = "check the name and the tag, or log in: docker login or podman login"


def hold(registry: Registry, value: object, tag: str, kind: str = media_types.MANIFEST) -> Digest:
    """Let the registry have a document under a tag and its digest."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    digest = Digest.of(data)
    registry.manifests[f"team/web:{tag}"] = registry.manifests[f"team/web:{digest}"] = data
    registry.media_types[str(digest)] = kind
    return digest


def platform(os: object, architecture: object, variant: object = None) -> dict[str, object]:
    return {"os": os, "architecture": architecture, **({} if variant is None else {"variant": variant})}


@pytest.fixture
def index(registry: Registry) -> list[Any]:
    """An image for several platforms, whose entries of other forms do not matter."""
    entries: list[Any] = [1, {}, {"platform": 1}, {"platform": {}}, {"platform": platform("linux", "amd64")}]
    entries.append({"platform": platform("linux", "amd64"), "digest": "md5:x"})
    entries.append({"platform": platform("linux", 1), "digest": 1})
    for name, where in (
        ("amd64", platform("linux", "amd64")),
        ("v7", platform("linux", "arm", "v7")),
        ("v6", platform("linux", "arm", "v6")),
        ("arm64", platform("linux", "arm64", "")),
        ("second", platform("linux", "amd64")),
    ):
        digest = hold(registry, {"annotations": {"of": name}}, name)
        entries.append({"platform": where, "digest": str(digest)})
    hold(registry, {"manifests": entries}, "1", media_types.INDEX)
    return entries


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("linux/amd64", "amd64"),
        ("linux/amd64/v3", "amd64"),
        ("linux/arm/v6", "v6"),
        ("linux/arm/v7", "v7"),
        ("linux/arm64/v8", "arm64"),
        ("linux/arm", None),
        ("linux/arm/v5", None),
        ("windows/amd64", None),
    ],
)
def test_an_image_of_several_platforms_is_the_one_for_a_platform(
    registry: Registry, index: list[Any], wanted: str, found: str | None
) -> None:
    registries = Registries()
    name = f"{registry.address}/team/web:1"
    if found is not None:
        assert registries.annotations(name, wanted) == {"of": found}
        return
    with pytest.raises(RegistryError) as caught:
        registries.annotations(name, wanted)
    assert caught.value.message == f"cannot read {name}: it holds no image for {wanted}"


def test_an_index_that_names_what_is_not_there_is_an_error(registry: Registry) -> None:
    entry = {"platform": platform("linux", "amd64"), "digest": str(Digest.of(b"gone"))}
    hold(registry, {"manifests": [entry]}, "1", media_types.INDEX)
    session, target = session_with(registry)
    with pytest.raises(SpecError) as caught:
        manifest_for(session, ImageReference(target.repository, "1"), "linux/amd64")
    assert caught.value.message == f"cannot read {target.repository}@{Digest.of(b'gone')}: {HIDDEN}"
    assert caught.value.hint == LOG_IN


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_image_that_is_not_there_or_not_shown_says_nothing(registry: Registry, status: int) -> None:
    registry.faults["GET"] = [status]
    assert Registries().annotations(f"{registry.address}/team/web:1", "linux/amd64") is None


@pytest.mark.parametrize(
    ("value", "annotations"),
    [
        ({"annotations": {"a": "b", "c": 1}}, {"a": "b"}),
        ({"annotations": ["a"]}, {}),
        ({}, {}),
    ],
)
def test_what_a_manifest_says_of_itself_is_texts(
    registry: Registry, value: object, annotations: dict[str, str]
) -> None:
    digest = hold(registry, value, "1")
    for name in (f"{registry.address}/team/web:1", f"{registry.address}/team/web:2@{digest}"):
        assert Registries().annotations(name, "linux/amd64") == annotations


def test_a_manifest_is_read_with_its_exact_bytes_and_its_media_type(registry: Registry) -> None:
    data = b'{ "layers": [] }'
    session, target = session_with(registry)
    digest = hold(registry, data, "1", f"{media_types.DOCKER_MANIFEST} ; charset=utf-8")
    for version in ("1", str(digest)):
        document = fetch_manifest(session, version)
        assert document is not None
        assert (document.data, document.descriptor.digest, document.descriptor.size) == (data, digest, len(data))
        assert document.descriptor.media_type == media_types.DOCKER_MANIFEST
    assert fetch_manifest(session, "2", missing=(404,)) is None
    with pytest.raises(SpecError, match=rf"^cannot read {target.repository}:2: {HIDDEN}$"):
        fetch_manifest(session, "2", missing=())
    registry.manifests[f"team/web:{digest}"] = b"{}"
    with pytest.raises(
        RegistryError, match=rf"^cannot read {target.repository}@{digest}: the registry returned another manifest$"
    ):
        fetch_manifest(session, str(digest))


def test_a_trial_of_a_push_begins_an_upload_and_gives_it_up(registry: Registry, tmp_path: Path) -> None:
    registry.password = "s3cret"
    auth = tmp_path / "auth.json"
    encoded = base64.b64encode(b"me:s3cret").decode()
    auth.write_text(json.dumps({"auths": {registry.address: {"auth": encoded}}}))
    target = PushTarget.parse(f"{registry.address}/team/web:1")
    Registries((auth,)).try_push(target)
    assert (registry.begun, registry.uploads) == (1, {})
    assert sum("pull%2Cpush" in line and "/token" in line for line in registry.requests) == 1
    with pytest.raises(RegistryError, match="gives no token"):
        Registries().try_push(target)
    registry.faults["POST"] = [403]
    with pytest.raises(RegistryError, match="status 403"):
        Registries((auth,)).try_push(target)


def test_a_trial_that_is_led_nowhere_is_over() -> None:
    class LeadsNowhere(Handler):
        def begin(self, query: dict[str, str], body: bytes, repository: str) -> None:
            self.answer(202)

    with running(LeadsNowhere) as registry:
        Registries().try_push(PushTarget.parse(f"{registry.address}/team/web:1"))
        assert [line.split()[0] for line in registry.requests] == ["POST"]


def test_a_file_of_certificates_that_is_not_there_is_named(registry: Registry, tmp_path: Path) -> None:
    registries = Registries(ca_file=tmp_path / "none.pem")
    with pytest.raises(RegistryError) as caught:
        registries.annotations(f"{registry.address}/team/web:1", "linux/amd64")
    assert caught.value.message == (
        f"cannot reach {registry.address}: there is no file {tmp_path}/none.pem of certificates to trust"
    )
    (tmp_path / "none.pem").touch()
    assert registry.requests == []


@pytest.mark.parametrize("said", ["H.TEST:5000", "h.test:5000"])
def test_hosts_that_are_reached_without_tls_are_known_in_any_case(said: str) -> None:
    registries = Registries(plain_http=("other.test", said))
    for name, base in (
        ("h.test:5000/x", "http://h.test:5000/v2/x"),
        ("h.test/x", "https://h.test/v2/x"),
        ("other.test/x", "http://other.test/v2/x"),
    ):
        with registries.session(ImageReference.parse(name).repository) as session:
            assert session.base == base
    with Registries(plain_http=("registry-1.docker.io",)).session(
        ImageReference.parse("docker.io/x").repository
    ) as hub:
        assert hub.base == "http://registry-1.docker.io/v2/library/x"
