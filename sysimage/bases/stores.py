"""The store of a base image and ours become one: its items are registered too, and none is written twice."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sysimage.bases.base_image import BaseImage, BaseImageError
from sysimage.closure import Closure
from sysimage.digest import Digest
from sysimage.errors import Issue
from sysimage.layerplan import LayerPlan
from sysimage.spec.model import Store
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage.verify.database import Row, read_database
from sysimage.verify.faults import Faults
from sysimage.verify.layer import LayerReading
from sysimage.verify.limits import Limits
from sysimage.verify.references import hash_parts
from sysimage.verify.store import STATE_DIRECTORIES, as_parts
from sysimage.verify.tree import FileTree, Parts

Measured = tuple[Digest, int, frozenset[str]]
"""NAR hash, NAR size in bytes, and the paths that an item refers to."""


def store_of_base(
    path: Path,
    tree: FileTree,
    readings: Sequence[LayerReading],
    captured: Mapping[Parts, bytes],
    store_dir: str,
    limits: Limits,
) -> tuple[tuple[str, ...], tuple[StoreItem, ...], frozenset[StorePath]]:
    """State directories with a database, the items in ``store_dir``, and those of them that were seen to be whole.

    What the base's database says is compared with the items' content. Items that it does not know are measured, as far
    as their layers have them in order; a `BaseImageError` names those that contradict it or cannot be measured.
    """
    state_dirs = tuple(state for state in STATE_DIRECTORIES if as_parts(f"{state}/db/db.sqlite") in captured)
    present = _present(tree, store_dir)
    rows: dict[str, Row] = {}
    for state in state_dirs:
        faults = Faults(limits.faults_per_rule)  # of order and form, which the merged database does not take over
        found = read_database(captured[as_parts(f"{state}/db/db.sqlite")], STATE_DIRECTORIES[state], state, faults)
        if found is None:
            raise BaseImageError(f"cannot read the store database of {path}", issues=faults.issues)
        rows |= {text: row for text, row in found.items() if text.rpartition("/")[0] == store_dir}
    measured = _measured(tree, readings, present)
    issues = []
    items = []
    for text, item_path in sorted(present.items()):
        item, fault = _item(item_path, rows.get(text), measured.get(text))
        if fault is not None:
            issues.append(Issue(text, fault))
        elif item is not None:
            items.append(item)
    issues += [Issue(text, "is in the base's database, but not in the base") for text in sorted(rows.keys() - present)]
    if issues:
        raise BaseImageError(f"cannot build on the store in {path}", issues=issues)
    return state_dirs, tuple(items), frozenset(item.path for item in items if str(item.path) in measured)


def _present(tree: FileTree, store_dir: str) -> dict[str, StorePath]:
    node = tree.find(as_parts(store_dir))
    found = {}
    for name in node.children if node is not None else ():
        text = f"{store_dir}/{name.decode('utf-8', 'surrogateescape')}"
        try:
            found[text] = StorePath.parse(text)
        except ValueError:
            continue  # a lock file, or the links of an optimised store
    return found


def _measured(
    tree: FileTree, readings: Sequence[LayerReading], present: Mapping[str, StorePath]
) -> dict[str, Measured]:
    """What was seen of items that one layer holds whole and in order."""
    known = {path.hash_part.encode(): text for text, path in present.items()}
    by_number = {reading.document.number: reading for reading in readings}
    found: dict[str, Measured] = {}
    for text in present:
        parts = as_parts(text)
        nodes = [node for _, node in tree.walk(parts)]
        numbers = {node.layer for node in nodes}
        reading = by_number.get(numbers.pop()) if len(numbers) == 1 else None
        item = reading.items.get(parts) if reading is not None else None
        if item is None or not item.nar.in_order or item.runs.overflowed or item.members != len(nodes):
            continue
        digest, size = item.nar.finish()
        found[text] = digest, size, frozenset(known[part] for part in hash_parts(item.runs.runs, known))
    return found


def _item(path: StorePath, row: Row | None, measured: Measured | None) -> tuple[StoreItem | None, str | None]:
    """The item, or what is wrong with it."""
    if row is None:
        if measured is None:
            return None, "is not in the base's database, and its layers do not have it whole and in order"
        digest, size, references = measured
    elif row.nar_hash is None or row.nar_size is None:
        return None, "is registered without a NAR hash or size in the base's database"
    else:
        digest, size, references = row.nar_hash, row.nar_size, row.references
        if measured is not None and measured[:2] != (digest, size):
            return None, f"has the NAR hash {measured[0]}, the base's database says {digest}"
    return StoreItem(path, digest, size, tuple(sorted(map(StorePath.parse, references)))), None


def merged(closure: Closure, base: BaseImage, store: Store) -> Closure:
    """Everything that the image's database is to list. A `BaseImageError` names paths that the two have differently."""
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
    own = [replace(item, deriver=None) if item.deriver not in closure else item for item in closure]
    return Closure([*own, *(item for item in base.items if item.path not in closure)], closure.roots)


def without_items_of(base: BaseImage, plan: LayerPlan, closure: Closure) -> LayerPlan:
    """The plan without the items that the base's layers have, whole and the same."""
    there = {item.path for item in base.items if item.path in base.whole}
    layers = []
    for layer in plan.layers:
        paths = tuple(path for path in layer.paths if path not in there)
        if paths:
            layers.append(replace(layer, paths=paths, nar_size=sum(closure[path].nar_size for path in paths)))
    return replace(plan, layers=tuple(layers))


def generation_on(base: BaseImage, store: Store) -> int:
    """The number of the generation that comes after the base's."""
    node = base.tree.find(as_parts(f"{store.state_dir}/profiles"))
    numbers = [0]
    for name in node.children if node is not None else ():
        if match := re.fullmatch(rb"system-([0-9]{1,9})-link", name):
            numbers.append(int(match[1]))
    return max(numbers) + 1
