"""Pushing: what is there is not sent, what breaks is tried again, and no other host learns the password."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sysimage.blobs import BlobDirectory
from sysimage.destinations.registry import (
    Credentials,
    PushTarget,
    RegistrySession,
    SessionOptions,
)
from sysimage.destinations.registry.names import related
from sysimage.destinations.registry.transport import resolved
from sysimage.destinations.registry.upload import Uploader
from sysimage.errors import RegistryError
from sysimage.image import Image, ImageConfig, make_image
from sysimage.layers import Compression, LayerSource, build_layers
from sysimage.rootfs import Entry
from tests.destinations.pushing import push_image
from tests.destinations.registry_server import Registry, running


@pytest.fixture
def blobs(tmp_path: Path) -> BlobDirectory:
    return BlobDirectory(tmp_path)


def image_of(blobs: BlobDirectory, *names: str) -> Image:
    sources = [LayerSource(name, (), (Entry.file(f"/{name}", name.encode() * 1000),)) for name in names]
    return make_image(ImageConfig("amd64"), build_layers(sources, blobs, compression=Compression("none", 0)))


def push(registry: Registry, image: Image, blobs: BlobDirectory, *tags: str, **options: Any) -> list[float]:
    """Push and return how long was waited between attempts."""
    waits: list[float] = []
    credentials, connections = options.pop("credentials", None), options.pop("connections", 4)
    target = PushTarget.parse(*(f"{registry.address}/team/web:{tag}" for tag in tags or ("1",)))
    with closing(session_of(target, credentials, waits, connections)) as session:
        push_image(image, blobs, target, session, **options)
    return waits


def session_of(
    target: PushTarget,
    credentials: Credentials | None = None,
    waits: list[float] | None = None,
    connections: int = 4,
) -> RegistrySession:
    settings = SessionOptions(timeout=5, backoff=0.25, connections=connections)
    wait = (waits if waits is not None else []).append
    return RegistrySession(target.repository, credentials, settings, wait, actions="pull,push")


def assert_holds(registry: Registry, image: Image, tag: str = "1") -> None:
    assert registry.manifests[f"team/web:{tag}"] == image.manifest.data
    held = registry.blobs["team/web"]
    for descriptor in image.descriptors():
        assert len(held[str(descriptor.digest)]) == descriptor.size


def test_an_empty_registry_gets_everything(registry: Registry, blobs: BlobDirectory) -> None:
    image = image_of(blobs, "a", "b", "c")
    push(registry, image, blobs)

    assert_holds(registry, image)
    # For each of four blobs a question, a beginning and an end; the tag's question; the manifest.
    assert len(registry.requests) == 4 * 3 + 2


def test_an_image_that_is_there_costs_one_request_and_no_read(registry: Registry, blobs: BlobDirectory) -> None:
    image = image_of(blobs, "a", "b", "c")
    push(registry, image, blobs)
    registry.requests.clear()
    for descriptor in image.descriptors():
        blobs.remove(descriptor.digest)
    push(registry, image, blobs)

    assert registry.requests == ["GET /v2/team/web/manifests/1"]


def test_an_update_asks_only_for_what_the_old_image_does_not_name(registry: Registry, blobs: BlobDirectory) -> None:
    push(registry, image_of(blobs, "a", "b", "c"), blobs)
    registry.requests.clear()
    image = image_of(blobs, "a", "b", "d")
    push(registry, image, blobs)

    assert_holds(registry, image)
    assert len(registry.requests) == 2 * 3 + 2


def test_several_tags_are_one_upload(registry: Registry, blobs: BlobDirectory) -> None:
    image = image_of(blobs, "a", "b")
    push(registry, image, blobs, "1", "latest")

    assert_holds(registry, image, "1")
    assert_holds(registry, image, "latest")
    assert registry.count("POST") == 3


def test_blobs_are_mounted_from_repositories_that_have_them(registry: Registry, blobs: BlobDirectory) -> None:
    image = image_of(blobs, "a", "b")
    digest = str(image.layers[0].descriptor.digest)
    registry.blobs["base/image"] = {digest: blobs.read(image.layers[0].descriptor)}
    push(registry, image, blobs, mount_from=["nobody/here", "base/image"])

    assert_holds(registry, image)
    assert registry.count("PUT") == 2 + 1


def test_a_big_blob_goes_in_chunks(registry: Registry, blobs: BlobDirectory) -> None:
    image = image_of(blobs, "a")
    push(registry, image, blobs, chunk=1000)

    assert_holds(registry, image)
    assert registry.count("PATCH") == (image.layers[0].descriptor.size - 1) // 1000


@pytest.mark.parametrize("sound", [0, 1, 2])
@pytest.mark.parametrize("fault", [0, 500, 503])
def test_a_chunk_that_breaks_is_continued_where_it_stopped(
    registry: Registry, blobs: BlobDirectory, fault: int, sound: int
) -> None:
    image = image_of(blobs, "a")
    assert image.layers[0].descriptor.size > 1000 * (sound + 1)
    registry.faults["PATCH"] = [*[None] * sound, fault]
    push(registry, image, blobs, chunk=1000)

    assert_holds(registry, image)
    assert registry.count("PATCH") == 1 + (image.layers[0].descriptor.size - 1) // 1000


@pytest.mark.parametrize("kept", [1, 400, 999, 1000])
@pytest.mark.parametrize("fault", [0, 500])
def test_what_a_registry_has_of_a_broken_chunk_is_not_sent_again_and_counts_once(
    registry: Registry, blobs: BlobDirectory, fault: int, kept: int
) -> None:
    (layer,) = image_of(blobs, "a").layers
    blob = layer.descriptor
    registry.faults["PATCH"] = [None, fault]
    registry.keeps_of_broken = kept
    moved: list[int] = []
    with closing(session_of(PushTarget.parse(f"{registry.address}/team/web:1"))) as session:
        assert Uploader(session, chunk=1000).send(blob, lambda: blobs.path(blob.digest), moved.append)

    assert len(registry.blobs["team/web"][str(blob.digest)]) == blob.size
    assert registry.count("PATCH") == 2 + (blob.size - 1000 - kept - 1) // 1000
    assert sum(moved) == blob.size


@pytest.mark.parametrize("fault", [0, 500, 400])
def test_an_upload_whose_end_breaks_begins_again(registry: Registry, blobs: BlobDirectory, fault: int) -> None:
    image = image_of(blobs, "a")
    registry.faults["PUT"] = [fault, fault]
    push(registry, image, blobs, connections=1)

    assert_holds(registry, image)


def test_a_registry_that_is_busy_is_waited_for_but_not_for_a_day(registry: Registry, blobs: BlobDirectory) -> None:
    image = image_of(blobs, "a")
    registry.faults["GET"] = [503, 429]
    registry.retry_after = "86400"

    assert push(registry, image, blobs) == [30.0, 30.0]
    assert_holds(registry, image)


def test_attempts_end(registry: Registry, blobs: BlobDirectory) -> None:
    registry.faults["GET"] = [500] * 10

    with pytest.raises(RegistryError, match=r"cannot GET http://127\.0\.0\.1:\d+/v2/team/web/manifests/1: status 500"):
        push(registry, image_of(blobs, "a"), blobs)
    assert registry.count("GET") == 4


def test_what_the_registry_says_is_passed_on(registry: Registry, blobs: BlobDirectory) -> None:
    image = image_of(blobs, "a")
    registry.faults["HEAD"] = []
    registry.blobs["team/web"] = {str(d.digest): b"short" for d in image.descriptors()}

    with pytest.raises(RegistryError, match="MANIFEST_BLOB_UNKNOWN: manifest_blob_unknown"):
        push(registry, image, blobs)


def test_a_password_is_exchanged_for_a_token_once(registry: Registry, blobs: BlobDirectory) -> None:
    registry.password = "s3cret"
    image = image_of(blobs, "a", "b")
    push(registry, image, blobs, credentials=Credentials("me", "s3cret"))

    assert_holds(registry, image)
    assert sum("/token" in line for line in registry.requests) == 1


def test_a_wrong_password_is_an_error_that_does_not_show_it(registry: Registry, blobs: BlobDirectory) -> None:
    registry.password = "s3cret"

    with pytest.raises(RegistryError, match="its token service gives no token") as caught:
        push(registry, image_of(blobs, "a"), blobs, credentials=Credentials("me", "wr0ng"))
    assert "wr0ng" not in f"{caught.value!r} {caught.value} {caught.value.hint}"
    assert "wr0ng" not in repr(Credentials("me", "wr0ng"))


def test_a_token_service_elsewhere_gets_no_password(registry: Registry, blobs: BlobDirectory) -> None:
    with running() as thief:
        registry.password = thief.password = "s3cret"
        registry.token_realm = f"http://localhost:{thief.address.rpartition(':')[2]}/token"
        with pytest.raises(RegistryError, match="gives no token") as caught:
            push(registry, image_of(blobs, "a"), blobs, credentials=Credentials("me", "s3cret"))

    assert thief.requests == [
        "GET /token?service=test&scope=repository%3Ateam%2Fweb%3Apull%2Cpush&scope=repository%3Ax%3Apull%2Cpush"
    ]
    assert thief.authorizations == [None]
    assert "gets no password" in (caught.value.hint or "")


def test_an_upload_elsewhere_gets_no_token(registry: Registry, blobs: BlobDirectory) -> None:
    with running() as storage:
        storage.uploads["1"] = b""
        registry.password = "s3cret"
        registry.upload_location = f"http://{storage.address}/v2/x/blobs/uploads/1"
        with pytest.raises(RegistryError):
            push(registry, image_of(blobs, "a"), blobs, credentials=Credentials("me", "s3cret"), connections=1)

    assert storage.requests
    assert set(storage.authorizations) == {None}


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        ("https://a.test/v2/", "http://b.test/upload"),
        ("https://a.test/v2/", "http://a.test:8080/upload"),
        ("https://a.test/v2/", "https://127.0.0.1/upload"),
        ("https://a.test/v2/", "https://10.0.0.1/upload"),
        ("https://a.test/v2/", "https://169.254.169.254/latest"),
        ("https://a.test/v2/", "https://[::1]:5000/upload"),
        ("https://a.test/v2/", "file:///etc/passwd"),
        ("https://a.test/v2/", "https://user:pass@b.test/"),
    ],
)
def test_an_address_that_is_not_safe_is_not_followed(origin: str, url: str) -> None:
    with pytest.raises(RegistryError, match="that is not safe"):
        resolved(url, origin)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a.test", "a.test", True),
        ("registry.owner.test", "auth.owner.test", True),
        ("registry.owner.test", "owner.test", True),
        ("owner.test", "evil.test", False),
        ("registry.co.uk", "evil.co.uk", False),
        ("10.0.0.1", "11.0.0.1", False),
        ("localhost", "127.0.0.1", False),
        ("registry.owner.test", "auth.evil.test", False),
    ],
)
def test_a_token_service_is_trusted_with_a_password_only_if_it_is_the_registrys_own(
    one: str, other: str, expected: bool
) -> None:
    assert related(one, other) is related(other, one) is expected
