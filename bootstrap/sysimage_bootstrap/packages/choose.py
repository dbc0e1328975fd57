"""Which packages a system is made of: as locked, or as the archive has them today."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from sysimage.errors import Issue, LockError, SpecError
from sysimage.files.code_digest import code_digest
from sysimage.files.memo import Memo
from sysimage.files.user_cache import make_cache
from sysimage.notices import notice
from sysimage.progress import Progress, silent
from sysimage.spec.account_ids import NO_IDS, AccountIds
from sysimage.spec.model import SystemSpec
from sysimage.spec.package_word import package_name
from sysimage.suggestions import closest
from sysimage_bootstrap.archive import KEYRING, Archive, ArchiveOptions, TransportOptions
from sysimage_bootstrap.debian.dependencies import ON_DEMAND
from sysimage_bootstrap.packages.archives import archive_sources, keys_of, labels, other_sources
from sysimage_bootstrap.packages.default_packages import base_packages, excluded_packages
from sysimage_bootstrap.packages.kept_packages import kept_packages
from sysimage_bootstrap.packages.lock import LockFile, parse_lock, read_lock
from sysimage_bootstrap.packages.package_request import (
    DEFAULT_PREFERENCES,
    OwnPackage,
    PackageRequest,
    provided_names,
)
from sysimage_bootstrap.packages.resolve import Resolution, resolve

Stale = Literal["refuse", "update", "preview"]
"""What becomes of a lock that was made for another request: it is an error; or it is brought up to date, with as few
changes as can be, and written, or not written."""


@dataclass(frozen=True, slots=True)
class ChosenPackages:
    """What was chosen, and what else a lock file says."""

    resolution: Resolution
    account_ids: AccountIds = NO_IDS
    """Of the accounts that the lock file has, if there is one."""
    is_locked: bool = False
    """Whether a lock file that was made for the request decided."""


@dataclass(frozen=True, slots=True)
class ArchiveChoice:
    """Which archive is used, and what of it is trusted."""

    options: ArchiveOptions
    apt_root: Path = Path("/etc/apt")
    """The directory of the apt configuration that names the archive."""
    uri: str | None = None
    """The address of the archive, instead of the one that apt is configured for."""
    security_uri: str | None = None
    keyring: Path = field(default=KEYRING)
    reach: Callable[[TransportOptions], TransportOptions] | None = None
    """Completes the options by what this machine knows of proxies. That takes time, so it is asked when the archive is.
    """


def open_archive(choice: ArchiveChoice, spec: SystemSpec, spec_dir: Path, cache_dir: Path) -> Archive:
    """The archives with the suites and components that the spec names; keys are relative to ``spec_dir``, lists are
    kept in ``cache_dir``, a part of the cache."""
    make_cache(cache_dir.parent)
    if choice.keyring != KEYRING and not choice.keyring.is_file():
        raise SpecError(
            f"cannot read the keyring {choice.keyring}: there is no such file", hint="--keyring names a file"
        )
    sources = archive_sources(spec, spec_dir, cache_dir / "keys", choice.apt_root, choice.uri, choice.security_uri)
    options = choice.options
    if choice.reach is not None:
        options = replace(options, transport=choice.reach(options.transport))
    return Archive(sources, cache_dir, options, choice.keyring)


def package_request(spec: SystemSpec, spec_dir: Path, cache_dir: Path) -> PackageRequest:
    """The packages that a spec requests: its own and those that every such system has, without those that a system has
    only if its spec names them.

    Package files are relative to ``spec_dir``, and what was found in them is remembered below ``cache_dir``. A
    `SpecError` names every fault of them.
    """
    own: tuple[OwnPackage, ...] = ()
    if spec.own_packages:
        from sysimage_bootstrap.packages.own_packages import (
            own_packages,
        )  # imported late: not needed by specs without them

        own = own_packages(spec, spec_dir, cache_dir / "own-packages")
    asked = {*spec.archive_packages, *(f"{one.package.name}={one.package.version}" for one in own)}
    named = {package_name(text) for text in asked}
    others = other_sources(spec, spec_dir, cache_dir / "archive/keys")
    return PackageRequest(
        architecture=spec.architecture,
        # A package that is named with a version is not asked for a second time in any version.
        packages=tuple(sorted({*asked, *(name for name in base_packages(spec) if name not in named)})),
        suites=labels(spec, others),
        components=tuple(dict.fromkeys(part for one in spec.archives for part in one.components)),
        prefer={**DEFAULT_PREFERENCES, **spec.alternatives},
        exclude=excluded_packages(spec) - named,
        provided=provided_names(systemd=spec.has_systemd),
        essential=spec.essential,
        on_demand=ON_DEMAND if spec.slim else frozenset(),
        keys=keys_of(others),
        own=own,
    )


def choose_packages(
    request: PackageRequest,
    archive: Callable[[], Archive],
    lock_file: Path | None,
    *,
    locked: bool = False,
    stale: Stale = "refuse",
    progress: Progress = silent,
) -> ChosenPackages:
    """The packages for ``request``; ``archive`` opens the archive, if it has to be asked.

    If a lock file exists, it decides, and no package list is read; ``locked`` demands one. What becomes of a lock
    that was made for another request, ``stale`` says: by default it is a `LockError` that names every difference.
    """
    if locked and lock_file is None:
        raise LockError("cannot build what is locked: no lock file is named", hint="name one")
    if lock_file is None or not (locked or lock_file.exists()):
        return ChosenPackages(_resolved_once(request, archive(), progress))
    lock, is_locked = read_lock(lock_file), True
    if stale != "refuse" and not lock.is_for(request):
        fresh = lock_packages(request, archive(), progress, before=lock)
        lock = replace(fresh, base=lock.base, inputs=lock.inputs, account_ids=lock.account_ids)
        if stale == "update":
            lock.write(lock_file)
            notice(f"{lock_file} was made for another request and has been brought up to date")
        else:
            is_locked = False
    lock.require(request)
    return ChosenPackages(lock.resolution, lock.account_ids, is_locked)


def _resolved_once(request: PackageRequest, archive: Archive, progress: Progress) -> Resolution:
    """The resolution of ``request``, worked out once for the same state of the archive: package lists are opened when
    they are new. What the archive states is verified every time."""
    releases = archive.releases()
    states = [(release.source.label, str(release.digest)) for release in releases]
    key = json.dumps([str(request.digest), states])
    memo = Memo(archive.cache_dir / "resolutions", made_by=code_digest(choose_packages))
    text = memo.find(key)
    if text is not None:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return parse_lock(text).resolution
    resolution = resolve(archive.packages(request.architecture, progress), request)
    memo.keep(key, LockFile.of(request, releases, resolution).dumps())
    return resolution


def lock_packages(
    request: PackageRequest,
    archive: Archive,
    progress: Progress = silent,
    *,
    before: LockFile | None = None,
    update: Collection[str] = (),
) -> LockFile:
    """The packages that ``request`` resolves to today, for a lock file.

    Packages in the lock ``before`` keep their versions where possible, except for those to ``update``. A `SpecError`
    names every package to update that neither the lock nor the request has.
    """
    index = archive.packages(request.architecture, progress)
    if before is not None:
        _check_names(update, before, request)
        index = index.keeping(kept_packages(before, index, request, update))
    return LockFile.of(request, archive.releases(), resolve(index, request))


def _check_names(update: Collection[str], before: LockFile, request: PackageRequest) -> None:
    known = {package.name for package in before.resolution.packages} | {pin.target.name for pin in request.pins()}
    issues = [
        Issue(
            name,
            "is neither in the lock file nor asked for",
            suggestion=closest(name, known),
        )
        for name in update
        if name not in known
    ]
    if issues:
        raise SpecError("cannot update packages: some are not there", issues=issues)
