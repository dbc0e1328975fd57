"""Reading store items from where a store's owner keeps or prints them."""

from sysimage.store.query.facts import Catalogue, PathFacts, StoreSourceError
from sysimage.store.query.items import FoundItems, find_items
from sysimage.store.query.measured import Memory
from sysimage.store.query.open import open_catalogue, read_store

__all__ = [
    "Catalogue",
    "FoundItems",
    "Memory",
    "PathFacts",
    "StoreSourceError",
    "find_items",
    "open_catalogue",
    "read_store",
]
