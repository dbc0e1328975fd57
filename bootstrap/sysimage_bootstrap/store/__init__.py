"""The store that the items made of packages are in, and the recipes that their paths follow from."""

from sysimage_bootstrap.store.item_store import BuiltItem, ItemStore
from sysimage_bootstrap.store.recipe import Recipe

__all__ = ["BuiltItem", "ItemStore", "Recipe"]
