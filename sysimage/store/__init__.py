"""The functional package store: paths, items, their NARs, references and database."""

from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath

__all__ = ["StoreItem", "StorePath"]
