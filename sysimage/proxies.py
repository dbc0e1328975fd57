"""Which requests go through a proxy, by the variables that programs have for it: ``http_proxy``, ``https_proxy`` and
``no_proxy``, in either case of letters, and by the rules that container engines have."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from sysimage.characters import printable

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and what it wants to know of its user."""

    address: str
    """Without credentials."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """For requests to the proxy itself, in lower case."""

    @classmethod
    def parse(cls, text: str) -> Proxy:
        """Read ``[http://][user:password@]host[:port]``; a ValueError, which shows no password, for anything else."""
        try:
            parts = urlsplit(text if "://" in text else f"http://{text}")
            port, host = parts.port, parts.hostname
        except ValueError:
            host, port = None, None
        if not host:
            raise ValueError("it is not the address of a proxy")
        if parts.scheme not in _PORTS:
            raise ValueError(f"a proxy of the kind {printable(parts.scheme)} is not supported, only http and https")
        credentials, at, _ = parts.netloc.rpartition("@")
        basic = base64.b64encode(unquote(credentials).encode()).decode()
        shown = f"[{host}]" if ":" in host else host
        address = f"{parts.scheme}://{shown}:{port or _PORTS[parts.scheme]}"
        return cls(address, {"proxy-authorization": f"Basic {basic}"} if at else {})


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of an environment."""

    by_scheme: Mapping[str, str] = field(default_factory=dict, repr=False)
    """``http`` and ``https`` → the proxy's address as it is written."""
    direct: tuple[str, ...] = ()
    """The hosts that are reached without one."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Proxies:
        """The value of the variables, those in lower case first.

        A CGI server makes ``HTTP_PROXY`` of a request's header: it counts in lower case alone.
        """
        found = {
            scheme: environment.get(f"{scheme}_proxy")
            or (environment.get(f"{scheme.upper()}_PROXY") if scheme != "http" else None)
            for scheme in _PORTS
        }
        listed = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
        direct = tuple(word.strip() for word in listed.split(",") if word.strip())
        return cls({scheme: text for scheme, text in found.items() if text}, direct)

    def proxy_for(self, url: str) -> str | None:
        """The address of the proxy for a request, as it is written; None without one."""
        parts = urlsplit(url)
        text = self.by_scheme.get(parts.scheme)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        return None if text is None or goes_direct(host, port, self.direct) else text


def goes_direct(host: str, port: int, entries: Sequence[str]) -> bool:
    """Whether an entry of ``no_proxy`` names a host: by its name or a domain of it, its address, a network
    (``10.0.0.0/8``), each perhaps with a port, or ``*`` for all."""
    address = _address(host)
    for entry in entries:
        name, own_port = _without_port(entry.lower())
        if name == "*":
            return True
        if own_port is not None and own_port != port:
            continue
        if address is not None:
            if _holds(name, address):
                return True
        elif host.lower() == name.lstrip("*.") or host.lower().endswith("." + name.lstrip("*.")):
            return True
    return False


def _without_port(entry: str) -> tuple[str, int | None]:
    name, colon, port = entry.rpartition(":")
    if colon and port.isascii() and port.isdigit() and (":" not in name or name.endswith("]")):
        return name.strip("[]"), int(port)
    return entry.strip("[]"), None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _holds(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
