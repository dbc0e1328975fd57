"""Registries are reached through the proxies that the environment names."""

from __future__ import annotations

import base64
from contextlib import closing

import pytest
from urllib3.util import parse_url

from sysimage.blobs import BlobDirectory
from sysimage.destinations.registry import PushTarget, Registries, RegistrySession, SessionOptions
from sysimage.destinations.registry.connections import ConnectionPools
from sysimage.errors import RegistryError
from sysimage.proxies import Proxies
from tests.destinations.proxy_server import running_proxy
from tests.destinations.pushing import push_image
from tests.destinations.registry_server import CERTIFICATE, running
from tests.destinations.test_registry import assert_holds, image_of

NAME = "registry.test"
ME = "Basic " + base64.b64encode(b"me:p@ss").decode()


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


@pytest.mark.parametrize("authorization", [None, ME])
def test_a_registry_with_tls_is_reached_through_a_tunnel(blobs: BlobDirectory, authorization: str | None) -> None:
    with running(certificate=CERTIFICATE) as registry:
        servers = {f"{NAME}:443": registry.address}
        with running_proxy(servers, authorization) as proxy:
            environment = {"https_proxy": f"me:p%40ss@{proxy.address}"}
            push(blobs, Registries(ca_file=CERTIFICATE, environment=environment))
            assert_holds(registry, image_of(blobs, "a", "b"))
            assert set(proxy.asked) == {f"CONNECT {NAME}:443"}
            assert set(registry.authorizations) == {None}


def test_connections_are_kept_for_each_proxy() -> None:
    proxies = {"http_proxy": "http://one.test:1", "https_proxy": "http://two.test:2", "no_proxy": "near.test"}
    pools = ConnectionPools(4, None, Proxies.of(proxies))
    plain, secure, near = (pools.for_url(url) for url in ("http://a.test/", "https://a.test/", "https://near.test/"))
    assert len({id(one) for one in (plain, secure, near)}) == 3
    assert (plain.proxy, secure.proxy, near.proxy) == (
        parse_url("http://one.test:1"),
        parse_url("http://two.test:2"),
        None,
    )
    assert pools.for_url("http://b.test/x") is plain
    assert pools.for_url("https://b.test:5/x") is secure
    for own in ("http://localhost:5000/", "https://127.0.0.1/", "https://[::1]:80/"):
        assert pools.for_url(own) is near


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
        assert error.value.message == (
            f"cannot GET https://{NAME}/v2/team/web/manifests/1: the proxy does not lead there: "
            "Tunnel connection failed: 407 Proxy Authentication Required"
        )
        assert error.value.hint == "say user and password in https_proxy"
        assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("status", "times", "hint"), [(403, 1, "name the host in no_proxy if it needs none"), (503, 4, None)]
)
def test_a_proxy_that_leads_nowhere_is_asked_again_only_if_it_may_do_so_later(
    status: int, times: int, hint: str | None
) -> None:
    waits: list[float] = []
    with running_proxy({}, refuses_with=status) as proxy:
        options = SessionOptions(proxies=Proxies.of({"https_proxy": proxy.address}))
        session = RegistrySession(PushTarget.parse(f"{NAME}/team/web:1").repository, None, options, waits.append)
        with closing(session), pytest.raises(RegistryError, match=f"Tunnel connection failed: {status}") as error:
            session.request("GET", f"{session.base}/tags/list", accept=(200,))
        assert (proxy.asked, error.value.hint) == ([f"CONNECT {NAME}:443"] * times, hint)


def test_a_proxy_without_a_valid_address_is_an_error_that_names_the_variable(blobs: BlobDirectory) -> None:
    with pytest.raises(RegistryError, match=r"cannot use what https_proxy says: a proxy of the kind socks5") as error:
        push(blobs, Registries(environment={"https_proxy": "socks5://me:secret@proxy:1080"}))
    assert "secret" not in str(error.value)
