"""Packages in, store items out: unpack, plan, make what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from sysimage.errors import IntegrityError, Issue, MachineError
from sysimage.files.temporary import scratch_directory
from sysimage.progress import Progress, silent
from sysimage.store.items import StoreItem
from sysimage.workers import Pool, Report
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.items.bytecode import Compiler, make_compiler, pythons_of
from sysimage_bootstrap.items.inventories import Inventories
from sysimage_bootstrap.items.inventory import Inventory
from sysimage_bootstrap.items.item_store import ItemStore
from sysimage_bootstrap.items.make import Workshop, make_item
from sysimage_bootstrap.items.patchelf import patchelf
from sysimage_bootstrap.items.plan import Plan, PlannedItem, plan_items
from sysimage_bootstrap.items.relink import TARGETS
from sysimage_bootstrap.resolve import Resolution

_CACHE = "var/sysimage/packages"
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
    workers: int = 2,
    progress: Progress = silent,
) -> Mapping[str, StoreItem]:
    """An item for each package of ``resolution``, by package name, dependencies first.

    ``debs`` are the packages' files, ``architecture`` is Debian's name of what they were built for. If
    ``native_architecture``, which this machine runs, is another, ``native`` holds the files of what `native_requests`
    asks for, resolved for it. What the store has is not made again; nothing is left half-made. The items depend
    neither on ``workers`` nor on this machine.
    """
    by_name = {package.name: package for package in resolution.packages}
    if absent := [package for package in resolution.packages if package not in debs]:
        raise IntegrityError(
            "cannot make store items: packages were not fetched",
            issues=[Issue(package.name, f"the file of version {package.version} is not there") for package in absent],
        )
    cache = store.root / _CACHE
    try:
        cache.mkdir(parents=True, exist_ok=True)
        store.sweep()
        with scratch_directory(cache, "run-") as scratch:
            desk = _Desk(Inventories(store.root), scratch, workers)
            inventories = desk.inventories(debs, by_name, progress)
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
            )
            missing = [name for name, planned in plan.items.items() if store.get(planned.path) is None]
            tools = _Tools(debs, by_name, inventories, architecture)
            if native_architecture not in (None, architecture):
                tools = _Tools(
                    native or {}, {package.name: package for package in native or {}}, {}, native_architecture
                )
            compilers = desk.compilers(plan, missing, by_name, tools)
            workshop = Workshop(store, TARGETS[architecture], program, compilers, scratch, desk.known)
            # Where nothing is missing, nobody has asked for the files yet.
            files = {package.name: deb for package, deb in debs.items()} if missing else {}
            _make_all(plan, missing, files, workshop, workers, progress)
    except OSError as error:
        raise MachineError(f"cannot make store items: {error.strerror}: {error.filename or store.root}") from error
    return {name: _realised(store, planned) for name, planned in plan.items.items()}


@dataclass(frozen=True, slots=True)
class _Tools:
    """Packages that this machine can run."""

    debs: Mapping[Package, Path]
    packages: Mapping[str, Package]
    inventories: Mapping[str, Inventory]
    """What they hold, as far as it is known already."""
    architecture: str


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where packages are looked into."""

    known: Inventories
    """Of packages that were unpacked before."""
    scratch: Path
    workers: int

    def inventories(
        self, debs: Mapping[Package, Path], packages: Mapping[str, Package], progress: Progress
    ) -> dict[str, Inventory]:
        """What every package holds: from the cache, or by unpacking it into ``scratch``, the largest first."""
        found: dict[str, Inventory] = {}
        unknown = []
        for name in sorted(packages):
            inventory = self.known.find(packages[name])
            if inventory is None:
                unknown.append(packages[name])
            else:
                found[name] = inventory
        unknown.sort(key=lambda package: (-package.size, package.name))
        files = {package: debs[package] for package in unknown}

        def take(package: Package, report: Report) -> Inventory:
            return self.known.take(files[package], package, self.scratch)

        with Pool(self.workers, take, what="unpack packages", name=lambda package: package.name) as pool:
            for package in unknown:
                pool.submit(package)
            for done in range(1, len(unknown) + 1):
                package, inventory = pool.done()
                found[package.name] = inventory
                progress("unpack", done, len(unknown))
        return found

    def compilers(
        self, plan: Plan, missing: Iterable[str], system: Mapping[str, Package], tools: _Tools
    ) -> dict[str, Compiler]:
        """Each Python that modules of the missing items are compiled for."""
        wanted = sorted({python for name in missing for python in plan.items[name].plan.bytecode.values()})
        if not wanted:
            return {}
        issues = [
            Issue(name, f"the system has {system[name].version}, this machine's architecture has {there}")
            for name in (f"python{python}-minimal" for python in wanted)
            if (there := tools.packages[name].version if name in tools.packages else "none") != system[name].version
        ]
        if issues:
            raise MachineError(
                "cannot compile Python modules: they need a Python that this machine runs",
                hint="it has to come from the same state of the archive as the system's",
                issues=issues,
            )
        known = tools.inventories or self.inventories(tools.debs, tools.packages, silent)
        return {
            python: make_compiler(python, tools.architecture, tools.debs, known, self.scratch / f"python{python}")
            for python in wanted
        }


def _make_all(
    plan: Plan,
    missing: Sequence[str],
    debs: Mapping[str, Path],
    workshop: Workshop,
    workers: int,
    progress: Progress,
) -> None:
    """Make the missing items, each as soon as those it refers to are there."""
    by_path = {plan.items[name].path: name for name in missing}
    waiting = {
        name: {by_path[path] for path in plan.items[name].plan.references if path in by_path} for name in missing
    }

    def make(name: str, report: Report) -> StoreItem:
        return make_item(workshop, plan.items[name], debs[name])

    try:
        with Pool(workers, make, what="make store items") as pool:
            for made in range(1, len(missing) + 1):
                for name in [name for name, needs in waiting.items() if not needs]:
                    del waiting[name]
                    pool.submit(name)
                done, _ = pool.done()
                for needs in waiting.values():
                    needs.discard(done)
                progress("make items", made, len(missing))
    except BaseException:
        workshop.store.sweep()  # what workers were at when they were ended
        raise


def _realised(store: ItemStore, planned: PlannedItem) -> StoreItem:
    item = store.get(planned.path)
    if item is None:
        raise IntegrityError(f"cannot use {planned.path}: it has just been made and is gone")
    return item
