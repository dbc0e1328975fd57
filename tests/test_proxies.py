"""Which requests go through a proxy."""

from __future__ import annotations

import pytest

from sysimage.proxies import Proxies, Proxy, goes_direct


@pytest.mark.parametrize(
    ("entry", "host", "port", "direct"),
    [
        ("example.org", "example.org", 443, True),
        ("example.org", "registry.example.org", 443, True),
        (".example.org", "registry.example.org", 443, True),
        ("*.example.org", "registry.example.org", 443, True),
        ("example.org", "notexample.org", 443, False),
        ("example.org", "example.org.evil", 443, False),
        ("EXAMPLE.org", "Example.ORG", 443, True),
        ("example.org:5000", "example.org", 5000, True),
        ("example.org:5000", "example.org", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:80", "10.1.2.3", 443, False),
        ("fd00::/8", "fd00::1", 443, True),
        ("[fd00::1]:5000", "fd00::1", 5000, True),
        ("2.3", "10.1.2.3", 443, False),
        ("*", "anything", 1, True),
        ("/", "example.org", 443, False),
    ],
)
def test_no_proxy_names_hosts_domains_networks_and_ports(entry: str, host: str, port: int, direct: bool) -> None:
    assert goes_direct(host, port, [entry]) == direct


def test_variables_count_in_both_cases_except_for_the_one_that_a_request_could_set() -> None:
    environment = {"HTTPS_PROXY": "upper:1", "HTTP_PROXY": "evil:1", "NO_PROXY": "a.test, .b.test ,"}
    found = Proxies.of(environment)
    assert found.by_scheme == {"https": "upper:1"}
    assert found.direct == ("a.test", ".b.test")
    assert found.proxy_for("https://c.test/v2/") == "upper:1"
    assert found.proxy_for("https://x.b.test/v2/") is None
    assert found.proxy_for("http://c.test/v2/") is None
    assert Proxies.of({"https_proxy": "lower:1", **environment}).by_scheme == {"https": "lower:1"}
    assert Proxies.of({"https_proxy": "", "no_proxy": ""}) == Proxies()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("proxy:3128", "http://proxy:3128"),
        ("http://proxy", "http://proxy:80"),
        ("https://me:p%40ss@proxy:8443/", "https://proxy:8443"),
        ("http://[::1]:3128", "http://[::1]:3128"),
    ],
)
def test_a_proxys_address_has_no_credentials(text: str, address: str) -> None:
    found = Proxy.parse(text)
    assert found.address == address
    assert dict(found.headers) == ({"proxy-authorization": "Basic bWU6cEBzcw=="} if "@" in text else {})
    assert "bWU6" not in repr(found)


@pytest.mark.parametrize("text", ["socks5://me:secret@proxy:1080", "http://me:secret@proxy:no", "http://", "//", "[::"])
def test_what_is_not_a_proxy_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(ValueError, match=r"not the address of a proxy|is not supported") as error:
        Proxy.parse(text)
    assert "secret" not in str(error.value)
