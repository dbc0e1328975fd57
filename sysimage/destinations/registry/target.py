"""Where in which registry an image goes."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from sysimage.errors import SpecError
from sysimage.image import ImageName


@dataclass(frozen=True, slots=True)
class RegistryTarget:
    """A repository of a registry, and the tags that will point to the image."""

    host: str
    """With the port, if any."""
    repository: str
    tags: tuple[str, ...]
    plain_http: bool = False
    """Speak HTTP without TLS; `parse` says so for this machine's own addresses."""

    @classmethod
    def parse(cls, *texts: str, plain_http: bool = False) -> RegistryTarget:
        """Read ``host[:port]/repository[:tag]``, once per tag; a `SpecError` says what is wrong.

        The host is never guessed: a name without one is refused.
        """
        names = []
        for text in texts:
            try:
                names.append(ImageName.parse(text))
            except ValueError as error:
                raise SpecError(f"cannot push to {text!r}: {error}", hint="say host:port/repository:tag") from None
        repositories = {name.repository for name in names}
        if len(repositories) != 1:
            raise SpecError(f"cannot push to {', '.join(sorted(texts))}: they are not one repository")
        host, slash, repository = repositories.pop().partition("/")
        if not slash or not ("." in host or ":" in host or host == "localhost"):
            raise SpecError(
                f"cannot push to {texts[0]!r}: it names no registry", hint="say such as registry.example/team/web:1.0"
            )
        tags = tuple(dict.fromkeys(name.tag for name in names))
        return cls(host, repository, tags, plain_http or is_this_machine(host))

    @property
    def base(self) -> str:
        """The address below which the repository's resources are."""
        return f"{'http' if self.plain_http else 'https'}://{self.host}/v2/{self.repository}"

    def names(self) -> tuple[ImageName, ...]:
        """What the image can be pulled as."""
        return tuple(ImageName(f"{self.host}/{self.repository}", tag) for tag in self.tags)


def is_this_machine(host: str) -> bool:
    """Whether a host, perhaps with a port, is a loopback address."""
    name = _without_port(host)
    return name == "localhost" or ((address := _address(name)) is not None and address.is_loopback)


def is_inner(host: str) -> bool:
    """Whether a host is this machine, or by its number one that the world cannot reach."""
    address = _address(_without_port(host))
    return is_this_machine(host) or (address is not None and not address.is_global)


def _without_port(host: str) -> str:
    return host.rpartition(":")[0] if ":" in host and not host.endswith("]") and host.count(":") == 1 else host


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None
