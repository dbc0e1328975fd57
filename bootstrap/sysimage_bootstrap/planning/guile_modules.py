"""Which of Guile's modules the init can come to load.

    libguile ─┐
    shepherd ─┼─▶ modules ─▶ modules that their sources name ─▶ …
    our own  ─┘

A module is compiled (``.go``) and has a source (``.scm``). Only the first is ever loaded where both are there, so
of what is needed the compiled ones stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sysimage_bootstrap.archive.dependencies import reachable
from sysimage_bootstrap.debs.inventory import Inventory

_COMPILED = re.compile(r"lib/[^/]+/guile/[^/]+/(?:site-)?ccache/(?P<module>.+)\.go")
_SOURCE = re.compile(r"share/guile/(?:site/)?[0-9][^/]*/(?P<module>.+)\.(?:scm|sls)")
OF_GUILE = re.compile(r"guile-.*|libguile-.*|shepherd")
"""Packages that only the init uses, unless they, or others that need them, were asked for."""
_INIT = "shepherd"


def unneeded_modules(inventories: Mapping[str, Inventory], imported: Iterable[str]) -> dict[str, list[str]]:
    """By package, the files of modules that neither Guile itself, nor the Shepherd, nor ``imported`` can lead to, and
    the sources of all that are compiled."""
    packages = {name: inventory for name, inventory in inventories.items() if OF_GUILE.fullmatch(name)}
    if _INIT not in packages:
        return {}
    compiled = _by_module(packages, _COMPILED)
    mentioned: dict[str, set[str]] = {}
    wanted = set(imported)
    for name, inventory in packages.items():
        for path, modules in inventory.modules.items():
            source = _SOURCE.fullmatch(path)
            if source is None:  # the library itself
                wanted |= set(modules)
            else:
                mentioned.setdefault(source["module"], set()).update(modules)
        if name == _INIT:
            wanted |= _by_module({name: inventory}, _COMPILED).keys()
    needed = reachable(wanted & compiled.keys(), mentioned)
    found: dict[str, list[str]] = {}
    for package, inventory in packages.items():
        for path in (*inventory.files, *inventory.links):
            match = _COMPILED.fullmatch(path)
            source = _SOURCE.fullmatch(path)
            if (match and match["module"] not in needed) or (source and source["module"] in compiled):
                found.setdefault(package, []).append(path)
    return found


def _by_module(inventories: Mapping[str, Inventory], pattern: re.Pattern[str]) -> dict[str, str]:
    """Module → a file of it."""
    return {
        match["module"]: path
        for inventory in inventories.values()
        for path in (*inventory.files, *inventory.links)
        if (match := pattern.fullmatch(path))
    }
