"""Inventories of packages, kept so that a package is unpacked once."""

from __future__ import annotations

from pathlib import Path

from sysimage.files.code_digest import code_digest
from sysimage.files.codec import Codec
from sysimage.files.memo import Memo
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.debs.unpack import unpack

INVENTORIES = "var/sysimage/packages/inventories"
"""Where the inventories of a store are kept below its root."""
_CODEC = Codec(Inventory)


class InventoryCache:
    """The inventories that were taken in an item store below ``root``."""

    def __init__(self, root: Path) -> None:
        self._memo = Memo(root / INVENTORIES, made_by=code_digest(unpack), most=None)

    def find(self, package: Package) -> Inventory | None:
        """The inventory of a package; None if it has to be unpacked."""
        text = self._memo.find(package.digest.hex)
        inventory = None if text is None else _CODEC.loads(text)
        return inventory if inventory is not None and inventory.package == package.name else None

    def sweep(self) -> None:
        """Remove what processes that were ended while they kept an inventory have left."""
        self._memo.sweep()

    def unpack(self, deb: Path, package: Package, unpacked: Path) -> Inventory:
        """Unpack a package below ``unpacked``, and keep its inventory."""
        inventory = unpack(deb, unpacked / package.digest.hex, package)
        self._memo.keep(package.digest.hex, _CODEC.dumps(inventory))
        return inventory
