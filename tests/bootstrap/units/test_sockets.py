"""Socket units: which sockets a service finds open, and whose they are."""

from __future__ import annotations

import pytest

from sysimage_bootstrap.units.sockets import Listener, read_listeners, without_twins
from sysimage_bootstrap.units.specifiers import UnitName
from sysimage_bootstrap.units.unit_file import UnitFile

NAME = UnitName("d.socket")
OF_ROOT = (0o666, "root", "root", 128)


def listeners(*lines: str) -> tuple[Listener, ...]:
    return read_listeners(UnitFile.parse("\n".join(("[Socket]", *lines))), NAME)


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("1", "::", 1),
        ("65535", "::", 65535),
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("[::1]:80", "::1", 80),
        ("/run/%p.sock", "/run/d.sock", None),
    ],
)
def test_a_socket_listens_at_a_port_or_at_a_path(address: str, host: str, port: int | None) -> None:
    assert listeners(f"ListenStream={address}") == (Listener("stream", host, port, "d.socket", *OF_ROOT),)


@pytest.mark.parametrize("address", ["0", "65536", "localhost:80", "::1:80", "vsock:2:1234"])
def test_what_is_not_an_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="not the address of a socket"):
        listeners(f"ListenStream={address}")


def test_what_a_container_cannot_have_is_refused() -> None:
    with pytest.raises(ValueError, match="an abstract socket: '@x'"):
        listeners("ListenStream=@x")


def test_sockets_keep_their_order_and_only_those_in_the_file_system_have_an_owner() -> None:
    found = listeners(
        "ListenSequentialPacket=/run/b",
        "ListenStream=80",
        "ListenDatagram=/run/a",
        "ListenFIFO=/run/f",
        "SocketMode=0620",
        "SocketUser=app",
        "SocketGroup=web",
        "FileDescriptorName=front",
        "Backlog=5",
    )
    assert found == (
        Listener("packet", "/run/b", None, "front", 0o620, "app", "web", 5),
        Listener("stream", "::", 80, "front", 0o666, "root", "root", 5),
        Listener("datagram", "/run/a", None, "front", 0o620, "app", "web", 5),
        Listener("fifo", "/run/f", None, "front", 0o620, "app", "web", 5),
    )


def test_an_empty_address_takes_back_all_before_it_whatever_their_kind() -> None:
    text = "[Service]\nListenStream=7\n[Socket]\nListenStream=80\nListenDatagram=81\nListenStream=\nListenStream=80\n"
    assert read_listeners(UnitFile.parse(text), NAME) == (Listener("stream", "::", 80, "d.socket", *OF_ROOT),)


@pytest.mark.parametrize(("text", "waiting"), [("0", 0), ("4096", 4096), ("4097", 4096), ("4294967295", 4096)])
def test_as_many_connections_wait_as_the_unit_says_and_the_kernel_lets(text: str, waiting: int) -> None:
    assert [one.backlog for one in listeners("ListenStream=80", f"Backlog={text}")] == [waiting]


@pytest.mark.parametrize("text", ["-1", "many", "5K"])
def test_a_backlog_is_a_number(text: str) -> None:
    with pytest.raises(ValueError, match="not a number of connections"):
        listeners("ListenStream=80", f"Backlog={text}")


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (("ListenStream=[::]:80", "ListenStream=0.0.0.0:80"), ["0.0.0.0"]),
        (("ListenStream=[::]:80", "ListenStream=0.0.0.0:81"), ["::", "0.0.0.0"]),
        (("ListenStream=[::]:80", "ListenDatagram=0.0.0.0:80"), ["::", "0.0.0.0"]),
        (("ListenStream=[::1]:80", "ListenStream=/run/d"), ["::1", "/run/d"]),
    ],
)
def test_of_two_families_at_one_port_one_is_opened(lines: tuple[str, ...], kept: list[str]) -> None:
    apart = UnitFile.parse("\n".join(("[Socket]", "BindIPv6Only=ipv6-only", *lines)))
    assert [one.address for one in without_twins(apart, listeners(*lines))] == kept
    together = UnitFile.parse("[Socket]\nBindIPv6Only=both\n")
    assert without_twins(together, listeners(*lines)) == listeners(*lines)
