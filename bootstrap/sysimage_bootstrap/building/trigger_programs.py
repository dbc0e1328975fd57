"""The programs of triggers, out of packages of this machine's architecture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sysimage.files.temporary import scratch_directory
from sysimage.progress import Progress
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.building.assemble import Assembled, assemble
from sysimage_bootstrap.building.inventories import Inventories
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.debs.inventory_cache import InventoryCache
from sysimage_bootstrap.store.item_store import ItemStore
from sysimage_bootstrap.triggers.program_triggers import TRIGGERS

_TREE = "var/sysimage/packages"


def native_triggers(packages: Iterable[Package]) -> tuple[str, ...]:
    """What to ask the archive for, in this machine's architecture, when the packages are of another one."""
    patterns = [trigger.package for trigger in TRIGGERS]
    return tuple(
        f"{package.name}={package.version}"
        for package in packages
        if any(re.fullmatch(pattern, package.name) for pattern in patterns)
    )


@dataclass(frozen=True, slots=True)
class TriggerPrograms:
    """Makes programs runnable, each when it is asked for."""

    runnable: Mapping[Package, Path]
    """Files of packages that this machine runs; not looked at before a program is asked for."""
    architecture: str
    """This machine's."""
    store: ItemStore
    workers: int
    progress: Progress

    @contextmanager
    def assembled(self, what: str, needs: Sequence[str]) -> Iterator[Assembled]:
        """A program, for as long as the context is open; ``needs`` are as for `assemble`, with ``{triplet}``."""
        (self.store.root / _TREE).mkdir(parents=True, exist_ok=True)
        with scratch_directory(self.store.root / _TREE, "run-") as scratch:
            by_name = {package.name: package for package in self.runnable}
            source = Inventories(InventoryCache(self.store.root), scratch, self.workers)
            inventories = source.of(self.runnable, by_name, self.progress)
            triplet = ELF_TARGETS[self.architecture].triplet
            paths = [path.replace("{triplet}", triplet) for path in needs]
            yield assemble(what, paths, self.architecture, self.runnable, inventories, scratch / "program")
