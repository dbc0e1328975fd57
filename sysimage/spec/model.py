"""The model of system.json. One set of classes gives parsing, defaults, faults and the JSON Schema.

Keys in the file are the field names with hyphens (``host-name``). Unknown keys are refused everywhere. Every field has
a default where a sensible one exists, so that ``{"name": "base", "packages": []}`` is a bootable system.
"""

# ruff: noqa: RUF012 - pydantic copies defaults
from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from sysimage.rules.architectures import ARCHITECTURES
from sysimage.spec import value_types
from sysimage.spec.field_metadata import FILE_OR_NAME, INSIDE, SPEC_PATH, WHOLE
from sysimage.spec.java import Java
from sysimage.spec.node import Node
from sysimage.spec.package_sources import PackageArchives, PackageSources
from sysimage.spec.package_word import package_name
from sysimage.spec.python import Python
from sysimage.spec.services import (
    CommandReady,
    FileReady,
    Init,
    Service,
    TcpReady,
    Timer,
    UnitSections,
)
from sysimage.spec.spec_object import SpecObject
from sysimage.spec.stores import Store, StoreContent, StoreKind, StoreSource, SystemKind
from sysimage.spec.trees import Tree
from sysimage.spec.value_types import (
    AccountName,
    AccountPath,
    AccountText,
    Argv,
    EnvironmentName,
    Identifier,
    ImagePath,
    Line,
    Mode,
    PackageName,
    PackageWord,
    Seconds,
    ServiceName,
    Signal,
    UnitWord,
    Word,
)

__all__ = [
    "CommandReady",
    "Directory",
    "File",
    "FileReady",
    "Group",
    "HealthCheck",
    "Init",
    "LayerGroup",
    "PackageSources",
    "PrivilegedProgram",
    "Service",
    "Store",
    "StoreContent",
    "StoreKind",
    "StoreSource",
    "SystemKind",
    "SystemSpec",
    "TcpReady",
    "Timer",
    "Tree",
    "User",
]


class User(SpecObject):
    """An account of the image, besides the base ones."""

    uid: Identifier | None = None
    """Chosen by name and in a fixed way when absent."""
    group: AccountName | None = None
    """Primary group; a group of the user's own name by default."""
    groups: tuple[AccountName, ...] = ()
    """Supplementary groups."""
    comment: AccountText = ""
    """The person's or the daemon's name in words."""
    home: AccountPath | None = None
    """``/home/<name>`` by default, ``/nonexistent`` for a system user; made at build time, except ``/`` and
    ``/nonexistent``."""
    shell: AccountPath | None = None
    """``/bin/sh`` by default, ``/usr/sbin/nologin`` for a system user."""
    system: bool = False
    """A daemon's account: its IDs are below 1000 and logins are refused."""
    password_hash: value_types.PasswordHash = "!"  # noqa: S105 - it locks
    """As in /etc/shadow; ``!`` locks the password."""


class Group(SpecObject):
    """A group of the image, besides the base ones."""

    gid: Identifier | None = None
    """Chosen by name and in a fixed way when absent."""
    members: tuple[AccountName, ...] = ()
    """Users in this group, in addition to those whose own `groups` name it."""


class File(SpecObject):
    """An extra file: its text here, or a file beside the spec."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["text"]}, {"required": ["source"]}]})

    text: str | None = None
    """The content, written in UTF-8."""
    source: Annotated[value_types.LinkTarget | None, INSIDE] = None
    """A file with the content: a path relative to the directory of the spec file that names it, and inside that
    directory."""
    mode: Mode | None = None
    """Permission bits; ``0755`` by default for a source that its owner may execute, otherwise ``0644``."""
    owner: AccountName = "root"
    """User."""
    group: AccountName = "root"
    """Group."""

    @model_validator(mode="after")
    def _has_one_content(self) -> File:
        if (self.text is None) == (self.source is None):
            raise ValueError('must have either "text" or "source"')
        return self


class Directory(SpecObject):
    """An extra directory."""

    mode: Mode = 0o755
    """Permission bits."""
    owner: AccountName = "root"
    """User."""
    group: AccountName = "root"
    """Group."""


class HealthCheck(SpecObject):
    """What Docker asks to learn whether the container works."""

    command: Argv
    """Program and arguments, run inside the container; no shell."""
    interval: Seconds = 30
    """Seconds between two checks."""
    timeout: Seconds = 30
    """Seconds after which one check counts as failed."""
    start_period: Annotated[float, Field(ge=0, le=86400 * 366)] = 0
    """Seconds after the start in which failures do not count."""
    retries: Annotated[int, Field(ge=1, le=1000)] = 3
    """Failures in a row that make the container unhealthy."""


class PrivilegedProgram(SpecObject):
    """A copy outside the store of a program that needs set-user-ID or set-group-ID bits."""

    mode: Mode = 0o4755
    """Permission bits."""
    owner: AccountName = "root"
    """User."""
    group: AccountName = "root"
    """Group."""


class LayerGroup(SpecObject):
    """Items that share a layer which holds nothing else: those that any of the keys selects."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    patterns: tuple[Line, ...] = ()
    """Items by shell patterns on their names without the hash part, such as ``python3*``."""
    closure_of: tuple[Line, ...] = ()
    """Items, by such patterns, with all they need."""
    dominated_by: tuple[Line, ...] = ()
    """Items, by such patterns, with what nothing else in the image needs."""

    @model_validator(mode="after")
    def _chooses(self) -> LayerGroup:
        if not self.model_fields_set:
            raise ValueError('must have "patterns", "closure-of" or "dominated-by"')
        return self


