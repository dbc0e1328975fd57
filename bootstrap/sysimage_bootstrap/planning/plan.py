"""From inventories to recipes: what each item will be, where it will be, and what it will refer to. Opens no package.

Store paths follow from recipes alone, so every path is known before anything is built, and a recipe holds the plan of
its item whole: a decision that comes out differently gives another path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sysimage.errors import Issue, SysimageError
from sysimage.store.paths import StorePath
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.debian.alternatives import Alternatives
from sysimage_bootstrap.debian.architectures import ELF_TARGETS, ElfTarget
from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.planning.cycles import Edge, Strength, break_cycles, dependencies_first
from sysimage_bootstrap.planning.linking import Linking, linkings
from sysimage_bootstrap.planning.namespace import Namespace, Place
from sysimage_bootstrap.planning.shebangs import Shebang, shebangs
from sysimage_bootstrap.planning.symlinks import symlink_targets
from sysimage_bootstrap.store.recipe import Recipe

BUILDER_VERSION = 1
"""Raised when the same plan comes to give other bytes."""
SELF = "@out@"
"""Stands in a plan for the item's own store path, which depends on the plan."""
_FOREIGN = re.compile(r"[^A-Za-z0-9+._?=-]")


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """Everything that is done to a package's files. Texts are final but for `SELF`."""

    package: Package
    linked: Mapping[str, tuple[str | None, tuple[str, ...]]]
    """Path → interpreter and RUNPATH entries."""
    missing: Mapping[str, tuple[str, ...]]
    """Path of a plugin → the libraries it needs and no package holds."""
    scripts: Mapping[str, str]
    """Path → first line."""
    links: Mapping[str, str]
    """Path → target."""
    bytecode: Mapping[str, str]
    """Path of a Python module → the Python that compiles it: ``3.13``."""
    propagated: tuple[StorePath, ...]
    """The items of the dependencies that the package declares."""
    references: frozenset[StorePath]
    """Every item that it is going to mention, itself left out."""

    def parameters(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {
            "builder": BUILDER_VERSION,
            "deb": str(self.package.digest),
            "linked": {path: [interpreter, list(runpath)] for path, (interpreter, runpath) in self.linked.items()},
            "scripts": dict(self.scripts),
            "links": dict(self.links),
            "bytecode": dict(self.bytecode),
            "propagated": [str(path) for path in self.propagated],
        }


@dataclass(frozen=True, slots=True)
class PlannedItem:
    """An item that is to be: its plan, the recipe made of it, and its path."""

    plan: ItemPlan
    recipe: Recipe
    path: StorePath


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What one package would refer to, if there were no cycles."""

    linkings: Mapping[str, Linking]
    shebangs: Mapping[str, Shebang]
    links: Mapping[str, str | Place]


@dataclass(frozen=True, slots=True)
class Plan:
    """The items of a system."""

    items: Mapping[str, PlannedItem]
    """By package name, dependencies first."""
    given_up: tuple[Edge, ...]
    """Edges that would have closed a cycle, sorted: references that are left to the running system's profile."""


def plan_items(
    packages: Mapping[str, Package],
    dependencies: Mapping[str, tuple[str, ...]],
    inventories: Mapping[str, Inventory],
    *,
    store_dir: str,
    architecture: str,
    tools: Mapping[str, str],
    pythons: Mapping[str, str],
    alternatives: Mapping[str, str],
) -> Plan:
    """Plan an item for every package.

    ``dependencies`` are Debian's, by name; ``tools`` name and version of what builds; ``pythons`` map each Python that
    modules are compiled for (``3.13``) to the version of its package. A library that no package holds is a
    `SysimageError`, all of them at once.
    """
    namespace = Namespace(inventories)
    choice = Alternatives(architecture, packages.keys(), namespace.has, alternatives)
    wanted = _wanted_by_all(inventories, dependencies, namespace, ELF_TARGETS[architecture], choice, sorted(packages))
    edges = _edges(wanted, dependencies)
    given_up = break_cycles(edges)
    kept: dict[str, list[str]] = {name: [] for name in packages}
    for source, target in sorted(edges.keys() - given_up):
        kept[source].append(target)
    items: dict[str, PlannedItem] = {}
    for name in dependencies_first(kept):
        paths = {target: items[target].path for target in kept[name]}
        bytecode = _bytecode(inventories[name], namespace, pythons)
        plan = _item_plan(packages[name], dependencies.get(name, ()), wanted[name], bytecode, paths)
        recipe = _recipe(plan, tools, pythons)
        items[name] = PlannedItem(plan, recipe, recipe.path(store_dir))
    return Plan(items, tuple(sorted(edge for edge in given_up if edge[0] != edge[1])))


def _wanted_by_all(
    inventories: Mapping[str, Inventory],
    dependencies: Mapping[str, tuple[str, ...]],
    namespace: Namespace,
    target: ElfTarget,
    choice: Alternatives,
    names: Sequence[str],
) -> dict[str, _Wanted]:
    """What each package would refer to; a `SysimageError` names every library that no package holds."""
    wanted: dict[str, _Wanted] = {}
    issues: list[Issue] = []
    for name in names:
        inventory, needs = inventories[name], dependencies.get(name, ())
        linked, missing = linkings(inventory, namespace, needs, target)
        issues += missing
        wanted[name] = _Wanted(
            linked, shebangs(inventory, namespace, choice), symlink_targets(inventory, namespace, needs)
        )
    if issues:
        raise SysimageError(
            "cannot link the packages: libraries are missing",
            hint="add the packages that hold them, or leave out those that need them",
            issues=issues,
        )
    return wanted


def _item_plan(
    package: Package,
    dependencies: Sequence[str],
    wanted: _Wanted,
    bytecode: Mapping[str, str],
    paths: Mapping[str, StorePath],
) -> ItemPlan:
    """The plan of one item; ``paths`` are those of the items that it may refer to, by package."""
    return ItemPlan(
        package=package,
        missing={path: link.missing for path, link in wanted.linkings.items() if link.missing},
        linked=_linked(package.name, wanted.linkings, paths),
        scripts=_scripts(package.name, wanted.shebangs, paths),
        links=_links(wanted.links, paths),
        bytecode=bytecode,
        propagated=tuple(sorted(paths[target] for target in dependencies if target in paths)),
        references=frozenset(paths.values()),
    )


def _recipe(plan: ItemPlan, tools: Mapping[str, str], pythons: Mapping[str, str]) -> Recipe:
    used = {version: pythons[version] for version in sorted(set(plan.bytecode.values()))}
    return Recipe(
        _item_name(plan.package),
        "debian-package",
        tuple(sorted(plan.references)),
        {**plan.parameters(), "tools": dict(tools), "pythons": used},
    )


def _edges(wanted: Mapping[str, _Wanted], dependencies: Mapping[str, tuple[str, ...]]) -> dict[Edge, Strength]:
    """The strongest reason for each reference."""
    edges: dict[Edge, Strength] = {}

    def add(source: str, target: str, strength: Strength) -> None:
        if source != target:
            edges[source, target] = max(strength, edges.get((source, target), Strength.DECLARED))

    for name, want in wanted.items():
        for target in dependencies.get(name, ()):
            add(name, target, Strength.DECLARED)
        for target_place in want.links.values():
            if isinstance(target_place, Place):
                add(name, target_place.package, Strength.LINK)
        for shebang in want.shebangs.values():
            add(name, shebang.interpreter.package, Strength.SHEBANG)
        for linking in want.linkings.values():
            for place in (linking.interpreter, *linking.runpath):
                if isinstance(place, Place):
                    add(name, place.package, Strength.LINKED)
    return edges


def _linked(
    name: str, linkings: Mapping[str, Linking], paths: Mapping[str, StorePath]
) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    def text(place: Place) -> str:
        return f"{SELF if place.package == name else paths[place.package]}/{place.path}"

    return {
        path: (
            None if linking.interpreter is None else text(linking.interpreter),
            tuple(text(entry) if isinstance(entry, Place) else entry for entry in linking.runpath),
        )
        for path, linking in linkings.items()
    }


def _scripts(name: str, wanted: Mapping[str, Shebang], paths: Mapping[str, StorePath]) -> dict[str, str]:
    lines = {}
    for path, shebang in wanted.items():
        package = shebang.interpreter.package
        if package == name:
            lines[path] = shebang.line(SELF)
        elif package in paths:
            lines[path] = shebang.line(str(paths[package]))
    return lines


def _links(wanted: Mapping[str, str | Place], paths: Mapping[str, StorePath]) -> dict[str, str]:
    targets = {}
    for path, target in wanted.items():
        if isinstance(target, str):
            targets[path] = target
        elif target.package in paths:
            targets[path] = f"{paths[target.package]}/{target.path}"
        else:
            targets[path] = f"/usr/{target.path}"
    return targets


def _bytecode(inventory: Inventory, namespace: Namespace, pythons: Mapping[str, str]) -> dict[str, str]:
    """Which modules are compiled: those that a Python of the system would import from the usual places."""
    by_directory = {f"lib/python{version}/": version for version in pythons}
    default = namespace.inventories.get("python3-minimal")
    if default is not None:
        version = default.links.get("bin/python3", "").removeprefix("python")
        if version in pythons:
            by_directory["lib/python3/dist-packages/"] = version
    return {
        path: version
        for path in inventory.files
        if path.endswith(".py")
        for directory, version in by_directory.items()
        if path.startswith(directory)
    }


def _item_name(package: Package) -> str:
    """Name and version, without the epoch, in the letters that a store path can have."""
    version = package.version.partition(":")[2] or package.version
    return _FOREIGN.sub("-", f"{package.name}-{version}")
