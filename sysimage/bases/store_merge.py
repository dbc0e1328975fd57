"""The store of a base image and ours become one: its items are registered too, and none is written twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from sysimage.bases.base_image import BaseImage, BaseImageError
from sysimage.closure import Closure
from sysimage.errors import Issue
from sysimage.layerplan import LayerPlan
from sysimage.rootfs.tree import Entry
from sysimage.rules.paths import as_parts
from sysimage.spec.model import Store


def merged(closure: Closure, base: BaseImage, store: Store) -> Closure:
    """Everything that the image's database is to list. A `BaseImageError` names paths that the two have differently."""
    if not base.layers:
        return closure  # as it is, derivers included
    other = [state for state in base.state_dirs if state != store.state_dir]
    if other:
        raise BaseImageError(
            f"cannot merge store databases: the base's is in {', '.join(other)}, this image's in {store.state_dir}",
            hint='say "store": {"kind": …} as the base has it, or "database": false',
        )
    issues = [
        Issue(str(item.path), f"has the NAR hash {item.nar_hash} in the base, {closure[item.path].nar_hash} here")
        for item in base.items
        if item.path in closure and closure[item.path].nar_hash != item.nar_hash
    ]
    if issues:
        raise BaseImageError(
            f"cannot build on {base.path}: items of its store are not those of the same path here",
            hint="an item was built twice with different results; build on a base made from this store",
            issues=issues,
        )
    return Closure([*closure, *(item for item in base.items if item.path not in closure)], closure.roots)


def without_items_of(base: BaseImage, plan: LayerPlan, closure: Closure) -> LayerPlan:
    """The plan without the items that the base's layers have, which `merged` has found to be the same."""
    there = {item.path for item in base.items}
    layers = []
    for layer in plan.layers:
        paths = tuple(path for path in layer.paths if path not in there)
        if paths:
            layers.append(replace(layer, paths=paths, nar_size=sum(closure[path].nar_size for path in paths)))
    return replace(plan, layers=tuple(layers))


def roots_of(base: BaseImage, store: Store) -> Iterator[Entry]:
    """GC roots for items that only we register: without them, the first collection would delete the base's program."""
    wanted = {reference for item in base.items for reference in item.references if reference != item.path}
    directory = f"{store.state_dir}/gcroots/base"
    found = [path for path in base.unregistered if path not in wanted]
    if found:
        yield Entry.directory(directory, 0o755, store.uid, store.gid)
    for path in found:
        yield Entry.symlink(f"{directory}/{path.hash_part}", str(path), store.uid, store.gid)


def closed_database(base: BaseImage, store: Store) -> Iterator[Entry]:
    """Empty files in place of the logs of a database that was in use: the image's own database has all they hold."""
    for suffix in ("-wal", "-shm"):
        path = f"{store.state_dir}/db/db.sqlite{suffix}"
        node = base.tree.find(as_parts(path))
        if node is not None:
            yield Entry.file(path, b"", 0o644, store.uid, store.gid)


def generation_on(base: BaseImage, store: Store) -> int:
    """The number of the generation after that of the base."""
    node = base.tree.find(as_parts(f"{store.state_dir}/profiles"))
    numbers = [0]
    for name in node.children if node is not None else ():
        if match := re.fullmatch(rb"system-([0-9]{1,9})-link", name):
            numbers.append(int(match[1]))
    return max(numbers) + 1
