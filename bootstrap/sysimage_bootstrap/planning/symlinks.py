"""Where the symlinks of an item lead: within it, into another item, or out of the store."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping

from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.planning.union_tree import PackagePath, UnionTree, in_usr, link_target


def symlink_targets(
    inventory: Inventory, namespace: UnionTree, dependencies: Collection[str]
) -> dict[str, str | PackagePath]:
    """Path of each symlink → its target: a relative one in its own item, a place in another, or an image path.

    ``/etc``, ``/dev`` and the like belong to the running system and stay. A target in ``/usr`` that no package holds
    is looked for in the running system's profile, where ``/usr`` leads.
    """
    return {path: _target(path, inventory, namespace, dependencies) for path in inventory.links}


def links_in_usr(inventory: Inventory, planned: Mapping[str, str]) -> dict[str, str]:
    """Path of each symlink → what Debian has there below /usr, where the item is ``planned`` to say something else."""
    found = {}
    for path, said in inventory.links.items():
        counts_from_root = path in inventory.root_links and not said.startswith("/")
        target = link_target(inventory, path) if counts_from_root else said
        if target != planned.get(path):
            found[path] = target
    return found


def _target(path: str, inventory: Inventory, namespace: UnionTree, dependencies: Collection[str]) -> str | PackagePath:
    said = inventory.links[path]
    image_path = link_target(inventory, path)
    inside = in_usr(image_path)
    if inside is None:
        stays = not said.startswith("/") and image_path.split("/")[1] == path.split("/")[0]
        return said if stays else image_path
    package = inventory.package
    found = namespace.find(inside, package) or namespace.find_directory(inside, package, dependencies)
    if found is None:
        return f"/usr/{inside}"
    if found.package != package:
        return found
    own_way = posixpath.normpath(posixpath.join(posixpath.dirname(path), said))
    return said if own_way == inside else posixpath.relpath(inside, posixpath.dirname(path) or ".")
