"""Reading store items from where a store's owner keeps or prints them."""

from sysimage.store.query.catalogue import Catalogue, PathInfo, StoreSourceError
from sysimage.store.query.item_measurements import MeasurementOptions
from sysimage.store.query.items import FoundItems, find_items
from sysimage.store.query.open import open_catalogue, read_store

__all__ = [
    "Catalogue",
    "FoundItems",
    "MeasurementOptions",
    "PathInfo",
    "StoreSourceError",
    "find_items",
    "open_catalogue",
    "read_store",
]
