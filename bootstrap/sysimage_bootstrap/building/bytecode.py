"""Python bytecode, made by the very Python that will read it, without running any program of the system being built.

The Python comes from the packages of *this* machine's architecture, in the version that the system has: bytecode is the
same on all architectures. It runs where its packages were unpacked, through its own dynamic linker.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sysimage.errors import MachineError
from sysimage.process import run
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.debian.architectures import ELF_TARGETS, ElfTarget
from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.debs.unpack import unpack
from sysimage_bootstrap.planning.union_tree import PackagePath, UnionTree, in_usr, link_target

_MINIMAL = re.compile(r"python(3\.\d+)-minimal")
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    # The compiler computes what is constant, such as 217 ** (1 / 12), and the C library's powers differ in the last bit
    # between processors with and without fused multiplication (of x86-64; others are not asked).
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2",
}
_DRIVER = Path(__file__).with_name("bytecode_driver.py")


def pythons_of(packages: Iterable[Package]) -> dict[str, str]:
    """Each Python among the packages, such as ``3.13`` → the version of its package."""
    found = {match[1]: package.version for package in packages if (match := _MINIMAL.fullmatch(package.name))}
    return dict(sorted(found.items()))


def native_requests(packages: Iterable[Package]) -> tuple[str, ...]:
    """What to ask the archive for, in this machine's architecture, when the packages are of another one."""
    return tuple(f"python{python}-minimal={version}" for python, version in pythons_of(packages).items())


@dataclass(frozen=True, slots=True)
class Compiler:
    """A Python that runs on this machine."""

    linker: Path
    libraries: Path
    program: Path

    def compile(self, top: Path, modules: Iterable[str]) -> None:
        """Compile modules of the item at ``top``; their code names them in ``/usr``, where they will be."""
        names = b"".join(
            os.fsencode(top / module) + b"\0/usr/" + module.encode("utf-8", "surrogateescape") + b"\0"
            for module in sorted(modules)
        )
        python: list[str | Path] = [self.linker, "--library-path", self.libraries, self.program]
        options = ["-I", "-S", "-B", "-W", "ignore", "-X", "utf8"]
        run([*python, *options, _DRIVER], stdin=names, env=_ENVIRONMENT)


def make_compiler(
    python: str,
    architecture: str,
    debs: Mapping[Package, Path],
    inventories: Mapping[str, Inventory],
    top: Path,
) -> Compiler:
    """Assemble a Python in the new directory ``top``, out of the few packages it consists of.

    ``debs`` and their ``inventories`` are of this machine's ``architecture``. If they lack something, it is a
    `MachineError`.
    """
    target = ELF_TARGETS[architecture]
    namespace = UnionTree(inventories)
    program = namespace.find(f"bin/python{python}", "")
    library = namespace.find(f"lib/python{python}/encodings/__init__.py", "")
    if program is None or library is None:
        raise MachineError(
            f"cannot compile Python modules: no Python {python} for {architecture} is at hand",
            hint="its packages have to be fetched for this machine's architecture as well",
        )
    files = _linked_files(program, namespace, target)
    top.mkdir(parents=True)
    needed = {place.package for place in files} | {library.package}
    for package, deb in sorted(debs.items(), key=lambda pair: pair[0].name):
        if package.name in needed:
            _merge(unpack(deb, top / f".{package.name}", package), top / f".{package.name}", top)
    interpreter = inventories[program.package].linked[program.path].interpreter or ""
    return Compiler(
        linker=top / f"lib/{target.triplet}" / posixpath.basename(interpreter),
        libraries=top / f"lib/{target.triplet}",
        program=top / program.path,
    )


def _linked_files(program: PackagePath, namespace: UnionTree, target: ElfTarget) -> set[PackagePath]:
    """A program and the libraries it is linked with, over any number of steps."""
    found: set[PackagePath] = set()
    waiting = [program]
    while waiting:
        place = namespace.final(waiting.pop())
        if place in found:
            continue
        found.add(place)
        elf = namespace.inventories[place.package].linked.get(place.path)
        for name in elf.needed if elf is not None else ():
            library = namespace.find_in(target.directories, name, place.package)
            if library is None:
                raise MachineError(f"cannot compile Python modules: {place.path} needs {name}, which is not at hand")
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
