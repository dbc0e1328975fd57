"""The customization layer: the root file system around the store, with the store's own database in it."""

from __future__ import annotations

from collections.abc import Iterable

from sysimage.closure import Closure
from sysimage.rootfs.provision import provision
from sysimage.rootfs.system import SystemResult
from sysimage.rootfs.tree import Entry, RootTree
from sysimage.spec.model import StoreKind, SystemSpec
from sysimage.store.database import Schema, store_database


def customization(
    spec: SystemSpec,
    system: SystemResult,
    closure: Closure,
    registered: Closure,
    *,
    accounts: Iterable[Entry],
    generation: int = 1,
) -> RootTree:
    """Everything in the image except store items.

    ``registered`` is what the store database lists: the closure, and what a base image has in the same store.
    ``accounts`` are the files that hold them. ``generation`` is the number under which the system is registered. Errors
    as in `provision`.
    """
    schema = Schema.GUIX if spec.store.kind is StoreKind.GUIX else Schema.NIX
    database = store_database(registered, schema) if spec.store.database else None
    return provision(spec, system.system, closure, accounts, system.entries, database, generation=generation)
