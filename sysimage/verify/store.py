"""The store inside the image: what its database says against what its files are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sysimage.digest import Digest
from sysimage.rules.paths import Parts, as_parts, as_path
from sysimage.store.paths import StorePath
from sysimage.verify.database import GUIX, NIX, DatabaseLayout, Row, read_database
from sysimage.verify.derivations import derivation_outputs
from sysimage.verify.image_source import ImageSource
from sysimage.verify.issue_collector import IssueCollector, escaped
from sysimage.verify.layer import LayerReading
from sysimage.verify.limits import Limits
from sysimage.verify.references import hash_parts
from sysimage.verify.reread import reread_items
from sysimage.verify.tar import MemberKind
from sysimage.verify.tree import FileTree

STATE_DIRECTORIES: Mapping[str, DatabaseLayout] = {"/var/guix": GUIX, "/nix/var/nix": NIX}
_DEFAULT_STORES = {"guix": "/gnu/store", "nix": "/nix/store"}
WANTED = frozenset(
    as_parts(f"{state}/db/{name}") for state in STATE_DIRECTORIES for name in ("db.sqlite", "db.sqlite-wal", "schema")
)
"""The files that `check_store` needs to have been captured."""


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """The store of an image."""

    kind: str
    """``guix`` or ``nix``, by its database."""
    directory: str
    state_directory: str
    items: tuple[StorePath, ...]
    """Sorted."""
    references: Mapping[str, frozenset[str]]
    """What the database says each path refers to."""


def check_store(
    tree: FileTree,
    readings: Sequence[LayerReading],
    source: ImageSource,
    faults: IssueCollector,
    limits: Limits,
) -> StoreFacts | None:
    """Compare the database with the tree in both directions. None for an image that has no store database.

    In an image of others, what is merely unusual (files of a store in use, other modes) is a note.
    """
    captured = captured_files(tree, readings)
    databases = [state for state in STATE_DIRECTORIES if as_parts(f"{state}/db/db.sqlite") in captured]
    for state in STATE_DIRECTORIES:
        _check_no_journals(tree, state, faults)
    if len(databases) != 1:
        if databases:
            faults.add("database", "image", f"has databases in {' and '.join(databases)}")
        return None
    (state,) = databases
    schema = STATE_DIRECTORIES[state]
    where = f"{state}/db/db.sqlite"
    version = captured.get(as_parts(f"{state}/db/schema"))
    if version is None and schema is NIX:
        faults.add("schema", f"{state}/db/schema", "is missing; Nix would take the database for one of an old version")
    if version is not None and version.strip() != schema.version.encode():
        faults.add(
            "schema", f"{state}/db/schema", f"says {escaped(version[:20])!r}, {schema.kind}'s is {schema.version}"
        )
    log = captured.get(as_parts(f"{where}-wal"), b"")
    rows = read_database(
        captured[as_parts(where)], schema, where, faults, log=log, ours=_is_ours(as_parts(where), tree)
    )
    if rows is None:
        return None
    directory = next((path.rpartition("/")[0] for path in rows), _DEFAULT_STORES[schema.kind])
    items = _check_paths(tree, rows, directory, where, faults)
    _check_contents(tree, readings, source, {path: rows[str(path)] for path in items}, faults, limits)
    _check_outputs(tree, readings, source, {path: rows[str(path)] for path in items}, faults, limits)
    references = {path: row.references for path, row in rows.items()}
    return StoreFacts(schema.kind, directory, state, tuple(sorted(items)), references)


def captured_files(tree: FileTree, readings: Sequence[LayerReading]) -> dict[Parts, bytes]:
    """The captured files that are still there, each as its last layer has it."""
    by_number = {reading.document.number: reading for reading in readings}
    found = {}
    for path in {path for reading in readings for path in reading.captured}:
        node = tree.find(path)
        if node is not None and node.kind is MemberKind.FILE and path in by_number[node.layer].captured:
            found[path] = by_number[node.layer].captured[path]
    return found


def _check_no_journals(tree: FileTree, state: str, faults: IssueCollector) -> None:
    database = as_parts(f"{state}/db/db.sqlite")
    for suffix in ("-wal", "-shm", "-journal"):
        node = tree.find((*database[:-1], database[-1] + suffix.encode()))
        if node is not None and node.size:
            style = faults.style(ours=_is_ours(database, tree) or suffix == "-journal")
            style("database", f"{state}/db/db.sqlite{suffix}", "is beside the database, which is not closed")


def _is_ours(parts: Parts, tree: FileTree) -> bool:
    """Whether a layer that sysimage wrote has put this there."""
    node = tree.find(parts)
    return node is not None and tree.is_ours(node)


def _check_paths(
    tree: FileTree, rows: Mapping[str, Row], directory: str, where: str, faults: IssueCollector
) -> list[StorePath]:
    """The paths that are in both; a fault for each that is in one only, or is not a store path at all."""
    both = []
    for text in sorted(rows):
        try:
            path = StorePath.parse(text)
        except ValueError:
            faults.add("registration", where, f"{escaped(text)!r} is not a store path")
            continue
        if path.store_dir != directory:
            faults.add("registration", where, f"{escaped(text)} is in another store than {directory}")
        elif tree.find(as_parts(text)) is None:
            faults.add("missing items", text, "is in the database, but not in the image")
        else:
            both.append(path)
    store = tree.find(as_parts(directory))
    for name in sorted(store.children) if store is not None else ():
        text = f"{directory}/{name.decode('utf-8', 'surrogateescape')}"
        ours = _is_ours(as_parts(text), tree)
        if text not in rows and (ours or item_path(text) is not None):
            faults.style(ours=ours)("unregistered items", escaped(text), "is in the image, but not in the database")
    return both


def item_path(text: str) -> StorePath | None:
    """The item that a path in a store is; None for ``.links`` of an optimised store, and for locks."""
    try:
        return None if text.endswith(".lock") else StorePath.parse(text)
    except ValueError:
        return None


def _check_contents(
    tree: FileTree,
    readings: Sequence[LayerReading],
    source: ImageSource,
    items: Mapping[StorePath, Row],
    faults: IssueCollector,
    limits: Limits,
) -> None:
    known = {path.hash_part.encode(): str(path) for path in items}
    by_parts = {as_parts(str(path)): row for path, row in items.items()}
    found = measure_items(by_parts, frozenset(known), tree, readings, source, limits)
    for parts, row in by_parts.items():
        digest, size, present = found[parts]
        _check_item(row, digest, size, {known[part] for part in present}, faults)
        _check_modes(parts, tree, faults)


def _check_outputs(
    tree: FileTree,
    readings: Sequence[LayerReading],
    source: ImageSource,
    items: Mapping[StorePath, Row],
    faults: IssueCollector,
    limits: Limits,
) -> None:
    """What the database says that derivations make, by which ``nix-store --realise`` and ``guix gc --derivers`` go."""
    made = derivation_outputs([as_parts(str(path)) for path in items], tree, readings, source, limits)
    for path, row in items.items():
        parts = as_parts(str(path))
        wanted = made.get(parts, {})
        style = faults.style(ours=_is_ours(parts, tree))
        for name in sorted(wanted.keys() | row.outputs.keys()):
            if wanted.get(name) != row.outputs.get(name):
                says = escaped(row.outputs.get(name, "nothing"))
                style(
                    "derivation outputs",
                    row.path,
                    f"makes {escaped(wanted.get(name, 'nothing'))} as {escaped(name)}, the database says {says}",
                )


def measure_items(
    items: Collection[Parts],
    known: frozenset[bytes],
    tree: FileTree,
    readings: Sequence[LayerReading],
    source: ImageSource,
    limits: Limits,
) -> dict[Parts, tuple[Digest, int, set[bytes]]]:
    """NAR hash, NAR size (bytes) and those of the ``known`` hash parts that are in each item, as the final tree has it.

    What the first reading could not finish is read once more.
    """
    found: dict[Parts, tuple[Digest, int, set[bytes]]] = {}
    for parts in items:
        if (whole := _read_whole(parts, tree, readings)) is not None:
            digest, size = whole.items[parts].nar.finish()
            found[parts] = (digest, size, hash_parts(whole.items[parts].runs.runs, known))
    again = [parts for parts in items if parts not in found]
    if again:
        documents = {reading.document.number: reading.document for reading in readings}
        found |= reread_items(again, tree, documents, source, known, limits)
    return found


def _read_whole(parts: Parts, tree: FileTree, readings: Sequence[LayerReading]) -> LayerReading | None:
    """The layer whose reading is the whole of an item as it is in the final tree, if there is one."""
    numbers = set()
    members = 0
    for _, node in tree.walk(parts):
        numbers.add(node.layer)
        members += 1
    if len(numbers) != 1:
        return None
    (number,) = numbers
    reading = next((one for one in readings if one.document.number == number), None)
    item = None if reading is None else reading.items.get(parts)
    if item is None or not item.nar.in_order or item.runs.overflowed or item.members != members:
        return None
    return reading


def _check_item(row: Row, digest: Digest, size: int, present: set[str], faults: IssueCollector) -> None:
    if row.nar_hash is not None and digest != row.nar_hash:
        faults.add("NAR hash", row.path, f"has the NAR hash {digest}, the database says {row.nar_hash}")
    if row.nar_size is not None and size != row.nar_size:
        faults.add("NAR size", row.path, f"has a NAR of {size} bytes, the database says {row.nar_size}")
    # A derivation names its outputs, which it does not refer to: only what it registers must be there.
    for path in () if row.path.endswith(".drv") else sorted(present - row.references):
        faults.add("references", row.path, f"contains the hash of {path}, the database has no such reference")
    for path in sorted(row.references - present):
        faults.add("references", row.path, f"does not contain the hash of {path}, the database says it refers to it")


def _check_modes(parts: Parts, tree: FileTree, faults: IssueCollector) -> None:
    for path, node in tree.walk(parts):
        allowed = {
            MemberKind.FILE: (0o444, 0o555),
            MemberKind.DIRECTORY: (0o555,),
            MemberKind.SYMLINK: (0o777,),
        }.get(node.kind, ())
        if node.mode not in allowed:
            style = faults.style(ours=tree.is_ours(node))
            style("store modes", escaped(as_path(path)), f"is a {node.kind.value} of mode {node.mode:04o}")
