"""Packages in, store items out: unpack, plan, make what is missing."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, as_completed, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from sysimage.errors import IntegrityError, Issue, MachineError
from sysimage.progress import Progress, silent
from sysimage.store.items import StoreItem
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.items.bytecode import Compiler, make_compiler, pythons_of
from sysimage_bootstrap.items.canonical import remove_tree
from sysimage_bootstrap.items.inventory import Inventory, read_inventory
from sysimage_bootstrap.items.item_store import ItemStore
from sysimage_bootstrap.items.make import Workshop, make_item, take_inventory
from sysimage_bootstrap.items.plan import Plan, PlannedItem, plan_items
from sysimage_bootstrap.items.relink import TARGETS, patchelf
from sysimage_bootstrap.resolve import Resolution

_CACHE = "var/sysimage/packages"
_Result = TypeVar("_Result")
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
        (cache / "inventories").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MachineError(f"cannot make {cache}: {error.strerror}") from error
    store.sweep()
    with _scratch(cache) as scratch, _Crew(workers) as crew:
        inventories = _inventories(debs, by_name, cache, scratch, crew, progress)
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
        if missing:
            wanted = sorted({python for name in missing for python in plan.items[name].plan.bytecode.values()})
            tools = _Tools(debs, by_name, inventories, architecture)
            if wanted and native_architecture not in (None, architecture):
                names = {package.name: package for package in native or {}}
                known = _inventories(native or {}, names, cache, scratch, crew, silent)
                tools = _Tools(native or {}, names, known, native_architecture)
            compilers = {python: _compiler(python, by_name, tools, scratch) for python in wanted}
            workshop = Workshop(store, TARGETS[architecture], program, compilers, scratch, cache / "inventories")
            _make_all(plan, missing, {package.name: deb for package, deb in debs.items()}, workshop, crew, progress)
        return {name: _realised(store, planned) for name, planned in plan.items.items()}


@dataclass(frozen=True, slots=True)
class _Tools:
    """Packages that this machine can run."""

    debs: Mapping[Package, Path]
    packages: Mapping[str, Package]
    inventories: Mapping[str, Inventory]
    architecture: str


def _compiler(python: str, system: Mapping[str, Package], tools: _Tools, scratch: Path) -> Compiler:
    name = f"python{python}-minimal"
    wanted = system[name].version
    if name not in tools.packages or tools.packages[name].version != wanted:
        there = tools.packages[name].version if name in tools.packages else "none"
        raise MachineError(
            f"cannot compile Python modules: the system has {name} {wanted}, this machine's architecture {there}",
            hint="both have to come from the same state of the archive",
        )
    return make_compiler(python, tools.architecture, tools.debs, tools.inventories, scratch / f"python{python}")


class _Crew:
    """Processes that share the work, started when there is some; with one worker, the work is done right here."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, *error: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def submit(self, work: Callable[..., _Result], *arguments: object) -> Future[_Result]:
        if self._workers > 1:
            if self._executor is None:
                # Not fork: whoever watches the progress may do so in a thread of this process.
                context = multiprocessing.get_context("forkserver")
                context.set_forkserver_preload([work.__module__])
                self._executor = ProcessPoolExecutor(self._workers, mp_context=context)
            return self._executor.submit(work, *arguments)
        future: Future[_Result] = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:  # as an executor does
            future.set_exception(error)
        return future


def _inventories(
    debs: Mapping[Package, Path],
    packages: Mapping[str, Package],
    cache: Path,
    scratch: Path,
    crew: _Crew,
    progress: Progress,
) -> dict[str, Inventory]:
    """What every package holds: from the cache, or by unpacking it below ``scratch``, the largest first."""
    found: dict[str, Inventory] = {}
    unknown = []
    for name in sorted(packages):
        inventory = read_inventory(cache / "inventories" / packages[name].digest.hex)
        if inventory is None or inventory.package != name:
            unknown.append(packages[name])
        else:
            found[name] = inventory
    unknown.sort(key=lambda package: (-package.size, package.name))
    futures = {
        crew.submit(take_inventory, debs[package], package, scratch, cache / "inventories"): package.name
        for package in unknown
    }
    for done, (future, name) in enumerate(_as_completed(futures), 1):
        found[name] = future.result()
        progress("unpack", done, len(unknown))
    return found


def _make_all(
    plan: Plan,
    missing: Sequence[str],
    debs: Mapping[str, Path],
    workshop: Workshop,
    crew: _Crew,
    progress: Progress,
) -> None:
    """Make the missing items, each as soon as those it refers to are there."""
    by_path = {plan.items[name].path: name for name in missing}
    waiting = {
        name: {by_path[path] for path in plan.items[name].plan.references if path in by_path} for name in missing
    }
    running: dict[Future[StoreItem], str] = {}
    made = 0
    while waiting or running:
        for name in [name for name, needs in waiting.items() if not needs]:
            del waiting[name]
            running[crew.submit(make_item, workshop, plan.items[name], debs[name])] = name
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            name = running.pop(future)
            future.result()
            for needs in waiting.values():
                needs.discard(name)
            made += 1
            progress("make items", made, len(missing))


def _as_completed(futures: Mapping[Future[_Result], str]) -> Iterator[tuple[Future[_Result], str]]:
    for future in as_completed(futures):
        yield future, futures[future]


def _realised(store: ItemStore, planned: PlannedItem) -> StoreItem:
    item = store.get(planned.path)
    if item is None:
        raise IntegrityError(f"cannot use {planned.path}: it has just been made and is gone")
    return item


@contextmanager
def _scratch(cache: Path) -> Iterator[Path]:
    """A directory of this run's, on the store's file system; what killed runs have left is removed first."""
    with ExitStack() as ours:
        with _held(cache, wait=True):  # or another run might take a directory that is not held yet for a dead one's
            for left in sorted(cache.glob("run-*")):
                with _held(left, wait=False) as alone:
                    if alone:
                        remove_tree(left)
            directory = Path(tempfile.mkdtemp(prefix="run-", dir=cache))
            ours.enter_context(_held(directory, wait=True))
        ours.callback(remove_tree, directory)
        yield directory


@contextmanager
def _held(directory: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a lock on a directory while the context lasts; whether it was to be had."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
