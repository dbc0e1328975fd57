"""The store that a base image has: its database, and what its items really are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path

from sysimage.bases.base_image import BaseImageError
from sysimage.digest import Digest
from sysimage.errors import Issue
from sysimage.rules.paths import Parts, as_parts
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage.verify.database import Row, read_database
from sysimage.verify.derivations import Outputs, derivation_outputs
from sysimage.verify.image_source import ImagePlace, ImageSource
from sysimage.verify.issue_collector import IssueCollector
from sysimage.verify.layer import LayerReading
from sysimage.verify.limits import Limits
from sysimage.verify.store import STATE_DIRECTORIES, item_path, measure_items
from sysimage.verify.tree import FileTree

Measured = tuple[Digest, int, frozenset[str]]
"""NAR hash, NAR size in bytes, and the paths that an item refers to."""


def store_of_base(
    path: Path | ImagePlace,
    tree: FileTree,
    readings: Sequence[LayerReading],
    captured: Mapping[Parts, bytes],
    store_dir: str,
    source: ImageSource,
    limits: Limits,
) -> tuple[tuple[str, ...], tuple[StoreItem, ...], tuple[StorePath, ...]]:
    """State directories with a database, the items in ``store_dir``, and those of them that no database knows.

    Every item is measured. A `BaseImageError` names those that are not as the base's database says.
    """
    state_dirs = tuple(state for state in STATE_DIRECTORIES if as_parts(f"{state}/db/db.sqlite") in captured)
    present = _present(tree, store_dir)
    rows: dict[str, Row] = {}
    for state in state_dirs:
        faults = IssueCollector(
            limits.faults_per_rule
        )  # of order and form, which the merged database does not take over
        place = f"{state}/db/db.sqlite"
        log = captured.get(as_parts(f"{place}-wal"), b"")
        found = read_database(captured[as_parts(place)], STATE_DIRECTORIES[state], place, faults, log=log, ours=False)
        if found is None:
            raise BaseImageError(f"cannot read the store database of {path}", issues=faults.issues)
        rows |= {text: row for text, row in found.items() if text.rpartition("/")[0] == store_dir}
    known = {item_path.hash_part.encode(): text for text, item_path in present.items()}
    paths = {as_parts(text): text for text in present}
    measured = measure_items(paths, frozenset(known), tree, readings, source, limits)
    made = derivation_outputs(tuple(paths), tree, readings, source, limits)
    issues = []
    items = []
    for parts, text in sorted(paths.items(), key=itemgetter(1)):
        digest, size, found_parts = measured[parts]
        seen = (digest, size, frozenset(known[part] for part in found_parts))
        item, fault = _item(present[text], rows.get(text), seen, made.get(parts, {}))
        if fault is not None:
            issues.append(Issue(text, fault))
        elif item is not None:
            items.append(item)
    issues += [Issue(text, "is in the base's database, but not in the base") for text in sorted(rows.keys() - present)]
    if issues:
        raise BaseImageError(f"cannot build on the store in {path}", issues=issues)
    return state_dirs, tuple(items), tuple(item.path for item in items if str(item.path) not in rows)


def _present(tree: FileTree, store_dir: str) -> dict[str, StorePath]:
    node = tree.find(as_parts(store_dir))
    found = {}
    for name in node.children if node is not None else ():
        text = f"{store_dir}/{name.decode('utf-8', 'surrogateescape')}"
        if (path := item_path(text)) is not None:
            found[text] = path
    return found


def _item(path: StorePath, row: Row | None, measured: Measured, made: Outputs) -> tuple[StoreItem | None, str | None]:
    """The item, or what is wrong with it."""
    if row is None:
        digest, size, references = measured
    elif row.nar_hash is None or row.nar_size is None:
        return None, "is registered without a NAR hash or size in the base's database"
    else:
        digest, size, references = row.nar_hash, row.nar_size, row.references
        if measured[0] != digest:
            return None, f"has the NAR hash {measured[0]}, the base's database says {digest}"
        if measured[1] != size:
            return None, f"has a NAR of {measured[1]} bytes, the base's database says {size}"
    sorted_references = tuple(sorted(map(StorePath.parse, references)))
    outputs = tuple((name, StorePath.parse(made[name])) for name in sorted(made) if item_path(made[name]) is not None)
    deriver = None if row is None or row.deriver is None else item_path(row.deriver)
    return StoreItem(path, digest, size, sorted_references, deriver, outputs=outputs), None
