"""Socket units: what a service finds already opened, from descriptor 3 on."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sysimage_bootstrap.units import values
from sysimage_bootstrap.units.specifiers import UnitName, expand
from sysimage_bootstrap.units.unit_file import Assignment, UnitFile

_STYLES = {
    "ListenStream": "stream",
    "ListenDatagram": "datagram",
    "ListenSequentialPacket": "packet",
    "ListenFIFO": "fifo",
}
_WAITING, _MOST_WAITING = 128, 4096
"""Connections of a socket that does not say how many may wait, and the kernel's own limit."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One socket."""

    style: str
    """``stream``, ``datagram``, ``packet`` or ``fifo``."""
    address: str
    """A path, or an IP address."""
    port: int | None
    """None for a path."""
    name: str
    """What the service may know the descriptor by."""
    mode: int = 0o666
    user: str = "root"
    group: str = "root"
    backlog: int = _WAITING
    """How many connections may wait to be taken."""


def read_listeners(unit: UnitFile, name: UnitName) -> tuple[Listener, ...]:
    """The sockets of a socket unit; a ValueError for a value that cannot be read."""
    mode = values.mode(unit.value("Socket", "SocketMode") or "0666")
    owner = unit.value("Socket", "SocketUser") or "root"
    group = unit.value("Socket", "SocketGroup") or "root"
    called = unit.value("Socket", "FileDescriptorName") or name.full
    backlog = _backlog(unit.value("Socket", "Backlog"))
    order: list[Assignment] = []
    for one in unit.assignments:
        if one.section == "Socket" and one.key in _STYLES:
            order = [*order, one] if one.value else []  # an empty one takes back those of every kind
    found = []
    for one in order:
        address, port = _address(expand(one.value, name))
        plain = Listener(_STYLES[one.key], address, port, called, backlog=backlog)
        found.append(plain if port is not None else replace(plain, mode=mode, user=owner, group=group))
    return tuple(found)


def without_twins(unit: UnitFile, listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
    """The sockets, except those for IPv6 alone (``BindIPv6Only=ipv6-only``) whose port another has for IPv4: here a
    socket for IPv6 is one for both, and the second of the two could not be opened."""
    if unit.value("Socket", "BindIPv6Only") != "ipv6-only":
        return listeners
    others = {(one.style, one.port) for one in listeners if ":" not in one.address}
    return tuple(one for one in listeners if ":" not in one.address or (one.style, one.port) not in others)


def _backlog(text: str | None) -> int:
    if text is None:
        return _WAITING
    if not re.fullmatch("[0-9]{1,10}", text):
        raise ValueError(f"not a number of connections: {text!r}")
    return min(int(text), _MOST_WAITING)


def _address(text: str) -> tuple[str, int | None]:
    if text.startswith("/"):
        return text, None
    if text.startswith("@"):
        raise ValueError(f"an abstract socket: {text!r}")
    if match := re.fullmatch(r"(?:\[([0-9a-fA-F:]+)\]:|([0-9.]+):)?([0-9]+)", text):
        port = int(match[3])
        if 0 < port < 65536:
            return match[1] or match[2] or "::", port
    raise ValueError(f"not the address of a socket: {text!r}")