class SystemSpec(SpecObject):
    """Everything system.json says, defaults filled."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["packages"]}, {"required": ["from-store"]}],
            "not": {"required": ["architecture", "architectures"]},
            # Only the service of a unit has a command without saying it.
            "if": {"properties": {"init": {"const": "shepherd"}}, "not": {"required": ["enable"]}},
            "then": {"properties": {"services": {"additionalProperties": {"required": ["command"]}}}},
        }
    )

    schema_: Annotated[str | None, Field(alias="$schema")] = None
    """Where editors find this schema; not read otherwise."""
    name: value_types.ImageName
    """The image's repository name."""
    tags: Annotated[tuple[value_types.Tag, ...], Field(min_length=1), WHOLE] = ("latest",)
    """Every tag that the image gets."""
    architecture: value_types.ArchitectureName = "amd64"
    """Which machines run it: OCI's name, with a variant if need be (``arm/v6``), or what Guix, nixpkgs or Debian say
    (``armhf-linux``). Packages are taken for amd64 and arm64."""
    architectures: Annotated[tuple[value_types.ArchitectureName, ...], Field(min_length=1), WHOLE] | None = None
    """Instead of ``architecture``: an image for each, and one index that names them, as with ``--platform``."""
    packages: tuple[Annotated[PackageWord, FILE_OR_NAME], ...] = ()
    """Debian packages besides those that every system has, by name, or files beside the spec such as
    ``./build/shop_1.2_amd64.deb``; this or ``from-store`` is what the image is made of."""
    from_store: StoreSource | None = None
    """A system, or other items, that a Guix or Nix store holds, instead of packages."""
    from_image: Annotated[value_types.LinkTarget | None, SPEC_PATH] = None
    """An image that this one begins with: an archive or an OCI layout (with ``:TAG`` of several), relative to the spec,
    or one in a registry (``host/name:tag``, ``host/name@sha256:…``). Its layers stay as they are."""
    exclude: tuple[PackageName, ...] = ()
    """Packages that must not be there although something depends on them."""
    alternatives: dict[Line, PackageName] = {}
    """Which package provides a name that several do, such as ``{"awk": "mawk"}``."""
    debconf: dict[Line, Line] = {}
    """Answers to questions that packages ask when they are configured, such as
    ``{"postfix/main_mailer_type": "Local only"}``; all others get the defaults of their packages."""
    package_sources: PackageArchives = PackageSources()
    """Which parts of the package archive are used; or several archives, in the order of preference when two hold the
    same version."""
    python: Python | None = None
    """Python packages of a lock file, each wheel a store item."""
    node: Node | None = None
    """npm packages of a lock file, each a store item."""
    java: Java | None = None
    """Jars, each a store item."""
    essential: bool = True
    """Whether Debian's Essential packages, and small things that are expected everywhere, are there without being
    named; ``false`` for a plain program that needs none of them."""
    slim: bool = True
    """Whether files that no program needs are left out: manuals, documentation but copyright, translations, completion,
    and what of some large packages nothing in the image uses."""
    translations: tuple[value_types.Translation, ...] = ()
    """Languages whose translations a slim image keeps, besides that of its locale."""
    store: Store = Store()
    """The functional package store inside the image."""
    init: Init = Init.SHEPHERD
    """The first process: GNU Shepherd, which needs no options of an engine; or ``systemd``, with the packages' units as
    they are, enabled as Debian would enable them, which needs a cgroup that it may write to."""
    services: dict[ServiceName, Service] = {}
    """What the init starts, by name."""
    enable: tuple[UnitWord, ...] = ()
    """Systemd units of the packages that become services: ``nginx``, ``postgresql@17-main``, ``logrotate.timer``. With
    ``"init": "systemd"``, those beside what packages enable themselves."""
    units: dict[UnitWord, UnitSections] = {}
    """Drop-ins for enabled units, by name: ``{"nginx": {"Service": {"Restart": "always"}}}``."""
    users: dict[AccountName, User] = {}
    """Accounts besides Debian's base ones (root, daemon, www-data, nobody, …), by name."""
    groups: dict[AccountName, Group] = {}
    """Groups besides Debian's base ones, by name."""
    files: dict[ImagePath, File] = {}
    """Extra files, by image path."""
    trees: dict[ImagePath, Tree] = {}
    """Directories and archives beside the spec, by the image path that their files get."""
    allow_secrets: tuple[Line, ...] = ()
    """What may be in the image although it looks like a secret: image paths of files and trees, with shell patterns,
    names of variables and labels, and places of other texts of the spec, such as /services/app/command/1."""
    directories: dict[ImagePath, Directory] = {}
    """Extra directories, by image path; the parents of files need not be declared."""
    symlinks: dict[ImagePath, value_types.LinkTarget] = {}
    """Image path → what the link says."""
    privileged_programs: dict[ImagePath, PrivilegedProgram] = {}
    """Programs of the image's /usr, by path, besides the usual ones (su, passwd, …) of the chosen packages."""
    capabilities: dict[ImagePath, value_types.Capabilities] = {}
    """What programs may do, whichever user starts them, by path: declared files, and programs of the image's /usr."""
    host_name: value_types.HostName | None = None
    """Written to /etc/hostname; a container's runtime sets its own."""
    time_zone: value_types.TimeZone = "UTC"
    """As in the time zone database."""
    locale: value_types.Locale = "C.UTF-8"
    """The system's LANG."""
    environment: dict[EnvironmentName, Word] = {}
    """Variables of the image, seen by the init, every service and ``docker exec``."""
    labels: dict[value_types.LabelName, Word] = {}
    """Labels of the image, shown by ``docker inspect``."""
    exposed_ports: tuple[value_types.Port, ...] = ()
    """Ports that the image listens on: ``80``, ``80/tcp``, ``53/udp``."""
    volumes: tuple[ImagePath, ...] = ()
    """Directories that the runtime keeps outside the container's own layer."""
    working_directory: ImagePath = "/"
    """Where the first process, and ``docker exec``, start."""
    user: value_types.RunAs | None = None
    """The user of the entry point; root, when an init is to start services."""
    stop_signal: Signal | None = None
    """What ``docker stop`` sends; chosen for the init by default."""
    health_check: HealthCheck | None = None
    """What Docker asks to learn whether the container works."""
    entry_point: Annotated[tuple[Word, ...], WHOLE] = ()
    """Replaces the init: what runs is this and ``command`` after it."""
    command: Annotated[tuple[Word, ...], WHOLE] = ()
    """Arguments of the entry point, or, without one, a plain command instead of an init."""
    max_layers: Annotated[int, Field(ge=1, le=125)] = 100
    """The most layers the image may have, customization included."""
    layer_groups: tuple[LayerGroup, ...] = ()
    """Store items that share layers of their own."""
    compression: value_types.Compression = "gzip"
    """Of the layers: ``none``, ``gzip`` or ``zstd``, with a level if one is wanted, such as ``zstd:19``."""

    @property
    def machine(self) -> tuple[str, str | None]:
        """The architecture as OCI's documents have it: its name and its variant."""
        name, _, variant = self.architecture.partition("/")
        return name, variant or ARCHITECTURES[name].variant

    @property
    def platform(self) -> str:
        """What image indexes call it: ``linux/amd64``, ``linux/arm/v7``."""
        return "/".join(["linux", *filter(None, self.machine)])

    @property
    def archives(self) -> tuple[PackageSources, ...]:
        """All of ``package_sources``."""
        return (self.package_sources,) if isinstance(self.package_sources, PackageSources) else self.package_sources

    @property
    def own_packages(self) -> tuple[str, ...]:
        """Those of ``packages`` that are files beside the spec."""
        return tuple(word for word in self.packages if "/" in word)

    @property
    def archive_packages(self) -> tuple[str, ...]:
        """Those of ``packages`` that the archive has, with the versions that are wanted, and Python's interpreter."""
        named = tuple(word for word in self.packages if "/" not in word)
        interpreter = self.python.interpreter if self.python is not None else None
        if interpreter is None or package_name(interpreter) in map(package_name, named):
            return named
        return (*named, interpreter)

    @property
    def enabled_services(self) -> frozenset[str]:
        """The names of the services that ``enable`` makes, as far as they are listed."""
        return frozenset(name.removesuffix(".service") for name in self.enable)

    @property
    def has_init(self) -> bool:
        """Whether the image boots an init as its first process: its ``init``, or that of a system from a store."""
        if self.entry_point or self.command:
            return False
        return self.from_store is None or self.from_store.system is not None

    @property
    def has_shepherd(self) -> bool:
        """Whether a system made of packages boots GNU Shepherd."""
        return self.has_init and self.from_store is None and self.init is Init.SHEPHERD

    @property
    def has_systemd(self) -> bool:
        """Whether a system made of packages boots systemd."""
        return self.has_init and self.from_store is None and self.init is Init.SYSTEMD

    @model_validator(mode="after")
    def _is_made_of_something(self) -> SystemSpec:
        if ("packages" in self.model_fields_set) == (self.from_store is not None):
            raise ValueError('must have either "packages" or "from-store"')
        return self

    @model_validator(mode="after")
    def _is_for_something(self) -> SystemSpec:
        if self.architectures is not None:
            if "architecture" in self.model_fields_set:
                raise ValueError('must have either "architecture" or "architectures", not both')
            # What looks at one image alone, such as checks of the spec, sees the first.
            self.__dict__["architecture"] = self.architectures[0]
        return self
