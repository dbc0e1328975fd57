"""The systems that images are made of: each found in a store or made of packages, on top of a base image or of none."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from sysimage import bases
from sysimage.closure import Closure
from sysimage.files.temporary import scratch_directory
from sysimage.notices import notice
from sysimage.pipeline.lock_file_checks import check_lock_files
from sysimage.pipeline.options import BuildSources, DeclaredSystem
from sysimage.progress import Progress, silent
from sysimage.rootfs.accounts import NO_ACCOUNTS
from sysimage.rootfs.system import SystemResult
from sysimage.spec.java import Java
from sysimage.spec.node import Node
from sysimage.spec.python import Python
from sysimage.store.items import StoreItem
from sysimage_bootstrap.realise import realise
from sysimage_bootstrap.store.item_store import ItemStore


def open_base(system: DeclaredSystem, sources: BuildSources, progress: Progress = silent) -> bases.BaseImage:
    """The image that the system's begins with; one with too many layers is refused before any work."""
    spec = system.spec
    if spec.from_image is None:
        return bases.NO_BASE
    from sysimage.bases.read import read_base_image  # imported late: not needed by builds without a base image
    from sysimage.pipeline.base_images import find_base

    found = find_base(system, sources)
    base = read_base_image(found.place, spec.platform, spec.store.store_dir, name=found.name, progress=progress)
    bases.check_room(base, spec.max_layers)
    bases.check_volumes(spec.volumes, base, spec)
    bases.tell_dropped_volumes(base, spec.store)
    bases.tell_lost_accounts(base)
    bases.tell_sparse_files(base)
    return base


def provide(
    system: DeclaredSystem, sources: BuildSources, base: bases.BaseImage = bases.NO_BASE, progress: Progress = silent
) -> SystemResult:
    """The system: found in a store, or made of packages, with its trees. Later steps do not distinguish the two."""
    spec = system.spec
    check_lock_files(spec, system.spec_dir)
    found = _provide(system, sources, base, progress)
    if spec.python is not None:
        found = _with_wheels(system, spec.python, sources, found, progress)
    if spec.node is not None:
        found = _with_npm_packages(system, spec.node, sources, found, progress)
    if spec.java is not None:
        found = _with_jars(system, spec.java, sources, found, progress)
    present = tuple(item.path for item in found.items)
    if spec.trees:
        from sysimage.from_store import pack_accounts
        from sysimage.pipeline.locked_inputs import tree_store  # imported late: not needed by builds without trees
        from sysimage.trees.place import with_trees

        accounts = found.accounts or pack_accounts(spec, base.accounts)
        found = with_trees(spec, system.spec_dir, found, accounts, tree_store(system, sources.cache_dir, present))
    if sources.compares_inputs(system):
        from sysimage.pipeline.locked_inputs import compare_with_lock, locked_inputs, tree_store

        trees = tree_store(system, sources.cache_dir, present)
        compare_with_lock(system, sources, locked_inputs(system, sources, trees, found.items))
    return found


def _with_wheels(
    system: DeclaredSystem, python: Python, sources: BuildSources, found: SystemResult, progress: Progress
) -> SystemResult:
    # Imported late: not needed by builds without Python packages.
    from sysimage.pipeline.locked_inputs import tree_store, wheel_source
    from sysimage.wheels.host_python import HostPython
    from sysimage.wheels.items import WheelItems
    from sysimage.wheels.own_source import own_source, selection_of
    from sysimage.wheels.place import with_wheels
    from sysimage.wheels.target import Target
    from sysimage_bootstrap.packages.choose import open_archive

    spec = system.spec
    target = Target.of(found.items, spec.architecture)
    store = ItemStore(sources.cache_dir / "store", spec.store.store_dir)
    with scratch_directory(sources.cache_dir, "python-") as scratch:
        here = HostPython(
            found.items,
            target,
            lambda: open_archive(sources.archive, spec, system.spec_dir, sources.cache_dir / "archive"),
            store.root,
            sources.workers,
            scratch,
            progress,
        )
        items = WheelItems(store, target, cache(here.compiler))
        own: tuple[StoreItem, ...] = ()
        if python.source is not None:
            trees = tree_store(system, sources.cache_dir, tuple(item.path for item in found.items))
            own = tuple(own_source(selection_of(python.source, system.spec_dir, spec.allow_secrets), trees, items))
        source = wheel_source(system, python, sources)
        return with_wheels(spec, system.spec_dir, found, source, items, progress, own)


def _with_npm_packages(
    system: DeclaredSystem, node: Node, sources: BuildSources, found: SystemResult, progress: Progress
) -> SystemResult:
    # Imported late: not needed by builds without npm packages.
    from sysimage.npm_packages.fetch import TarballSource
    from sysimage.npm_packages.items import PackageItems
    from sysimage.npm_packages.place import with_npm_packages

    directory = None if node.tarballs is None else system.spec_dir / node.tarballs
    project = (system.spec_dir / node.lock).parent
    offline = sources.archive.options.transport.offline
    source = TarballSource(sources.cache_dir / "npm", sources.environment, project, directory, offline)
    items = PackageItems(ItemStore(sources.cache_dir / "store", system.spec.store.store_dir), node.at)
    return with_npm_packages(system.spec, system.spec_dir, found, source, items, progress)


def _with_jars(
    system: DeclaredSystem, java: Java, sources: BuildSources, found: SystemResult, progress: Progress
) -> SystemResult:
    # Imported late: not needed by builds without jars.
    from sysimage.jars.items import JarItems
    from sysimage.jars.place import with_jars

    store = ItemStore(sources.cache_dir / "store", system.spec.store.store_dir)
    items = JarItems(store, java.at, sources.cache_dir / "jars" / "contents")
    return with_jars(system.spec, system.spec_dir, found, items, progress)


def _provide(system: DeclaredSystem, sources: BuildSources, base: bases.BaseImage, progress: Progress) -> SystemResult:
    spec = system.spec
    if spec.from_store is not None:
        from sysimage import from_store  # imported late: not needed by builds of packages

        return from_store.realise(
            spec,
            system.spec_dir,
            cache_dir=sources.cache_dir,
            workers=sources.workers,
            base_accounts=base.accounts,
            base_environment=bases.variables_of(base),
            is_base_directory=base.has_directory,
            progress=progress,
        )
    made = realise(
        system.written,
        system.spec_dir,
        sources.archive,
        system.lock_file,
        locked=sources.locked,
        stale=sources.stale,
        cache_dir=sources.cache_dir,
        below=base.accounts or NO_ACCOUNTS,
        workers=sources.workers,
        progress=progress,
    )
    for text in made.notices:
        notice(text)
    if sources.keeps_ids:
        from sysimage.pipeline.account_locks import keep_ids  # imported late: not needed if nothing is written

        keep_ids(system, sources, made.account_ids)
    return made


def closures_of(
    systems: Iterable[DeclaredSystem], sources: BuildSources, progress: Progress = silent
) -> dict[str, Closure]:
    """The closures of systems by the names of their images; of two with one name, the last."""
    closures: dict[str, Closure] = {}
    for system in systems:
        realised = provide(system, sources, open_base(system, sources, progress), progress)
        closures[system.spec.name] = Closure(realised.items, realised.roots)
    return closures
