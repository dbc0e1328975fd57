"""Store items made of packages, and the store that keeps them."""

from sysimage_bootstrap.items.item_store import ItemStore, Made
from sysimage_bootstrap.items.recipe import Recipe

__all__ = ["ItemStore", "Made", "Recipe"]
