"""Inventories of packages, from the cache; packages that the cache lacks are unpacked, in several processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sysimage.files.temporary import swept_after_error
from sysimage.progress import Progress
from sysimage.workers import Pool, Report
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.debs.inventory_cache import InventoryCache

_STAGE = "unpack"


@dataclass(frozen=True, slots=True)
class Inventories:
    """The inventories of packages that were unpacked before, and where the other packages are unpacked."""

    known: InventoryCache
    unpacked: Path
    """The directory of unpacked packages, by digest; they stay there until their items are made."""
    workers: int

    def of(
        self, debs: Mapping[Package, Path], packages: Mapping[str, Package], progress: Progress
    ) -> dict[str, Inventory]:
        """What each package holds, by name; those that have to be unpacked are, the largest first."""
        found: dict[str, Inventory] = {}
        unknown = []
        for name in sorted(packages):
            inventory = self.known.find(packages[name])
            if inventory is None:
                unknown.append(packages[name])
            else:
                found[name] = inventory
        unknown.sort(key=lambda package: (-package.size, package.name))
        files = {package: debs[package] for package in unknown}

        def unpack(package: Package, report: Report) -> Inventory:
            return self.known.unpack(files[package], package, self.unpacked)

        with (
            swept_after_error(self.known.sweep),
            Pool(self.workers, unpack, what="unpack packages", name=lambda package: package.name) as pool,
        ):
            if unknown:
                progress(_STAGE, 0, len(unknown), at=unknown[0].name)
            for package in unknown:
                pool.submit(package)
            for done in range(1, len(unknown) + 1):
                package, inventory = pool.done()
                found[package.name] = inventory
                at_work = next((one.name for one in unknown if one.name not in found), "")
                progress(_STAGE, done, len(unknown), at=at_work)
        return found
