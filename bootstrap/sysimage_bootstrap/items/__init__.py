"""Store items made of packages, and the store that keeps them. `sysimage_bootstrap.items.build` makes them."""

from sysimage_bootstrap.items.inventory import PackageFacts
from sysimage_bootstrap.items.item_store import ItemStore, Made
from sysimage_bootstrap.items.recipe import Recipe

__all__ = ["ItemStore", "Made", "PackageFacts", "Recipe"]
