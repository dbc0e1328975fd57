"""The Pythons of this machine's architecture that compile the modules of a system's items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sysimage.errors import Issue, MachineError
from sysimage.progress import silent
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.building.bytecode import Compiler, make_compiler
from sysimage_bootstrap.building.inventories import Inventories
from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.planning.plan import SystemPlan


@dataclass(frozen=True, slots=True)
class RunnablePackages:
    """Packages whose programs this machine can run."""

    debs: Mapping[Package, Path]
    packages: Mapping[str, Package]
    inventories: Mapping[str, Inventory]
    """What they hold; empty if it is not known yet."""
    architecture: str


def compilers_for(
    plan: SystemPlan,
    missing: Iterable[str],
    system: Mapping[str, Package],
    runnable: RunnablePackages,
    inventories: Inventories,
) -> dict[str, Compiler]:
    """Each Python that modules of the ``missing`` items are compiled for, by version, such as ``3.13``.

    A `MachineError` names those that ``runnable`` does not have in the version of the ``system``'s package.
    """
    wanted = sorted({python for name in missing for python in plan.items[name].plan.bytecode.values()})
    if not wanted:
        return {}
    there = {name: package.version for name, package in runnable.packages.items()}
    issues = [
        Issue(name, f"the system has {system[name].version}, this machine's architecture has {there.get(name, 'none')}")
        for name in (f"python{python}-minimal" for python in wanted)
        if there.get(name) != system[name].version
    ]
    if issues:
        raise MachineError(
            "cannot compile Python modules: they need a Python that this machine runs",
            hint="it has to come from the same state of the archive as the system's",
            issues=issues,
        )
    known = runnable.inventories or inventories.of(runnable.debs, runnable.packages, silent)
    return {
        python: make_compiler(
            python, runnable.architecture, runnable.debs, known, inventories.unpacked / f"python{python}"
        )
        for python in wanted
    }
