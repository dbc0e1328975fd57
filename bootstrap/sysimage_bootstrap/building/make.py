"""Makes one item as planned: the work that several processes share."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sysimage.errors import IntegrityError, Issue
from sysimage.rules.packages import STANZAS
from sysimage.store.items import StoreItem
from sysimage.store.md5sums import md5sums
from sysimage_bootstrap.building.bytecode import Compiler
from sysimage_bootstrap.building.relink import check, rewrite
from sysimage_bootstrap.building.rewrite_shebang import rewrite_shebang
from sysimage_bootstrap.debian.architectures import ElfTarget
from sysimage_bootstrap.debs.inventory import OWN_SHARE, Inventory
from sysimage_bootstrap.debs.inventory_cache import InventoryCache
from sysimage_bootstrap.debs.unpack import unpack
from sysimage_bootstrap.planning.item_plan import SELF, PlannedItem
from sysimage_bootstrap.planning.slim import without
from sysimage_bootstrap.planning.symlinks import links_in_usr
from sysimage_bootstrap.store.item_store import BuiltItem, ItemStore

PROPAGATED = f"{OWN_SHARE}/propagated-inputs"
"""The directory of an item that holds a file, named like the package, with a store path on each line."""


@dataclass(frozen=True, slots=True)
class BuildEnvironment:
    """What every item is made with."""

    store: ItemStore
    target: ElfTarget
    patchelf: Path
    compilers: Mapping[str, Compiler]
    """By Python, such as ``3.13``."""
    unpacked: Path
    """The directory with packages that this run has unpacked already, by digest."""
    inventories: InventoryCache


def make_item(environment: BuildEnvironment, planned: PlannedItem, deb: Path) -> StoreItem:
    """The item in the store, made if it is not there; its inputs must be."""

    def build(draft: Path) -> BuiltItem:
        package = planned.plan.package
        tree = environment.unpacked / package.digest.hex
        inventory = environment.inventories.find(package) if tree.is_dir() else None
        if inventory is None:
            inventory = unpack(deb, draft, package)
        else:
            tree.rename(draft)
        left_out = _leave_out(draft, planned.plan.left_out, planned.plan.links)
        inventory = without(inventory, planned.plan.left_out)
        _fill(draft, planned, environment)
        _describe(draft, inventory)
        missing = {path: list(names) for path, names in planned.plan.missing.items()}
        links = links_in_usr(inventory, planned.plan.links)
        facts = {
            **inventory.facts(),
            "missing": missing,
            "left_out": left_out,
            "links": links,
            "md5sums": md5sums(draft),
        }
        return BuiltItem(package.source, inventory.changed, facts, planned.plan.references)

    return environment.store.realise(planned.recipe, build)


def _describe(draft: Path, inventory: Inventory) -> None:
    """Let the item say of which package it is."""
    place = draft / STANZAS / inventory.package
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(inventory.stanza, encoding="utf-8")


def _leave_out(draft: Path, paths: Mapping[str, str], links: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Take away what a slim item lacks, and directories that held nothing else; returns path → why, and bytes.

    No symlink is there yet; ``links`` are those that will be.
    """
    sizes = {}
    for path, kind in sorted(paths.items()):
        file = draft / path
        is_file = file.is_file()
        sizes[path] = (kind, file.stat().st_size if is_file else 0)
        file.unlink(missing_ok=not is_file)
    for directory in sorted(_above(paths) - _above(links), reverse=True):  # each before the one that holds it
        with contextlib.suppress(OSError):  # it is not empty
            (draft / directory).rmdir()
    return sizes


def _above(paths: Iterable[str]) -> set[PurePosixPath]:
    """The directories of an item that hold the paths."""
    return {parent for path in paths for parent in PurePosixPath(path).parents if parent.name}


def _fill(draft: Path, planned: PlannedItem, environment: BuildEnvironment) -> None:
    plan, own = planned.plan, str(planned.path)
    if plan.propagated:
        (draft / PROPAGATED).mkdir(parents=True)
        lines = "".join(f"{path}\n" for path in plan.propagated)
        (draft / PROPAGATED / plan.package.name).write_text(lines, encoding="ascii")
    for path, line in plan.scripts.items():
        rewrite_shebang(draft / path, line.replace(SELF, own))
    for python in sorted(set(plan.bytecode.values())):
        environment.compilers[python].compile(draft, [path for path, by in plan.bytecode.items() if by == python])
    _relink(draft, planned, environment)
    for path, target in plan.links.items():
        (draft / path).symlink_to(target)
    _check(draft, planned, environment)


def _relink(draft: Path, planned: PlannedItem, environment: BuildEnvironment) -> None:
    """Rewrite all files that get the same interpreter and RUNPATH in one go."""
    groups: dict[tuple[str | None, tuple[str, ...]], list[Path]] = {}
    for path, linking in planned.plan.linked.items():
        groups.setdefault(linking, []).append(draft / path)
    own = str(planned.path)
    for (interpreter, runpath), files in groups.items():
        texts = [entry.replace(SELF, own) for entry in runpath]
        rewrite(environment.patchelf, files, interpreter and interpreter.replace(SELF, own), texts)


def _check(draft: Path, planned: PlannedItem, environment: BuildEnvironment) -> None:
    own = str(planned.path)
    places = {str(path): environment.store.location(path) for path in planned.plan.references}
    places[own] = draft
    issues = [
        Issue(path, fault)
        for path, (interpreter, _) in planned.plan.linked.items()
        for fault in check(
            draft / path,
            posixpath.dirname(f"{own}/{path}"),
            places,
            interpreter and interpreter.replace(SELF, own),
            environment.target,
            planned.plan.missing.get(path, ()),
        )
    ]
    if issues:
        raise IntegrityError(f"cannot make {own}: not every file would run from the store", issues=issues)
