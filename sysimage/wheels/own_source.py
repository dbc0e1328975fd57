"""The user's own Python code beside the wheels: a tree that is importable, with byte code."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sysimage.spec.trees import Tree
from sysimage.store.items import ShownFiles, StoreItem
from sysimage.trees.items import TreeStore
from sysimage.trees.selection import Selection
from sysimage.wheels.items import TOP, WheelItems
from sysimage_bootstrap.store import BuiltItem, Recipe

PLACE = f"{TOP}/lib/python"
"""What the tree is called in lock files and messages; which Python has it is not known when it is read."""
_LEFT_OUT = ("__pycache__", "*.py[co]", ".venv", "*.egg-info", ".pytest_cache", ".mypy_cache", ".ruff_cache")
_FORMAT = 1
"""Increased when the same source gives other bytes."""


def selection_of(source: str, spec_dir: Path, allowed: tuple[str, ...]) -> Selection:
    """The files that are taken from a source: all except those that Python and its tools leave in it."""
    return Selection.of(PLACE, Tree(source=source, exclude=_LEFT_OUT), spec_dir, allowed)


def own_source(selection: Selection, trees: TreeStore, items: WheelItems) -> Iterator[StoreItem]:
    """The items of a source, which has its modules where those of wheels are."""
    for tree in trees.items(selection):
        inputs = {
            "contents": tree.nar_hash.hex,
            "references": [str(path) for path in tree.references],
            "python": items.target.package_version,
            "top": TOP,
            "builder": _FORMAT,
        }
        part = tree.path.name.partition("+")[2]
        recipe = Recipe(f"python-source+{part}" if part else "python-source", "python-source", (), inputs)

        def build(draft: Path, tree: StoreItem = tree) -> BuiltItem:
            top = draft / items.modules
            shutil.copytree(tree.place, top, symlinks=True)
            for directory in (top, *(one for one in top.rglob("*") if one.is_dir() and not one.is_symlink())):
                directory.chmod(0o755)
            modules = [str(one.relative_to(draft)) for one in top.rglob("*.py")]
            if modules:
                items.compiler().compile(draft, modules, top=TOP)
            return BuiltItem("python-source")

        made = items.store.realise(recipe, build, mentions=tree.references)
        yield replace(made, shown=ShownFiles(top=TOP))
