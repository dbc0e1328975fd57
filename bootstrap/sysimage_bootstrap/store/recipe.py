"""Recipes: everything that an item's content depends on, and so its path."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sysimage.store.paths import StorePath, make_store_path

RECIPE_VERSION = 1
"""Increase this number when the same inputs and parameters give other bytes."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an item is made of. Two recipes that say the same give the same path."""

    name: str
    """The item's name: the letters a store path allows, ``[A-Za-z0-9+._?=-]``."""
    kind: str
    """Which builder makes it, such as ``debian-package`` or ``system``."""
    inputs: tuple[StorePath, ...] = ()
    """The items it may refer to, directly or through their references. Order does not matter."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Everything else that shapes it, as JSON can say it: digests of sources, versions of tools, choices."""

    def digest(self) -> bytes:
        """SHA-256 (32 bytes) of the recipe in canonical JSON; a TypeError or ValueError if JSON cannot say it."""
        text = json.dumps(
            {
                "version": RECIPE_VERSION,
                "name": self.name,
                "kind": self.kind,
                "inputs": sorted({str(path) for path in self.inputs}),
                "parameters": self.parameters,
            },
            ensure_ascii=True,
            allow_nan=False,
            sort_keys=True,
            separators=(",", ":"),
        )
        return hashlib.sha256(text.encode("ascii")).digest()

    def path(self, store_dir: str) -> StorePath:
        """The item's path in a store; a ValueError if a store path cannot have the name."""
        return make_store_path(store_dir, "output:out", self.digest(), self.name)
