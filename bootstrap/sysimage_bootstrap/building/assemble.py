"""Programs of a system's packages that work on its items, run on this machine out of unpacked packages.

They come from the packages of *this* machine's architecture and run through their own dynamic linker, so that nothing
has to be installed here, and no program of the system that is built is run.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage.errors import MachineError
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.debian.architectures import ELF_TARGETS, ElfTarget
from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.debs.unpack import unpack
from sysimage_bootstrap.planning.union_tree import PackagePath, UnionTree, in_usr, link_target


@dataclass(frozen=True, slots=True)
class Assembled:
    """A program that runs on this machine."""

    top: Path
    """Where its packages were unpacked together: their ``/usr``."""
    libraries: Path
    argv: tuple[Path | str, ...]
    """The words of a command line that runs it; append its arguments."""


def assemble(
    what: str,
    needs: Sequence[str],
    architecture: str,
    debs: Mapping[Package, Path],
    inventories: Mapping[str, Inventory],
    top: Path,
) -> Assembled:
    """Assemble a program in the new directory ``top``, out of the packages that hold what it ``needs``.

    The first path is that of the program; each other path is a module that it loads, or a file of a package that it
    reads. ``debs`` and their ``inventories`` are of this machine's ``architecture``. If they lack something, it is a
    `MachineError` about ``what``.
    """
    target = ELF_TARGETS[architecture]
    namespace = UnionTree(inventories)
    places = [namespace.find(path, "") for path in needs]
    found = [namespace.final(place) for place in places if place is not None]
    if len(found) < len(needs):
        raise MachineError(
            f"cannot compile for {what}: the packages for {architecture} are missing",
            hint="its packages have to be fetched for this machine's architecture as well",
        )
    program = found[0]
    files = _linked_files(found, namespace, target)
    top.mkdir(parents=True)
    needed = {place.package for place in (*files, *found)}
    for package, deb in sorted(debs.items(), key=lambda pair: pair[0].name):
        if package.name in needed:
            _merge(unpack(deb, top / f".{package.name}", package), top / f".{package.name}", top)
    interpreter = posixpath.basename(inventories[program.package].linked[program.path].interpreter or "")
    libraries = top / f"lib/{target.triplet}"
    private = {directory for place in files for directory in _own_directories(place, namespace)}
    search = ":".join(map(str, (libraries, *(top / directory for directory in sorted(private)))))
    return Assembled(top, libraries, (libraries / interpreter, "--library-path", search, top / program.path))


def _own_directories(place: PackagePath, namespace: UnionTree) -> list[str]:
    """Where a file itself says that libraries are, below /usr."""
    elf = namespace.inventories[place.package].linked.get(place.path)
    entries = elf.runpath if elf is not None else ()
    here = f"/usr/{posixpath.dirname(place.path)}"
    found = [entry.replace("${ORIGIN}", here).replace("$ORIGIN", here) for entry in entries]
    return [below for entry in found if (below := in_usr(posixpath.normpath(entry))) is not None]


def _linked_files(files: Sequence[PackagePath], namespace: UnionTree, target: ElfTarget) -> set[PackagePath]:
    """Files and the libraries they are linked with, over any number of steps."""
    found: set[PackagePath] = set()
    waiting = list(files)
    while waiting:
        place = namespace.final(waiting.pop())
        if place in found:
            continue
        found.add(place)
        elf = namespace.inventories[place.package].linked.get(place.path)
        for name in elf.needed if elf is not None else ():
            directories = [*_own_directories(place, namespace), *target.directories]
            library = namespace.find_in(directories, name, place.package)
            if library is None:
                raise MachineError(
                    f"cannot run {files[0].path} here: {place.path} needs {name}, which no package here has"
                )
            waiting.append(library)
    return found


def _merge(inventory: Inventory, tree: Path, top: Path) -> None:
    """Bring the files of an unpacked package to where they would be below ``/usr``, links among them included."""
    for path in inventory.files:
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).rename(top / path)
    for path in sorted(inventory.links):
        inside = in_usr(link_target(inventory, path))
        if inside is not None and not os.path.lexists(top / path):
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).symlink_to(posixpath.relpath(inside, posixpath.dirname(path) or "."))
