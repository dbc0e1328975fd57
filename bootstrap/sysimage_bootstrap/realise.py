"""From a spec to a system in the store: choose packages, fetch them, make items, make the system of the items."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path

from sysimage.errors import SpecError
from sysimage.files.code_digest import code_digest
from sysimage.notices import notice
from sysimage.progress import Progress, silent
from sysimage.rootfs.accounts import NO_ACCOUNTS, Accounts
from sysimage.rootfs.system import SystemResult
from sysimage.spec.account_ids import NO_IDS, AccountIds
from sysimage.spec.model import SystemSpec
from sysimage.store.items import StoreItem
from sysimage_bootstrap.archive import Archive, Package, native_architecture
from sysimage_bootstrap.building.patchelf import patchelf
from sysimage_bootstrap.packages.choose import (
    ArchiveChoice,
    Stale,
    choose_packages,
    open_archive,
    package_request,
)
from sysimage_bootstrap.packages.needed_packages import require_packages
from sysimage_bootstrap.packages.package_request import PackageRequest
from sysimage_bootstrap.packages.resolve import Resolution, resolve
from sysimage_bootstrap.planning.undeclared_dependencies import UndeclaredNeedsError
from sysimage_bootstrap.store.item_store import ItemStore
from sysimage_bootstrap.system_cache import SystemCache, key_of

_WORD = re.compile(r"[a-z0-9][a-z0-9+.-]+")
"""A name in a dependency."""


def realise(
    spec: SystemSpec,
    spec_dir: Path,
    choice: ArchiveChoice,
    lock_file: Path | None,
    *,
    locked: bool = False,
    stale: Stale = "refuse",
    cache_dir: Path,
    below: Accounts = NO_ACCOUNTS,
    workers: int = 1,
    progress: Progress = silent,
) -> SystemResult:
    """Make the system that ``spec`` declares, in the store below ``cache_dir``; items that exist are not made again.

    ``below`` are the accounts of the image that the system's begins with.
    """
    archive = cache(partial(open_archive, choice, spec, spec_dir, cache_dir / "archive"))
    request = package_request(spec, spec_dir, cache_dir)
    chosen = choose_packages(request, archive, lock_file, locked=locked, stale=stale, progress=progress)
    store, remembered = _remembered(spec, cache_dir)
    making = _Making(spec, spec_dir, archive, store, below, chosen.account_ids, workers, progress)
    try:
        result = making.found_or_made(request, chosen.resolution, remembered)
    except UndeclaredNeedsError as needs:
        if chosen.is_locked:
            needs.hint = f"{needs.hint}, and run `sysimage lock` again"
            raise
        request = replace(request, packages=tuple(sorted({*request.packages, *needs.packages})))
        resolution = choose_packages(request, archive, None, progress=progress).resolution
        result = making.found_or_made(request, resolution, remembered)
    _warn_of_unread(result)
    return result


def ids_made_before(spec: SystemSpec, spec_dir: Path, resolution: Resolution, cache_dir: Path) -> AccountIds:
    """The IDs that were chosen for the accounts of a system of these packages, if it was made with this cache."""
    store, remembered = _remembered(spec, cache_dir)
    result = remembered.find(key_of(spec, spec_dir, resolution, store, NO_ACCOUNTS, [patchelf()[1]]))
    return NO_IDS if result is None else result.account_ids


def _remembered(spec: SystemSpec, cache_dir: Path) -> tuple[ItemStore, SystemCache]:
    store = ItemStore(cache_dir / "store", spec.store.store_dir)
    return store, SystemCache(cache_dir / "systems", store, made_by=code_digest(realise))


def _warn_of_unread(result: SystemResult) -> None:
    """A line for each package of whose scripts something was not understood."""
    for package, count in sorted(Counter(one.package for one in result.unread).items()):
        notice(
            f"{package}: {count} {'line' if count == 1 else 'lines'} of its maintainer scripts not understood; "
            "what they do is missing (`sysimage plan --scripts` lists them)"
        )


@dataclass(frozen=True, slots=True)
class _Making:
    """What a system is made with, whichever packages it has."""

    spec: SystemSpec
    spec_dir: Path
    archive: Callable[[], Archive]
    store: ItemStore
    below: Accounts
    locked: AccountIds
    workers: int
    progress: Progress

    def found_or_made(self, request: PackageRequest, resolution: Resolution, remembered: SystemCache) -> SystemResult:
        """The system of these packages, which is made if it is not remembered."""
        require_packages(self.spec, resolution)
        tools = [patchelf()[1]]
        key = key_of(self.spec, self.spec_dir, resolution, self.store, self.below, tools)
        # The system that chose the locked IDs itself is the same one, so that writing them down makes no other.
        result = remembered.find(key)
        if result is not None and (not self.locked or result.account_ids.agree_with(self.locked)):
            return result
        if self.locked:
            key = key_of(self.spec, self.spec_dir, resolution, self.store, self.below, tools, self.locked)
            if (result := remembered.find(key)) is not None:
                return result
        result = self._made(request, resolution)
        remembered.keep(key, result)
        return result

    def _made(self, request: PackageRequest, resolution: Resolution) -> SystemResult:
        # Imported late: not needed by a build of a known system.
        from sysimage_bootstrap.building.trigger_programs import TriggerPrograms
        from sysimage_bootstrap.debs.inventory import PackageFacts
        from sysimage_bootstrap.system.system import build_system

        native = _native_tools(resolution, request, self.archive, self.progress)
        debs = _FetchedLater(self.archive, resolution.packages, request, self.progress)
        items = self._items(resolution, debs, native)
        runnable = debs if native is None else native
        programs = self._init_programs(resolution, runnable) if self.spec.has_shepherd else None
        triggers = TriggerPrograms(runnable, native_architecture(), self.store, self.workers, self.progress)
        return build_system(
            self.spec,
            self.spec_dir,
            items,
            {name: PackageFacts.parse(self.store.facts(item.path)) for name, item in items.items()},
            self.store,
            programs,
            self.progress,
            below=self.below,
            locked=self.locked,
            assemble=triggers.assembled,
        )

    def _items(
        self, resolution: Resolution, debs: Mapping[Package, Path], native: Mapping[Package, Path] | None
    ) -> Mapping[str, StoreItem]:
        from sysimage_bootstrap.building.build import build_items
        from sysimage_bootstrap.packages.slim import slim_of
        from sysimage_bootstrap.planning.plan import MissingLibrariesError
        from sysimage_bootstrap.system.init_programs import imported_modules

        try:
            return build_items(
                resolution,
                debs,
                self.store,
                architecture=self.spec.architecture,
                native=native,
                native_architecture=native_architecture() if native is not None else None,
                alternatives=self.spec.alternatives,
                slim=slim_of(self.spec, self.spec_dir, resolution, imported_modules()),
                workers=self.workers,
                progress=self.progress,
            )
        except MissingLibrariesError as missing:
            raise excluded_libraries(self.spec.exclude, resolution) or missing from None

    def _init_programs(self, resolution: Resolution, runnable: Mapping[Package, Path]) -> StoreItem:
        from sysimage_bootstrap.building.programs import build_programs
        from sysimage_bootstrap.system.init_programs import guile_programs

        return build_programs(
            guile_programs(),
            resolution,
            runnable,
            self.store,
            native_architecture=native_architecture(),
            workers=self.workers,
            progress=self.progress,
        )


def excluded_libraries(exclude: Iterable[str], resolution: Resolution) -> SpecError | None:
    """The error for a spec that excludes libraries which its packages need; None if it excludes none of them."""
    needed_by = {
        name: sorted({package for package, dependency in resolution.unmet if name in _WORD.findall(dependency)})
        for name in exclude
    }
    excluded = [name for name, packages in needed_by.items() if packages]
    if not excluded:
        return None
    packages = sorted({package for name in excluded for package in needed_by[name]})
    others = len(packages) - 1
    more = f" and {others} other package{'s' if others > 1 else ''}" if others else ""
    it = "it" if len(excluded) == 1 else "them"
    return SpecError(
        f"cannot leave out {' and '.join(excluded)}: the libraries in {it} are needed by {packages[0]}{more}",
        hint=f"take {it} out of exclude, or leave out what needs {it}",
    )


class _FetchedLater(Mapping[Package, Path]):
    """The files of packages; those of the archive are all fetched and checked when the first of them is looked at."""

    def __init__(
        self, archive: Callable[[], Archive], packages: Iterable[Package], request: PackageRequest, progress: Progress
    ) -> None:
        self._archive, self._packages, self._progress = archive, tuple(packages), progress
        self._own = {one.package.digest: one.file for one in request.own}

    @cached_property
    def _files(self) -> Mapping[Package, Path]:
        own = {package: self._own[package.digest] for package in self._packages if package.digest in self._own}
        others = [package for package in self._packages if package not in own]
        return {**self._archive().fetch(others, self._progress), **own}

    def __getitem__(self, package: Package) -> Path:
        return self._files[package]

    def __contains__(self, package: object) -> bool:
        return package in self._known

    @cached_property
    def _known(self) -> frozenset[Package]:
        return frozenset(self._packages)

    def __iter__(self) -> Iterator[Package]:
        return iter(self._packages)

    def __len__(self) -> int:
        return len(self._packages)


def _native_tools(
    resolution: Resolution, request: PackageRequest, archive: Callable[[], Archive], progress: Progress
) -> Mapping[Package, Path] | None:
    """Where the system is of another architecture: the packages this machine needs to work on its items."""
    from sysimage_bootstrap.building.bytecode import native_requests
    from sysimage_bootstrap.building.programs import native_guile
    from sysimage_bootstrap.building.trigger_programs import native_triggers

    native = native_architecture()
    wanted = (
        *native_requests(resolution.packages),
        *native_guile(resolution),
        *native_triggers(resolution.packages),
    )
    if native == request.architecture or not wanted:
        return None
    tools = resolve(
        archive().packages(native, progress),
        PackageRequest(native, wanted, request.suites, request.components, essential=False),
    )
    return archive().fetch(tools.packages, progress)
