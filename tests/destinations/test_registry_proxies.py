"""Registries are reached through the proxies that the environment names."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from sysimage.blobs import BlobDirectory
from sysimage.destinations.registry import PushTarget, Registries
from sysimage.errors import RegistryError
from tests.destinations.proxy_server import running_proxy
from tests.destinations.pushing import push_image
from tests.destinations.registry_server import running
from tests.destinations.test_registry import assert_holds, image_of

NAME = "registry.test"
ME = "Basic " + base64.b64encode(b"me:p@ss").decode()


@pytest.fixture
def blobs(tmp_path: Path) -> BlobDirectory:
    return BlobDirectory(tmp_path / "own")


def push(blobs: BlobDirectory, reached: Registries, host: str = NAME) -> None:
    target = PushTarget.parse(f"{host}/team/web:1")
    with reached.session(target.repository, actions="pull,push") as session:
        push_image(image_of(blobs, "a", "b"), blobs, target, session)


@pytest.mark.parametrize("authorization", [None, ME])
def test_plain_requests_go_to_the_proxy_with_their_whole_address(
    blobs: BlobDirectory, authorization: str | None
) -> None:
    with running() as registry, running_proxy({NAME: registry.address}, authorization) as proxy:
        environment = {"http_proxy": f"me:p%40ss@{proxy.address}", "https_proxy": "http://127.0.0.1:1"}
        push(blobs, Registries(plain_http=(NAME,), environment=environment))
        assert_holds(registry, image_of(blobs, "a", "b"))
        assert len(proxy.asked) == len(registry.requests)
        assert all(f" http://{NAME}/v2/team/web/" in line for line in proxy.asked)
        assert {"me", "p@ss"}.isdisjoint("".join(filter(None, registry.authorizations)).split())


def test_this_machine_is_reached_without_a_proxy(blobs: BlobDirectory) -> None:
    dead = {"http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}
    with running() as registry:
        push(blobs, Registries(environment=dead), registry.address)
        assert_holds(registry, image_of(blobs, "a", "b"))


def test_what_a_proxy_refuses_is_asked_for_once_and_shows_no_password(blobs: BlobDirectory) -> None:
    with running_proxy({}, authorization=ME) as proxy:
        environment = {"https_proxy": f"http://me:wrong-secret@{proxy.address}"}
        with pytest.raises(RegistryError, match=r"Tunnel connection failed: 407") as error:
            push(blobs, Registries(environment=environment))
        assert proxy.asked == [f"CONNECT {NAME}:443"]
        assert error.value.hint == "say user and password in https_proxy"
        assert "secret" not in str(error.value)


def test_a_proxy_without_a_valid_address_is_an_error_that_names_the_variable(blobs: BlobDirectory) -> None:
    with pytest.raises(RegistryError, match=r"cannot use what https_proxy says: a proxy of the kind socks5") as error:
        push(blobs, Registries(environment={"https_proxy": "socks5://me:secret@proxy:1080"}))
    assert "secret" not in str(error.value)
