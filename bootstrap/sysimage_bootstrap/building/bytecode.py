"""Python bytecode, made by the very Python that will read it, without running any program of the system being built.

The Python comes from the packages of *this* machine's architecture, in the version that the system has: bytecode is the
same on all architectures. It runs where its packages were unpacked, through its own dynamic linker.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sysimage.process import run
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.building.assemble import Assembled, assemble
from sysimage_bootstrap.debs.inventory import Inventory

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

    python: Assembled

    def compile(self, item: Path, modules: Iterable[str], *, top: str = "/usr") -> None:
        """Compile modules of an item; their code names them below ``top``, where they will be in the image."""
        names = b"".join(
            os.fsencode(item / module) + b"\0" + f"{top}/{module}".encode("utf-8", "surrogateescape") + b"\0"
            for module in sorted(modules)
        )
        options = ["-I", "-S", "-B", "-W", "ignore", "-X", "utf8"]
        run([*self.python.argv, *options, _DRIVER], stdin=names, env=_ENVIRONMENT)


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
    needs = (f"bin/python{python}", f"lib/python{python}/encodings/__init__.py")
    return Compiler(assemble(f"Python {python}", needs, architecture, debs, inventories, top))
