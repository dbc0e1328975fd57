"""Inventories of packages, from the cache or by unpacking what is not there, in several processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sysimage.progress import Progress
from sysimage.workers import Pool, Report
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.building.make import unpack_with_inventory
from sysimage_bootstrap.debs.inventory import Inventory, read_inventory


@dataclass(frozen=True, slots=True)
class Inventories:
    """The cache of inventories, and where the packages that it lacks are unpacked."""

    cache: Path
    """The directory of inventories, by the packages' digests."""
    unpacked: Path
    """The directory of unpacked packages, by digest too; they stay there until their items are made."""
    workers: int

    def of(
        self, debs: Mapping[Package, Path], packages: Mapping[str, Package], progress: Progress
    ) -> dict[str, Inventory]:
        """What each package holds, by name; those that have to be unpacked are, the largest first."""
        found: dict[str, Inventory] = {}
        unknown = []
        for name in sorted(packages):
            inventory = read_inventory(self.cache / packages[name].digest.hex)
            if inventory is None or inventory.package != name:
                unknown.append(packages[name])
            else:
                found[name] = inventory
        unknown.sort(key=lambda package: (-package.size, package.name))
        files = {package: debs[package] for package in unknown}

        def unpack(package: Package, report: Report) -> Inventory:
            return unpack_with_inventory(files[package], package, self.unpacked, self.cache)

        with Pool(self.workers, unpack, what="unpack packages", name=lambda package: package.name) as pool:
            for package in unknown:
                pool.submit(package)
            for done in range(1, len(unknown) + 1):
                package, inventory = pool.done()
                found[package.name] = inventory
                progress("unpack", done, len(unknown))
        return found
