"""Locking packages: the lock file of a spec."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.api import arguments
from sysimage.api.arguments import Place, Spec, reported
from sysimage.api.settings import Settings
from sysimage.api.values import LockedPackages
from sysimage.errors import LockError, SpecError
from sysimage.pipeline.lock_file_checks import check_lock_files
from sysimage.progress import Progress, silent
from sysimage.spec.choices import AS_IT_IS, SpecChoices

if TYPE_CHECKING:
    from sysimage.pipeline.options import DeclaredSystem
    from sysimage.pipeline.output_checks import Input
    from sysimage.spec.model import SystemSpec
    from sysimage_bootstrap.packages.lock import LockedBase, LockFile


def lock(
    spec: Spec,
    lock_file: Place | None = None,
    *,
    directory: Place | None = None,
    choices: SpecChoices = AS_IT_IS,
    update: Sequence[str] = (),
    settings: Settings = Settings(),  # noqa: B008 - a frozen value
    progress: Progress = silent,
) -> LockedPackages:
    """Choose the packages of a spec as the archive has them today, and write them to its lock file.

    ``lock_file`` is by default beside the spec's file, ``system.lock.json`` for ``system.json``; for a spec
    without a file nothing is written unless it is given. ``directory`` is what paths in such a spec are relative to.
    ``choices`` are variants, values of keys and arguments of the spec. With ``update`` only these packages, and what
    they force, are chosen again; the others stay as the lock file has them.

    Raises a `SysimageError`: `SpecError` for a spec that is not made of packages, `IntegrityError` for an archive that
    cannot be trusted, `RegistryError` for one that cannot be reached, `MachineError`.
    """
    with reported(spec, choices):
        system = arguments.declared_system(spec, directory, lock_file, choices)
        inputs = arguments.spec_inputs(spec)
        locked, _, _ = lock_packages(system, settings, inputs, progress, hint="say another lock_file", update=update)
        return locked


def lock_packages(
    system: DeclaredSystem,
    settings: Settings,
    inputs: Iterable[Input],
    progress: Progress,
    *,
    hint: str,
    update: Sequence[str] = (),
) -> tuple[LockedPackages, LockFile | None, LockFile]:
    """Like `lock`, for a spec that was read; ``inputs`` were read for it and are not written over, as ``hint`` says.

    With it the lock that was replaced, if there was one, and the new one.
    """
    spec, path = system.spec, system.lock_file
    if spec.from_store is not None:
        raise SpecError(
            f"cannot lock {spec.name}: it is made of what a store holds, not of packages",
            hint="name store paths instead of links; their hashes say exactly what is in them",
        )

    from sysimage.pipeline.account_locks import ids_to_lock
    from sysimage_bootstrap.packages.choose import lock_packages, open_archive, package_request
    from sysimage_bootstrap.packages.needed_packages import require_packages

    if path is not None:
        _check(path, [*inputs, *_own_inputs(system, settings)], hint)
    check_lock_files(spec, system.spec_dir)
    archive = open_archive(settings.archive_choice(), spec, system.spec_dir, settings.cache / "archive")
    base = _base(spec, system.spec_dir, settings)
    before = _before(path)
    if update and before is None:
        raise LockError(
            f"cannot update {', '.join(update)} alone: there is no lock file that can be read",
            hint="run `sysimage lock` without --update first",
        )
    request = package_request(spec, system.spec_dir, settings.cache)
    locked = lock_packages(request, archive, progress, before=before if update else None, update=update)
    require_packages(spec, locked.resolution)
    locked = replace(locked, base=base)
    if spec.trees or spec.python is not None or spec.node is not None or spec.java is not None:
        from sysimage.pipeline.locked_inputs import locked_inputs, tree_store

        versions = {package.name: package.version for package in locked.resolution.packages}
        trees = tree_store(system, settings.cache)
        locked = replace(locked, inputs=locked_inputs(system, settings.sources(), trees, versions))
    locked = replace(locked, account_ids=ids_to_lock(system, before, locked.resolution, settings.cache))
    if path is not None:
        locked.write(path)
    return LockedPackages.of(locked, path), before, locked


def _before(path: Path | None) -> LockFile | None:
    """The lock that is replaced; None where there is no such file, or one that cannot be read any more."""
    from sysimage_bootstrap.packages.lock import read_lock

    with contextlib.suppress(LockError):
        return read_lock(path) if path is not None and path.exists() else None
    return None


def _base(spec: SystemSpec, spec_dir: Path, settings: Settings) -> LockedBase | None:
    """What the tag of a base image in a registry points to today."""
    from sysimage.pipeline.image_places import is_on_this_machine

    name = spec.from_image
    if name is None or is_on_this_machine(name, spec_dir):
        return None
    from sysimage.destinations.registry import ImageReference
    from sysimage.pipeline.registry_image import RegistryImage
    from sysimage_bootstrap.packages.lock import LockedBase

    settings.require_network(name)
    return LockedBase(name, RegistryImage(ImageReference.parse(name), settings.registries()).digest())


def _own_inputs(system: DeclaredSystem, settings: Settings) -> Sequence[Input]:
    from sysimage.pipeline.output_checks import Input, source_inputs

    included = (Input("a file that the spec includes", file) for file in system.files)
    sources = source_inputs(system.spec, system.spec_dir)
    return [*included, *sources, Input("the cache", settings.cache, whole=True)]


def _check(path: Path, read: Iterable[Input], hint: str) -> None:
    """Refuse to overwrite an input, or a file that is not a lock file."""
    from sysimage.pipeline.output_checks import refuse_another_format, refuse_inputs
    from sysimage_bootstrap.packages.lock import FORMAT_NAME

    refuse_inputs(path, read, hint=hint)
    refuse_another_format(path, FORMAT_NAME, "a lock file")
