"""What a slim item leaves out of its package: a filter over inventories, before anything is planned.

All later steps see only the smaller packages: a reference from an omitted file alone does not count.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sysimage_bootstrap.debian.slim import CHARACTER_SETS, COMMON_CHARACTER_SETS, GUILE, Slim
from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.planning.guile_modules import OF_GUILE, unneeded_modules

_C_LIBRARY, _ICONV = "libc6", "libc-bin"
"""The package with the character sets, and that with the program ``iconv``."""
LeftOutPaths = Mapping[str, str]
"""Path in the item → why it is left out."""


def left_out(inventories: Mapping[str, Inventory], slim: Slim) -> dict[str, dict[str, str]]:
    """By package, what its item leaves out; packages that stay whole are not in it."""
    found: dict[str, dict[str, str]] = {}
    for package, inventory in inventories.items():
        for path in _paths(inventory):
            kind = slim.leaves_out(package, path)
            if kind is not None:
                found.setdefault(package, {})[path] = kind
    asked = [inventories[package] for package in slim.asked & inventories.keys()]
    if GUILE not in slim.used and not any(map(_uses_guile, asked)):
        _add(found, unneeded_modules(inventories, slim.modules), GUILE)
    if CHARACTER_SETS not in slim.used and not any(map(_uses_character_sets, asked)):
        _add(found, _character_sets(inventories), CHARACTER_SETS)
    return found


def without(inventory: Inventory, paths: LeftOutPaths) -> Inventory:
    """The inventory of what is left of a package."""
    if not paths:
        return inventory
    return replace(
        inventory,
        files=tuple(path for path in inventory.files if path not in paths),
        links={path: target for path, target in inventory.links.items() if path not in paths},
        root_links=frozenset(inventory.root_links - paths.keys()),
        linked={path: elf for path, elf in inventory.linked.items() if path not in paths},
        scripts={path: line for path, line in inventory.scripts.items() if path not in paths},
        attributes={path: found for path, found in inventory.attributes.items() if path not in paths},
        conffiles=tuple(
            path for path in inventory.conffiles if path.removeprefix("/").removeprefix("usr/") not in paths
        ),
    )


def _uses_guile(inventory: Inventory) -> bool:
    return OF_GUILE.fullmatch(inventory.package) is not None or _mentions(inventory, "guile")


def _uses_character_sets(inventory: Inventory) -> bool:
    """Whether a program of it may want any: those of a UTF-8 locale alone are in the C library."""
    if inventory.package == _C_LIBRARY:
        return False  # it has what the others call
    own = inventory.package == _ICONV
    return own or _mentions(inventory, "iconv") or any(elf.converts for elf in inventory.linked.values())


def _mentions(inventory: Inventory, word: str) -> bool:
    return any(word in words for words in inventory.words.values())


def _paths(inventory: Inventory) -> Iterable[str]:
    yield from inventory.files
    yield from inventory.links


def _add(found: dict[str, dict[str, str]], paths: Mapping[str, Iterable[str]], kind: str) -> None:
    for package, those in paths.items():
        for path in those:
            found.setdefault(package, {}).setdefault(path, kind)


def _character_sets(inventories: Mapping[str, Inventory]) -> dict[str, list[str]]:
    """The modules of the C library's iconv that only rare character sets need."""
    found: dict[str, list[str]] = {}
    inventory = inventories.get(_C_LIBRARY)
    for path in _paths(inventory) if inventory is not None else ():
        directory, name = posixpath.split(path)
        if directory.endswith("/gconv") and name.endswith(".so") and name not in COMMON_CHARACTER_SETS:
            found.setdefault(_C_LIBRARY, []).append(path)
    return found
