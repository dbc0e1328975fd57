"""What a call may use of this machine and of this moment, besides what it is asked to do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.errors import RegistryError, SpecError
from sysimage.files.user_cache import cache_directory

if TYPE_CHECKING:
    from sysimage.destinations.registry import Registries
    from sysimage.pipeline.options import BuildSources, LayerStorage
    from sysimage_bootstrap.packages.choose import ArchiveChoice

CACHE_SIZE = 20 * 10**9
"""Bytes of layers that are kept between builds by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this machine, the package archive and registries are used. ``Settings()`` is what the command line does.

    Two things are read of the process while a function runs, and only where a field leaves them open: its environment
    (``environ``) and the clock (``now``). ``SOURCE_DATE_EPOCH`` and the variables ``SYSIMAGE_…`` are read by the
    command line alone.
    """

    cache_dir: Path | None = None
    """Where packages, the store, layers and plans are kept between calls; ``sysimage`` below ``$XDG_CACHE_HOME`` or
    ``~/.cache`` by default. Calls in several threads and processes may share it."""
    jobs: int | None = None
    """How many processes read and make items and layers; one for each usable processor by default. 1 works in the
    calling process alone."""
    keep_layers: bool = True
    """Keep layers in the cache, so that those that do not change are not read again."""
    cache_size: int | None = CACHE_SIZE
    """After a build, forget the layers that were not used for the longest time until at most so many bytes are left;
    None keeps all."""
    offline: bool = False
    """Use only what the cache has."""
    archive: str | None = None
    """The package archive's URL, instead of that of this machine's apt configuration."""
    security_archive: str | None = None
    """The same for the security suite."""
    apt_root: Path = Path("/etc/apt")
    """The apt configuration that is used: the given one, or that of this machine."""
    keyring: Path | None = None
    """Keys that may sign package lists, instead of Debian's keys."""
    allow_expired: bool = False
    """Take package lists that have run out."""
    allow_rollback: bool = False
    """Take package lists that are older than those seen before."""
    plain_http: tuple[str, ...] = ()
    """Registries, ``host`` or ``host:port``, that are reached without TLS, as those on this machine are."""
    registry_ca: Path | None = None
    """Certificates to trust in registries, instead of those of the machine."""
    environ: Mapping[str, str] | None = None
    """Variables that say where the cache is (``XDG_CACHE_HOME``, ``HOME``), which proxies lead to the archive and to
    registries (``http_proxy``, ``https_proxy``, ``no_proxy``), where credentials for registries are
    (``REGISTRY_AUTH_FILE``, ``DOCKER_CONFIG``, ``XDG_RUNTIME_DIR``, ``HOME``), and all that an engine reads.
    None means the environment of this process."""
    now: datetime | None = None
    """The time by which package lists have run out or not; with a time zone. None means the current time."""

    def __post_init__(self) -> None:
        if self.jobs is not None and self.jobs < 1:
            raise SpecError(f"cannot use {self.jobs} processors: the number must be 1 or more")
        if self.now is not None and self.now.tzinfo is None:
            raise SpecError("cannot use the time of Settings.now: it has no time zone", hint="say tzinfo=UTC")

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment that is used: the given one, or that of this process."""
        return os.environ if self.environ is None else self.environ

    @property
    def cache(self) -> Path:
        """The directory of the cache; a `SpecError` where neither the field nor the environment names one."""
        return cache_directory(None if self.cache_dir is None else Path(self.cache_dir), self.variables)

    @property
    def processors(self) -> int:
        """How many processes work at once."""
        return self.jobs or len(os.sched_getaffinity(0))

    def archive_choice(self) -> ArchiveChoice:
        """Which package archive, and what of it is trusted."""
        from sysimage_bootstrap.archive import KEYRING, ArchiveOptions, TransportOptions, apt_transport
        from sysimage_bootstrap.packages.choose import ArchiveChoice

        return ArchiveChoice(
            ArchiveOptions(
                now=datetime.now(UTC) if self.now is None else self.now,
                allow_expired=self.allow_expired,
                allow_rollback=self.allow_rollback,
                transport=TransportOptions(offline=self.offline),
            ),
            apt_root=Path(self.apt_root),
            uri=self.archive,
            security_uri=self.security_archive,
            keyring=KEYRING if self.keyring is None else Path(self.keyring),
            reach=None if self.offline else partial(apt_transport, self.variables),
        )

    def sources(self, *, locked: bool = False, update: bool = False, keeps_ids: bool = False) -> BuildSources:
        """Where systems come from; ``locked`` refuses anything but what their lock files say, ``update`` brings those
        up to date that were made for other specs, ``keeps_ids`` adds the IDs of accounts to them."""
        from sysimage.pipeline.options import BuildSources

        return BuildSources(
            self.cache,
            self.archive_choice(),
            locked=locked,
            environment=self.variables,
            stale="update" if update else "refuse",
            keeps_ids=keeps_ids,
            workers=self.processors,
            registries=None if self.offline else self.registries,
        )

    def layer_storage(self) -> LayerStorage:
        """Where layers are kept."""
        from sysimage.pipeline.options import LayerStorage

        return LayerStorage(self.cache / "layers" if self.keep_layers else None, most_bytes=self.cache_size)

    def registries(self) -> Registries:
        """How registries are reached; credentials are looked for where ``login`` of Docker and Podman leaves them."""
        from sysimage.destinations.registry import Registries, auth_files

        files = auth_files(self.variables, Path(self.variables.get("HOME") or "/"))
        ca_file = None if self.registry_ca is None else Path(self.registry_ca)
        return Registries(files, tuple(self.plain_http), ca_file, self.variables)

    def require_network(self, name: str) -> None:
        """A `RegistryError` where ``name`` would have to be asked for and the network is off."""
        if self.offline:
            raise RegistryError(f"cannot ask for {name}: the network is off", hint="leave --offline out")
