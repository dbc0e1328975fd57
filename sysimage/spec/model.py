"""The model of system.json. One set of classes gives parsing, defaults, faults and the JSON Schema.

Keys in the file are the field names with hyphens (``host-name``). Unknown keys are refused everywhere. Every field has a
default where a sensible one exists, so that ``{"name": "base", "packages": []}`` is a bootable system.
"""

from __future__ import annotations

import enum
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema


def _hyphenated(name: str) -> str:
    return name.strip("_").replace("_", "-")


def _absolute(path: str) -> str:
    if not path.startswith("/") or path != str(PurePosixPath(path)) or ".." in path.split("/") or "\0" in path:
        raise ValueError("must be an absolute path without '.', '..', doubled or trailing slashes")
    return path


def _octal(value: object) -> object:
    if isinstance(value, str) and value and set(value) <= set("01234567") and int(value, 8) <= 0o7777:
        return int(value, 8)
    raise ValueError('must be a string of octal digits up to "7777", such as "0755"')


ImagePath = Annotated[str, AfterValidator(_absolute), Field(pattern=r"^/")]
"""An absolute, normalised path inside the image."""
Mode = Annotated[
    int,
    BeforeValidator(_octal),
    PlainSerializer(lambda mode: f"{mode:04o}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-7]{1,4}$"}),
]
"""Permission bits; written as a string of octal digits."""
AccountName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,30}\$?$")]
ServiceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
PackageName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.-]+(=\S+)?$")]
"""A Debian package, optionally with the version wanted: ``nginx`` or ``nginx=1.26.3-3``; ``*`` ends a prefix."""
Word = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Text that can be an argument, an environment value or a line of a file: anything but NUL."""
Argv = Annotated[tuple[Word, ...], Field(min_length=1)]
Signal = Annotated[str, Field(pattern=r"^SIG[A-Z0-9+]+$")]
Seconds = Annotated[float, Field(gt=0, le=86400 * 366)]
Identifier = Annotated[int, Field(ge=0, le=2**31 - 2)]
"""A user or group ID."""


class Part(BaseModel):
    """What every part of the spec has in common: frozen, closed, hyphenated keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=_hyphenated, populate_by_name=True, strict=False
    )


class StoreKind(enum.StrEnum):
    GUIX = "guix"
    NIX = "nix"


class Store(Part):
    """The functional package store inside the image."""

    kind: StoreKind = StoreKind.GUIX
    """Whose database schema and state directory the image has."""
    directory: ImagePath | None = None
    """The store directory; ``/gnu/store`` or ``/nix/store`` by kind."""
    database: bool = True
    """Whether the image holds the store's database, GC roots and profiles."""

    @property
    def store_dir(self) -> str:
        return self.directory or f"/{'gnu' if self.kind is StoreKind.GUIX else 'nix'}/store"

    @property
    def state_dir(self) -> str:
        """Where the store's owner keeps database, GC roots and profiles."""
        return "/var/guix" if self.kind is StoreKind.GUIX else "/nix/var/nix"


class PackageSources(Part):
    """Which parts of the package archive are used; its address comes from the machine, never from here."""

    suites: Annotated[tuple[str, ...], Field(min_length=1)] = ("trixie", "trixie-updates", "trixie-security")
    components: Annotated[tuple[str, ...], Field(min_length=1)] = ("main",)


class TcpReady(Part):
    """Ready when a TCP connection is accepted."""

    tcp: Annotated[int, Field(ge=1, le=65535)]
    address: Word = "127.0.0.1"
    timeout: Seconds = 60


class FileReady(Part):
    """Ready when a file (or socket) exists."""

    file: ImagePath
    timeout: Seconds = 60


class CommandReady(Part):
    """Ready when a command succeeds."""

    command: Argv
    timeout: Seconds = 60


class Timer(Part):
    """When a timed service runs: at each moment whose fields are all listed; an absent field matches always."""

    minutes: tuple[Annotated[int, Field(ge=0, le=59)], ...] = ()
    hours: tuple[Annotated[int, Field(ge=0, le=23)], ...] = ()
    days_of_month: tuple[Annotated[int, Field(ge=1, le=31)], ...] = ()
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = ()
    days_of_week: tuple[Annotated[int, Field(ge=0, le=6)], ...] = ()
    """0 is Sunday."""


class Service(Part):
    """A program that the init starts, watches and stops."""

    command: Argv
    """Program and arguments; a program without a slash is looked up in ``/usr/sbin:/usr/bin`` of the image. No shell."""
    description: Word = ""
    requires: tuple[ServiceName, ...] = ()
    """Services that are started, and ready, before this one."""
    user: AccountName | None = None
    group: AccountName | None = None
    environment: dict[EnvironmentName, Word] = {}
    """Added to the system's environment."""
    working_directory: ImagePath = "/"
    one_shot: bool = False
    """Runs once at start; its success is what others wait for."""
    timer: Timer | None = None
    """Runs at these times instead of all the time."""
    respawn: bool = True
    """Started again when it ends by itself."""
    log: Literal["console", "none"] | ImagePath = "console"
    """Where output goes: ``console`` is what ``docker logs`` shows."""
    ready: TcpReady | FileReady | CommandReady | None = None
    """When the service counts as started; without it, as soon as its process runs."""
    stop_signal: Signal = "SIGTERM"
    stop_timeout: Seconds = 5
    """Seconds from the stop signal to SIGKILL."""
    auto_start: bool = True


