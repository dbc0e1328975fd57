"""The npm packages of a spec in a system: their items besides its own, and what they lack there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sysimage.errors import Issue, SpecError
from sysimage.language_packages.fetched_files import remember_used
from sysimage.language_packages.placement import (
    PlacedItem,
    PlacedProgram,
    contradictions,
    missing_libraries,
    programs_of,
    without_duplicates,
)
from sysimage.npm_packages.fetch import TarballSource
from sysimage.npm_packages.items import PackageItems
from sysimage.npm_packages.lock_document import NODE_LOCK
from sysimage.npm_packages.lock_file import LockedNpmPackage, read_lock
from sysimage.progress import Progress
from sysimage.rootfs.system import SystemResult
from sysimage.spec.model import SystemSpec
from sysimage.spec.node import Node
from sysimage_bootstrap.debian.architectures import ELF_TARGETS

_NODE = re.compile(r"nodejs-[0-9].*")


def with_npm_packages(
    spec: SystemSpec,
    spec_dir: Path,
    system: SystemResult,
    source: TarballSource,
    items: PackageItems,
    progress: Progress,
) -> SystemResult:
    """``system`` with the packages of its spec's lock file; what the store has is not fetched.

    A `SpecError` names every fault of the lock file, every package that would have to be built, every library that one
    needs and the image lacks, and every file that is in the way of another.
    """
    if spec.node is None:
        return system
    if not any(_NODE.fullmatch(item.path.name) for item in system.items):
        raise SpecError(
            "cannot put npm packages into the image: the image has no Node", hint='add "nodejs" to "packages"'
        )
    packages = read_lock(spec.node, spec_dir, spec.architecture)
    missing = [package for package in packages if not items.has(package)]
    tarballs = source.fetch(missing) if missing else {}
    made: dict[str, LockedNpmPackage] = {}
    placed = []
    for done, package in enumerate(packages, 1):
        item = items.item(package, tarballs.get(package.digest))
        placed.append(PlacedItem.of(item))
        made[str(item.path)] = package
        progress("npm packages", done, len(packages))
    programs = [program for program in programs_of(placed, items.top) if _runs_here(program, spec.architecture)]
    issues = [
        *_not_built(placed, made, programs, spec.node),
        *contradictions(placed, items.top, system, NODE_LOCK),
        *missing_libraries(programs, placed, items.top, system, spec.architecture, NODE_LOCK),
    ]
    if issues:
        raise SpecError(f"cannot put the npm packages of {spec.name} into the image", issues=issues)
    shown = tuple(without_duplicates(placed, items.top))
    remember_used(source.cache, (item.path for item in shown))
    return system.with_items(shown)


def _runs_here(program: PlacedProgram, architecture: str) -> bool:
    """Whether a program is for the machine and its C library: packages bring those of many, and choose at run time."""
    is_musl = any(name.startswith("libc.musl-") for name in program.elf.needed)
    return program.elf.machine == ELF_TARGETS[architecture].machine and not is_musl


def _not_built(
    placed: Sequence[PlacedItem], made: Mapping[str, LockedNpmPackage], programs: Sequence[PlacedProgram], node: Node
) -> Iterator[Issue]:
    """Packages whose install script would make, or fetch, what they need."""
    prebuilt = {str(program.placed.item.path) for program in programs if program.path.endswith(".node")}
    for one in placed:
        package = made[str(one.item.path)]
        is_built = f"{package.place}/binding.gyp" in one.files
        if not (is_built or package.has_install_script) or str(one.item.path) in prebuilt:
            continue
        if package.is_prebuilt_beside or package.name in node.without_scripts:
            continue
        cause = (
            "would have to be built: it has a binding.gyp" if is_built else "has an install script, which is not run"
        )
        yield Issue(
            NODE_LOCK,
            f"{package} {cause}, and no .node file for this machine is in its tarball: take a version that brings one, "
            'or, if it works without, name it in "without-scripts"',
        )
