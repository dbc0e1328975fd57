"""The customization layer of an image on top of a base: its own entries, with a store database of both."""

from __future__ import annotations

from sysimage.bases.account_files import accounts_on
from sysimage.bases.base_image import BaseImage
from sysimage.bases.rows import rows_on
from sysimage.bases.shown_files import shown_on
from sysimage.bases.store_merge import closed_database, generation_on, merged, roots_of
from sysimage.bases.tree_on_base import place_on
from sysimage.closure import Closure
from sysimage.rootfs.customization import customization
from sysimage.rootfs.system import SystemResult
from sysimage.rootfs.tree import RootTree
from sysimage.spec.model import SystemSpec


def customization_on(base: BaseImage, spec: SystemSpec, system: SystemResult, closure: Closure) -> RootTree:
    """Everything of the image that is neither a store item nor in the base.

    A `BaseImageError` names what the base and the image have differently.
    """
    store = spec.store
    registered = merged(closure, base, store) if store.database else closure
    tree = customization(
        spec,
        system,
        closure,
        registered,
        accounts=accounts_on(base, system.accounts, spec),
        generation=generation_on(base, store),
    )
    additions = [*roots_of(base, store), *closed_database(base, store)] if store.database else []
    if base.layers:
        own = {entry.path for entry in tree}
        additions += [entry for entry in shown_on(base, closure) if entry.path not in own]
        tree = RootTree([*rows_on(base, tree), *additions])
    return place_on(tree, base, store)
