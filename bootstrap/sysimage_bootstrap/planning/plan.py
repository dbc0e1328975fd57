"""From inventories to recipes: what each item will be, where it will be, and what it will refer to. Opens no package.

Store paths follow from recipes alone, so every path is known before anything is built, and a recipe holds the plan of
its item whole: a decision that comes out differently gives another path.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from sysimage.errors import Issue, SysimageError
from sysimage_bootstrap.archive.dependencies import reachable
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.debian.architectures import ELF_TARGETS, ElfTarget
from sysimage_bootstrap.debian.slim import Slim
from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.planning.alternatives import alternative_targets
from sysimage_bootstrap.planning.cycles import Edge, Strength, break_cycles, dependencies_first
from sysimage_bootstrap.planning.item_plan import PlannedItem, WantedReferences, item_plan, recipe_of
from sysimage_bootstrap.planning.linking import is_plugin, linkings, required_files
from sysimage_bootstrap.planning.shebangs import shebangs
from sysimage_bootstrap.planning.slim import left_out, without
from sysimage_bootstrap.planning.symlinks import symlink_targets
from sysimage_bootstrap.planning.undeclared_dependencies import require_declared_needs
from sysimage_bootstrap.planning.union_tree import PackagePath, UnionTree

_FILES = 3
"""Files that lack the same library and are named one by one, at most."""


@dataclass(frozen=True, slots=True)
class SystemPlan:
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
    slim: Slim | None = None,
    unmet: Collection[str] = (),
) -> SystemPlan:
    """Plan an item for every package.

    ``dependencies`` are Debian's dependencies, by package name; ``tools`` name and version of what builds; ``pythons``
    map each Python that modules are compiled for (``3.13``) to the version of its package. With ``slim``, items lack
    what it leaves out. ``unmet`` are packages with a dependency that nothing meets: a library that no package holds,
    and that one of them or of those that need them wants, is a `SysimageError`, all of them at once; a program that no
    package declares, an `UndeclaredNeedsError`.
    """
    absent = {}
    if slim is not None:
        require_declared_needs(inventories, slim)
        absent = left_out(inventories, slim)
    inventories = {name: without(inventory, absent.get(name, {})) for name, inventory in inventories.items()}
    namespace = UnionTree(inventories)
    choice = alternative_targets(inventories, namespace, architecture, alternatives)
    wanted = _wanted_by_all(
        inventories, dependencies, namespace, ELF_TARGETS[architecture], choice, _incomplete(dependencies, unmet)
    )
    edges = _edges(wanted, dependencies, inventories, ELF_TARGETS[architecture])
    given_up = break_cycles(edges)
    kept: dict[str, list[str]] = {name: [] for name in packages}
    for source, target in edges.keys() - given_up:
        kept[source].append(target)
    items: dict[str, PlannedItem] = {}
    for name in dependencies_first(kept):
        paths = {target: items[target].path for target in kept[name]}
        bytecode = _bytecode(inventories[name], namespace, pythons)
        plan = item_plan(
            packages[name], dependencies.get(name, ()), wanted[name], bytecode, absent.get(name, {}), paths
        )
        recipe = recipe_of(plan, tools, pythons)
        items[name] = PlannedItem(plan, recipe, recipe.path(store_dir))
    return SystemPlan(items, tuple(sorted(edge for edge in given_up if edge[0] != edge[1])))


class MissingLibrariesError(SysimageError):
    """Packages need libraries that no package holds."""


def _wanted_by_all(
    inventories: Mapping[str, Inventory],
    dependencies: Mapping[str, tuple[str, ...]],
    namespace: UnionTree,
    target: ElfTarget,
    choice: Mapping[str, str],
    incomplete: Collection[str],
) -> dict[str, WantedReferences]:
    """What each package would refer to; a `SysimageError` names every library that no package holds."""
    wanted: dict[str, WantedReferences] = {}
    issues: list[Issue] = []
    needed = frozenset(
        library for inventory in inventories.values() for elf in inventory.linked.values() for library in elf.needed
    )
    for name, inventory in sorted(inventories.items()):
        needs = dependencies.get(name, ())
        required = required_files(inventory, needed, complete=name not in incomplete)
        linked, missing = linkings(inventory, namespace, needs, target, required)
        issues += missing
        wanted[name] = WantedReferences(
            linked, shebangs(inventory, namespace, choice), symlink_targets(inventory, namespace, needs)
        )
    if issues:
        raise MissingLibrariesError(
            "cannot link the packages: libraries are missing",
            hint="what holds them is excluded: do not exclude it, or leave out the packages that need them",
            issues=_joined(issues),
        )
    return wanted


def _joined(issues: list[Issue]) -> list[Issue]:
    """The issues, where one library that many files lack is one of them: it names the first file."""
    files: dict[str, list[Issue]] = {}
    for issue in issues:
        files.setdefault(issue.message, []).append(issue)
    return [
        one
        for group in files.values()
        for one in (
            group
            if len(group) <= _FILES
            else [replace(group[0], where=f"{group[0].where} and {len(group) - 1} more files")]
        )
    ]


def _incomplete(dependencies: Mapping[str, tuple[str, ...]], unmet: Collection[str]) -> frozenset[str]:
    """The packages that lack a dependency, and all that need them, over any number of steps."""
    needed_by: dict[str, list[str]] = {}
    for name, targets in dependencies.items():
        for needed in targets:
            needed_by.setdefault(needed, []).append(name)
    return reachable(unmet, needed_by)


def _edges(
    wanted: Mapping[str, WantedReferences],
    dependencies: Mapping[str, tuple[str, ...]],
    inventories: Mapping[str, Inventory],
    target: ElfTarget,
) -> dict[Edge, Strength]:
    """The strongest reason for each reference."""
    edges: dict[Edge, Strength] = {}

    def add(source: str, needed: str, strength: Strength) -> None:
        if source != needed:
            edges[source, needed] = max(strength, edges.get((source, needed), Strength.DECLARED))

    for name, want in wanted.items():
        for needed in dependencies.get(name, ()):
            add(name, needed, Strength.DECLARED)
        for target_place in want.links.values():
            if isinstance(target_place, PackagePath):
                add(name, target_place.package, Strength.LINK)
        for shebang in want.shebangs.values():
            add(name, shebang.interpreter.package, Strength.SHEBANG)
        for path, linking in want.linkings.items():
            strength = Strength.PLUGIN if is_plugin(inventories[name], path, target) else Strength.LINKED
            for place in (linking.interpreter, *linking.runpath):
                if isinstance(place, PackagePath):
                    add(name, place.package, strength)
    return edges


def _bytecode(inventory: Inventory, namespace: UnionTree, pythons: Mapping[str, str]) -> dict[str, str]:
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
