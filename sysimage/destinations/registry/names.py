"""What images in registries are called: a host, a repository there, and a tag or a digest."""

from __future__ import annotations

import functools
import ipaddress
import json
from dataclasses import dataclass
from importlib.resources import files

from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.image import ImageName

_HINT = "say such as registry.example/team/web:1.0, or docker.io/team/web:1.0 for Docker's hub"
_PREFIX = "docker://"


@dataclass(frozen=True, slots=True)
class DockerHub:
    """The one registry that people know by other names than the one that it answers at."""

    name: str
    """The host name in names of images."""
    also: frozenset[str]
    """What else people and programs call it."""
    pages: tuple[str, ...]
    """What addresses of its pages about images begin with, as people copy them from a browser."""
    api: str
    """The host that answers."""
    login: str
    """The key that ``docker login`` writes, and asks helpers for."""
    namespace: str
    """Where images without a namespace are."""


@functools.cache
def docker_hub() -> DockerHub:
    """The facts, from their file."""
    value = json.loads(files(__package__).joinpath("docker_hub.json").read_text(encoding="utf-8"))
    return DockerHub(
        value["name"],
        frozenset(value["also"]),
        tuple(value["pages"]),
        value["api"],
        value["login"],
        value["namespace"],
    )


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of a registry: the images of one name."""

    host: str
    """With the port, if any; Docker's hub has one spelling."""
    name: str

    def __str__(self) -> str:
        return f"{self.host}/{self.name}"

    @property
    def api_host(self) -> str:
        """The host that is asked."""
        return docker_hub().api if self.host == docker_hub().name else self.host

    @property
    def spellings(self) -> tuple[str, ...]:
        """What the host is called where credentials are kept, its usual name first."""
        return (self.host, *sorted(docker_hub().also)) if self.host == docker_hub().name else (self.host,)

    @property
    def login_server(self) -> str:
        """What a credential helper is asked for."""
        return docker_hub().login if self.host == docker_hub().name else self.host


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image in a registry by its name."""

    repository: Repository
    tag: str | None
    digest: Digest | None = None
    """Pins the image, whatever the tag points to."""

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Read ``host[:port]/repository[:tag][@sha256:…]``, with or without ``docker://`` in front; the tag is
        ``latest`` where neither is given. A `SpecError` says what is wrong.

        The host is never guessed: a name without one is refused, except after ``docker://``, where every program takes
        it for Docker's hub.
        """
        name, at, pinned = _without_page(text.removeprefix(_PREFIX)).partition("@")
        try:
            digest = Digest.parse(pinned) if at else None
            parsed = ImageName.parse(name)
        except ValueError as error:
            raise SpecError(f"cannot use {text!r} as the name of an image: {error}", hint=_HINT) from None
        has_host = has_registry(parsed.repository)
        if not has_host and not text.startswith(_PREFIX):
            raise SpecError(f"cannot use {text!r} as the name of an image: it names no registry", hint=_HINT)
        host, _, path = parsed.repository.partition("/") if has_host else ("", "", parsed.repository)
        is_tagged = name.rpartition("/")[2].count(":") == 1
        return cls(_repository(host.lower(), path), parsed.tag if is_tagged or digest is None else None, digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        return f"{self.repository}{tag}{f'@{self.digest}' if self.digest is not None else ''}"

    @property
    def version(self) -> str:
        """What the registry is asked for: the digest where there is one, else the tag."""
        return str(self.digest or self.tag)


def _without_page(name: str) -> str:
    """The name for the address of a page of the hub, ``https://hub.docker.com/_/debian``; any other name unchanged."""
    hub = docker_hub()
    address = name.removeprefix("https://")
    page = next((page for page in hub.pages if address.startswith(page)), None)
    return name if page is None else f"{hub.name}/{address.removeprefix(page).removesuffix('/')}"


def _repository(host: str, path: str) -> Repository:
    hub = docker_hub()
    if host and host != hub.name and host not in hub.also:
        return Repository(host, path)
    return Repository(hub.name, path if "/" in path else f"{hub.namespace}/{path}")


@dataclass(frozen=True, slots=True)
class PushTarget:
    """A repository, and the tags that will point to the image."""

    repository: Repository
    tags: tuple[str, ...]

    @classmethod
    def parse(cls, *texts: str) -> PushTarget:
        """Read names of one repository, each with its tag; a `SpecError` for a digest or another repository."""
        (target, *others) = push_targets(texts)
        if others:
            raise SpecError(f"cannot push to {', '.join(sorted(texts))}: they are not one repository")
        return target

    def names(self) -> tuple[ImageName, ...]:
        """What the image can be pulled as."""
        return tuple(ImageName(str(self.repository), tag) for tag in self.tags)


def push_targets(texts: tuple[str, ...]) -> tuple[PushTarget, ...]:
    """A target for each repository, in order of first mention, with all its tags."""
    tags: dict[Repository, dict[str, None]] = {}
    for text in texts:
        reference = ImageReference.parse(text)
        if reference.digest is not None or reference.tag is None:
            raise SpecError(f"cannot push to {text!r}: a digest is what an image is, not a name to give", hint=_HINT)
        tags.setdefault(reference.repository, {})[reference.tag] = None
    return tuple(PushTarget(repository, tuple(found)) for repository, found in tags.items())


def has_registry(name: str) -> bool:
    """Whether a name begins with a registry's host, as Docker decides it: by a dot, a port, or ``localhost``."""
    host, slash, _ = name.partition("/")
    return bool(slash) and ("." in host or ":" in host or host == "localhost")


def is_this_machine(host: str) -> bool:
    """Whether a host, perhaps with a port, is a loopback address."""
    name = without_port(host)
    return name == "localhost" or ((address := _address(name)) is not None and address.is_loopback)


def is_inner(host: str) -> bool:
    """Whether a host is this machine, or by its number one that the world cannot reach."""
    address = _address(without_port(host))
    return is_this_machine(host) or (address is not None and not address.is_global)


def related(one: str, other: str) -> bool:
    """Whether a registry and a token service are the same host, or of one owner: siblings, or one below the other.

    What only shares something like ``co.uk`` is not related.
    """
    if one == other:
        return True
    if is_inner(one) or is_inner(other) or one.replace(".", "").isdigit():
        return False
    for first in (one, one.partition(".")[2]):
        for second in (other, other.partition(".")[2]):
            labels = first.split(".")
            if first == second and len(labels) >= 2 and (len(labels) > 2 or len(labels[0]) > 3):
                return True
    return False


def without_port(host: str) -> str:
    """The name or address alone."""
    head, colon, port = host.rpartition(":")
    return head if colon and port.isdigit() and (head.count(":") == 0 or head.endswith("]")) else host


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None
