"""The item of the system itself: what it consists of, its declaration, and the texts that boot it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage.digest import Digest
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.store import ItemStore, Recipe
from sysimage_bootstrap.system.generated_items import GENERATED_ITEMS_VERSION
from sysimage_bootstrap.system.scheme import OwnPathText

_ANY_PATH = "SYSTEM"
"""Stands for the item's own path where the path follows from the texts."""


@dataclass(frozen=True, slots=True)
class SystemFile:
    """A file of the system item."""

    text: OwnPathText
    mode: int = 0o644

    def digest(self) -> str:
        """Of what it holds, wherever the item is."""
        return str(Digest.of(json.dumps([self.text.at(_ANY_PATH), self.mode]).encode()))

    def write(self, path: Path, system: StorePath) -> None:
        path.write_text(self.text.at(str(system)), encoding="utf-8")
        path.chmod(self.mode)


def system_item(
    packages: Sequence[StorePath],
    etc: StorePath,
    files: Mapping[str, SystemFile],
    document: bytes,
    *,
    inputs: tuple[StorePath, ...],
    gc_roots: tuple[StorePath, ...],
    store: ItemStore,
) -> StoreItem:
    """The system of some ``packages`` and an ``etc``; ``document`` is what it was declared to be.

    ``inputs`` are the other items that ``files`` mention, ``gc_roots`` those that the system keeps although it mentions
    them nowhere else.
    """
    recipe = Recipe(
        "system",
        "system",
        tuple(sorted({*packages, etc, *inputs, *gc_roots})),
        {
            "format": GENERATED_ITEMS_VERSION,
            "document": str(Digest.of(document)),
            "contents": {name: file.digest() for name, file in files.items()},
        },
    )
    own = store.path_of(recipe)

    def build(top: Path) -> None:
        top.mkdir()
        # Nothing else may mention a package: this keeps it alive.
        (top / "packages").write_text("".join(f"{path}\n" for path in sorted(packages)), encoding="ascii")
        (top / "etc").symlink_to(str(etc))
        (top / "profile").symlink_to("/usr")  # where a Guix system has its programs
        (top / "system.json").write_bytes(document)
        for name, file in files.items():
            file.write(top / name, own)
        (top / "gc-roots").mkdir()
        for number, path in enumerate(gc_roots):
            (top / "gc-roots" / str(number)).symlink_to(str(path))

    return store.realise(recipe, build)
