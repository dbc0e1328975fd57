"""The plan of one store item: everything that is done to the files of its package, and the recipe that follows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sysimage.store.paths import StorePath
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.planning.linking import Linking
from sysimage_bootstrap.planning.shebangs import Shebang
from sysimage_bootstrap.planning.union_tree import PackagePath
from sysimage_bootstrap.store.recipe import Recipe

BUILDER_VERSION = 4
"""Increased when the same plan gives other bytes, or other facts beside them."""
SELF = "@out@"
"""Placeholder in a plan for the item's own store path, which depends on the plan."""
_FOREIGN = re.compile(r"[^A-Za-z0-9+._?=-]")


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """Everything that is done to a package's files. Texts are final except for `SELF`."""

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
    left_out: Mapping[str, str]
    """Path of what the item lacks of its package → why."""
    propagated: tuple[StorePath, ...]
    """The items of the dependencies that the package declares."""
    references: frozenset[StorePath]
    """Every item that it is going to mention, itself left out."""

    def parameters(self) -> dict[str, Any]:
        """The plan as JSON."""
        left_out = {"left_out": sorted(self.left_out)} if self.left_out else {}
        return {
            **left_out,
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
class WantedReferences:
    """What one package would refer to, if there were no cycles."""

    linkings: Mapping[str, Linking]
    shebangs: Mapping[str, Shebang]
    links: Mapping[str, str | PackagePath]


def item_plan(
    package: Package,
    dependencies: Sequence[str],
    wanted: WantedReferences,
    bytecode: Mapping[str, str],
    left_out: Mapping[str, str],
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
        left_out=left_out,
        propagated=tuple(sorted(paths[target] for target in dependencies if target in paths)),
        references=frozenset(paths.values()),
    )


def recipe_of(plan: ItemPlan, tools: Mapping[str, str], pythons: Mapping[str, str]) -> Recipe:
    """The recipe of an item; ``tools`` and ``pythons`` are as for `plan_items`."""
    used = {version: pythons[version] for version in set(plan.bytecode.values())}
    return Recipe(
        _item_name(plan.package),
        "debian-package",
        tuple(sorted(plan.references)),
        {**plan.parameters(), "tools": dict(tools), "pythons": used},
    )


def _linked(
    name: str, linkings: Mapping[str, Linking], paths: Mapping[str, StorePath]
) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    def text(place: PackagePath) -> str:
        # What closes a circle is left to the running system, where every package's files are in /usr.
        top = SELF if place.package == name else paths.get(place.package, "/usr")
        return f"{top}/{place.path}"

    return {
        path: (
            None if linking.interpreter is None else text(linking.interpreter),
            tuple(text(entry) if isinstance(entry, PackagePath) else entry for entry in linking.runpath),
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


def _links(wanted: Mapping[str, str | PackagePath], paths: Mapping[str, StorePath]) -> dict[str, str]:
    targets = {}
    for path, target in wanted.items():
        if isinstance(target, str):
            targets[path] = target
        elif target.package in paths:
            targets[path] = f"{paths[target.package]}/{target.path}"
        else:
            targets[path] = f"/usr/{target.path}"
    return targets


def _item_name(package: Package) -> str:
    """Name and version, without the epoch, in the letters that a store path can have."""
    version = package.version.partition(":")[2] or package.version
    return _FOREIGN.sub("-", f"{package.name}-{version}")
