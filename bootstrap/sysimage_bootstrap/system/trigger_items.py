"""The store items with what triggers' programs make of all packages together, shown below /usr."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import MachineError
from sysimage.notices import notice
from sysimage.store.items import StoreItem
from sysimage_bootstrap.store import ItemStore, Recipe
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.triggers.icon_cache import icon_caches
from sysimage_bootstrap.triggers.merged_tree import MergedTree
from sysimage_bootstrap.triggers.program_triggers import TRIGGERS, Assemble, ProgramTrigger, inputs, make, trigger_for

_FORMAT = 1
"""Increase this number when the same inputs give other bytes."""


def trigger_items(
    tree: MergedTree, packages: Sequence[Installed], assemble: Assemble, triplet: str, store: ItemStore
) -> tuple[StoreItem, ...]:
    """An item for each trigger whose program is among the packages, and that has something to read, and one for the
    caches of icons; ``triplet`` is the system's directory of libraries.

    Modules are of the system's architecture. Where this machine has another, and not the same modules for it, what they
    are is not written down: programs look at the modules themselves, or do without.
    """
    found = []
    for trigger in (trigger_for(trigger, triplet) for trigger in TRIGGERS):
        owner = next((package for package in packages if re.fullmatch(trigger.package, package.name)), None)
        if owner is None:
            continue
        if read := inputs(trigger, tree):
            try:
                found.append(_item(trigger, owner, read, assemble, store))
            except MachineError as error:
                if not trigger.modules:
                    raise
                notice(f"the image has no {trigger.modules}: {error.message}")
    if caches := icon_caches(tree):
        found.append(_written_item("icon-caches", caches, store))
    return tuple(found)


def _written_item(name: str, files: Mapping[str, bytes], store: ItemStore) -> StoreItem:
    """An item of files that no program has to write, by their paths below /usr."""
    recipe = Recipe(name, "trigger", (), {path: str(Digest.of(content)) for path, content in files.items()})

    def build(top: Path) -> None:
        for path, content in files.items():
            place = top / path.removeprefix("/usr/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)

    return store.realise(recipe, build)


def _item(
    trigger: ProgramTrigger, owner: Installed, read: Mapping[str, bytes], assemble: Assemble, store: ItemStore
) -> StoreItem:
    recipe = Recipe(
        trigger.name,
        "trigger",
        (),
        {
            "format": _FORMAT,
            "program": [owner.name, owner.facts.version],
            "read": {path: str(Digest.of(content)) for path, content in read.items()},
        },
    )

    def build(top: Path) -> None:
        modules = [f"{trigger.directory}/{path}" for path in read] if trigger.modules else []
        with assemble(trigger.name, (trigger.program, *modules)) as program:
            top.mkdir()
            make(trigger, read, program, top)

    return store.realise(recipe, build)
