"""From a spec to a system in the store: choose packages, fetch them, make items, make the system of the items."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sysimage.progress import Progress, silent
from sysimage.rootfs.system import SystemResult
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.archive import Archive, Package, native_architecture
from sysimage_bootstrap.choose import ArchiveChoice, choose_packages, open_archive, package_request
from sysimage_bootstrap.items import ItemStore
from sysimage_bootstrap.items.build import build_items
from sysimage_bootstrap.items.bytecode import native_requests
from sysimage_bootstrap.items.inventory import PackageFacts
from sysimage_bootstrap.request import PackageRequest
from sysimage_bootstrap.resolve import Resolution, resolve
from sysimage_bootstrap.system.system import build_system


def realise(
    spec: SystemSpec,
    spec_dir: Path,
    choice: ArchiveChoice,
    lock_file: Path,
    *,
    locked: bool = False,
    cache_dir: Path,
    verify_store: bool = False,
    workers: int = 1,
    progress: Progress = silent,
) -> SystemResult:
    """Make the system that ``spec`` declares, in the store below ``cache_dir``; what is there is not made again.

    ``verify_store`` compares every item that is used again with its hash.
    """
    archive = open_archive(choice, spec, cache_dir / "archive")
    request = package_request(spec)
    resolution = choose_packages(request, archive, lock_file, locked=locked, progress=progress)
    store = ItemStore(cache_dir / "store", spec.store.store_dir, verify=verify_store)
    native = _native_tools(resolution, request, archive, progress)
    items = build_items(
        resolution,
        archive.fetch(resolution.packages, progress),
        store,
        architecture=spec.architecture,
        native=native,
        native_architecture=native_architecture() if native is not None else None,
        alternatives=spec.alternatives,
        workers=workers,
        progress=progress,
    )
    facts = {name: PackageFacts.parse(store.facts(item.path)) for name, item in items.items()}
    return build_system(spec, spec_dir, items, items, facts, store, progress)


def _native_tools(
    resolution: Resolution, request: PackageRequest, archive: Archive, progress: Progress
) -> Mapping[Package, Path] | None:
    """Where the system is of another architecture: the packages this machine needs to work on its items."""
    native = native_architecture()
    wanted = native_requests(resolution.packages)
    if native == request.architecture or not wanted:
        return None
    tools = resolve(
        archive.packages(native, progress),
        PackageRequest(native, wanted, request.suites, request.components, essential=False),
    )
    return archive.fetch(tools.packages, progress)
