"""Packages in, store items out: unpack, plan, make what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from sysimage.errors import IntegrityError, Issue, MachineError
from sysimage.files.temporary import scratch_directory, swept_after_error
from sysimage.notices import notice
from sysimage.progress import Progress, silent
from sysimage.store.items import StoreItem
from sysimage.workers import Pool, Report
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.building.bytecode import pythons_of
from sysimage_bootstrap.building.compilers import RunnablePackages, compilers_for
from sysimage_bootstrap.building.inventories import Inventories
from sysimage_bootstrap.building.make import BuildEnvironment, make_item
from sysimage_bootstrap.building.patchelf import patchelf
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.debian.slim import Slim
from sysimage_bootstrap.debs.inventory_cache import InventoryCache
from sysimage_bootstrap.packages.resolve import Resolution
from sysimage_bootstrap.planning.item_plan import PlannedItem
from sysimage_bootstrap.planning.plan import SystemPlan, plan_items
from sysimage_bootstrap.planning.slim import without
from sysimage_bootstrap.store.item_store import ItemStore

_STAGE = "make items"
_CACHE = "var/sysimage/packages"
COMMAND_DIRECTORIES = ("bin/", "sbin/", "games/")
"""Where programs are that people start."""
_NO_ALTERNATIVES: Mapping[str, str] = MappingProxyType({})


def build_items(
    resolution: Resolution,
    debs: Mapping[Package, Path],
    store: ItemStore,
    *,
    architecture: str,
    native_architecture: str | None = None,
    native: Mapping[Package, Path] | None = None,
    alternatives: Mapping[str, str] = _NO_ALTERNATIVES,
    slim: Slim | None = None,
    workers: int = 2,
    progress: Progress = silent,
) -> Mapping[str, StoreItem]:
    """An item for each package of ``resolution``, by package name, dependencies first.

    ``debs`` are the packages' files, ``architecture`` is Debian's name of what they were built for. If
    ``native_architecture``, which this machine runs, is another, ``native`` holds the files of what `native_requests`
    asks for, resolved for it. ``slim`` says what items leave out, if anything. What the store has is not made again; no
    item is left half made. The items depend neither on ``workers`` nor on this machine.
    """
    _require_fetched(resolution, debs)
    by_name = {package.name: package for package in resolution.packages}
    cache = store.root / _CACHE
    try:
        cache.mkdir(parents=True, exist_ok=True)
        store.sweep()
        with scratch_directory(cache, "run-") as scratch:
            source = Inventories(InventoryCache(store.root), scratch, workers)
            inventories = source.of(debs, by_name, progress)
            program, version = patchelf()
            plan = plan_items(
                by_name,
                resolution.edges,
                inventories,
                store_dir=store.store_dir,
                architecture=architecture,
                tools={"patchelf": version},
                pythons=pythons_of(by_name.values()),
                alternatives=alternatives,
                slim=slim,
                unmet={package for package, _ in resolution.unmet},
            )
            _say_what_will_not_start(plan)
            missing = [name for name, planned in plan.items.items() if store.get(planned.path) is None]
            runnable = RunnablePackages(debs, by_name, inventories, architecture)
            if native_architecture not in (None, architecture):
                native = native or {}
                runnable = RunnablePackages(native, {one.name: one for one in native}, {}, native_architecture)
            compilers = compilers_for(plan, missing, by_name, runnable, source)
            environment = BuildEnvironment(store, ELF_TARGETS[architecture], program, compilers, scratch, source.known)
            # The package files are only fetched if an item is missing.
            files = {package.name: deb for package, deb in debs.items()} if missing else {}
            _make_all(plan, missing, files, environment, workers, progress)
            for name, planned in plan.items.items():
                # An item may be older than a fact that is read of its package today.
                store.remember(planned.path, without(inventories[name], planned.plan.left_out).facts())
    except OSError as error:
        raise MachineError(f"cannot make store items: {error.strerror}: {error.filename or store.root}") from error
    return {name: _realised(store, planned) for name, planned in plan.items.items()}


def _say_what_will_not_start(plan: SystemPlan) -> None:
    """Programs that lack libraries, in Debian too: their packages do not depend on what holds them."""
    for name, planned in plan.items.items():
        for path, libraries in sorted(planned.plan.missing.items()):
            if path.startswith(COMMAND_DIRECTORIES):
                notice(f"/usr/{path} of {name} will not start: no package of the image has {', '.join(libraries)}")


def _require_fetched(resolution: Resolution, debs: Mapping[Package, Path]) -> None:
    if absent := [package for package in resolution.packages if package not in debs]:
        raise IntegrityError(
            "cannot make store items: packages were not fetched",
            issues=[Issue(package.name, f"the file of version {package.version} is not there") for package in absent],
        )


def _make_all(
    plan: SystemPlan,
    missing: Sequence[str],
    debs: Mapping[str, Path],
    environment: BuildEnvironment,
    workers: int,
    progress: Progress,
) -> None:
    """Make the missing items, each as soon as those it refers to are there."""
    by_path = {plan.items[name].path: name for name in missing}
    waiting = {
        name: {by_path[path] for path in plan.items[name].plan.references if path in by_path} for name in missing
    }

    def make(name: str, report: Report) -> StoreItem:
        return make_item(environment, plan.items[name], debs[name])

    with swept_after_error(environment.store.sweep), Pool(workers, make, what="make store items") as pool:
        if missing:
            progress(_STAGE, 0, len(missing))
        at_work: dict[str, None] = {}
        for made in range(1, len(missing) + 1):
            for name in [name for name, needs in waiting.items() if not needs]:
                del waiting[name]
                at_work[name] = None
                pool.submit(name)
            done, _ = pool.done()
            del at_work[done]
            for needs in waiting.values():
                needs.discard(done)
            progress(_STAGE, made, len(missing), at=next(iter(at_work), ""))


def _realised(store: ItemStore, planned: PlannedItem) -> StoreItem:
    item = store.get(planned.path)
    if item is None:
        raise IntegrityError(f"cannot use {planned.path}: it has just been made and is gone")
    return item