class User(Part):
    uid: Identifier | None = None
    """Chosen by name and in a fixed way when absent."""
    group: AccountName | None = None
    """Primary group; a group of the user's own name by default."""
    groups: tuple[AccountName, ...] = ()
    """Supplementary groups."""
    comment: Annotated[str, Field(pattern=r"^[^:\n\x00]*$")] = ""
    home: ImagePath | None = None
    """``/home/<name>`` by default, ``/nonexistent`` for a system user; made at build time when it is not /nonexistent."""
    shell: ImagePath | None = None
    """``/bin/sh`` by default, ``/usr/sbin/nologin`` for a system user."""
    system: bool = False
    """A daemon's account: its IDs are below 1000 and nobody logs in."""
    password_hash: Annotated[str, Field(pattern=r"^[^:\n\x00]*$")] = "!"
    """As in /etc/shadow; ``!`` locks the password."""


class Group(Part):
    gid: Identifier | None = None
    members: tuple[AccountName, ...] = ()


class File(Part):
    """An extra file: its text here, or a file beside the spec."""

    text: str | None = None
    source: str | None = None
    """A path relative to the spec's directory."""
    mode: Mode = 0o644
    owner: AccountName = "root"
    group: AccountName = "root"

    def model_post_init(self, context: Any, /) -> None:
        if (self.text is None) == (self.source is None):
            raise ValueError("must have either text or source")


class Directory(Part):
    mode: Mode = 0o755
    owner: AccountName = "root"
    group: AccountName = "root"


class HealthCheck(Part):
    command: Argv
    """Program and arguments, run inside the container; no shell."""
    interval: Seconds = 30
    timeout: Seconds = 30
    start_period: Annotated[float, Field(ge=0)] = 0
    retries: Annotated[int, Field(ge=1)] = 3


class PrivilegedProgram(Part):
    """A copy outside the store of a program that needs set-user-ID or set-group-ID bits."""

    mode: Mode = 0o4755
    owner: AccountName = "root"
    group: AccountName = "root"


class LayerGroup(Part):
    """Items whose names match one of the patterns share a layer that holds nothing else."""

    patterns: Annotated[tuple[Word, ...], Field(min_length=1)]
    """Shell patterns on item names without their hash part, such as ``python3*``."""


class SystemSpec(Part):
    """Everything system.json says, defaults filled."""

    schema_: Annotated[str | None, Field(alias="$schema")] = None
    name: Annotated[str, Field(pattern=r"^[a-z0-9]+([._/-]+[a-z0-9]+)*$", max_length=255)]
    """The image's repository name."""
    tags: Annotated[tuple[Annotated[str, Field(pattern=r"^\w[\w.-]{0,127}$")], ...], Field(min_length=1)] = ("latest",)
    architecture: Literal["amd64", "arm64"] = "amd64"
    packages: tuple[PackageName, ...]
    """Debian packages beside those that every system has."""
    exclude: tuple[PackageName, ...] = ()
    """Packages that must not be there although something depends on them."""
    alternatives: dict[str, PackageName] = {}
    """Which package provides a name that several do, such as ``{"awk": "mawk"}``."""
    package_sources: PackageSources = PackageSources()
    store: Store = Store()
    services: dict[ServiceName, Service] = {}
    users: dict[AccountName, User] = {}
    groups: dict[AccountName, Group] = {}
    files: dict[ImagePath, File] = {}
    directories: dict[ImagePath, Directory] = {}
    symlinks: dict[ImagePath, Word] = {}
    """Image path → what the link says."""
    privileged_programs: dict[ImagePath, PrivilegedProgram] = {}
    """Programs of the image's /usr, by path, beside the usual ones (su, passwd, …) of the chosen packages."""
    host_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$")] | None = None
    """Written to /etc/hostname; a container's runtime sets its own."""
    time_zone: Annotated[str, Field(pattern=r"^[A-Za-z0-9+_-]+(/[A-Za-z0-9+_-]+)*$")] = "UTC"
    locale: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@-]+$")] = "C.UTF-8"
    environment: dict[EnvironmentName, Word] = {}
    labels: dict[Annotated[str, Field(min_length=1)], str] = {}
    exposed_ports: tuple[Annotated[str, Field(pattern=r"^[0-9]{1,5}(/(tcp|udp|sctp))?$")], ...] = ()
    volumes: tuple[ImagePath, ...] = ()
    working_directory: ImagePath = "/"
    user: Annotated[str, Field(pattern=r"^[a-z0-9_][a-z0-9_-]*(:[a-z0-9_][a-z0-9_-]*)?$")] | None = None
    """Who the entry point runs as; root, when an init is to start services."""
    stop_signal: Signal | None = None
    """What ``docker stop`` sends; chosen for the init by default."""
    health_check: HealthCheck | None = None
    entry_point: tuple[Word, ...] = ()
    """Replaces the init: what runs is this and ``command`` after it."""
    command: tuple[Word, ...] = ()
    """Arguments of the entry point, or, without one, a plain command instead of an init."""
    max_layers: Annotated[int, Field(ge=1, le=125)] = 100
    layer_groups: tuple[LayerGroup, ...] = ()
    compression: Annotated[str, Field(pattern=r"^(none|gzip(:[1-9])?|zstd(:([1-9]|1[0-9]|2[0-2]))?)$")] = "gzip"

    @property
    def has_init(self) -> bool:
        """Whether the image boots GNU Shepherd as its first process."""
        return not self.entry_point and not self.command
