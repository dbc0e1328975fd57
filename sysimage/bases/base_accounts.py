"""The account files of a base image: found where its links lead, with the owners and modes that they have there."""

from __future__ import annotations

from collections.abc import Sequence

from sysimage.rootfs.account_files import TABLES, AccountFile, Table
from sysimage.rules.paths import as_parts, as_path
from sysimage.verify.image_source import ImageSource
from sysimage.verify.layer import LayerReading
from sysimage.verify.limits import Limits
from sysimage.verify.small_files import file_behind, files_behind
from sysimage.verify.tree import FileTree, item_of

ACCOUNT_FILES = {table: as_parts(f"/etc/{table}") for table in TABLES}


def account_files_of_base(
    tree: FileTree, readings: Sequence[LayerReading], source: ImageSource, limits: Limits
) -> tuple[dict[Table, AccountFile], dict[Table, str]]:
    """The account files that are there, and why others that are there cannot be read."""
    contents = files_behind(ACCOUNT_FILES.values(), tree, readings, source, limits)
    files = {}
    faults = {}
    for table, parts in ACCOUNT_FILES.items():
        if parts in contents:
            files[table] = _file(table, contents[parts], tree)
        elif (node := tree.find(parts)) is not None:
            leads = f"a link to {node.link.decode('utf-8', 'replace')}, which is not a file in the base"
            faults[table] = f"is {leads if node.link else f'a {node.kind.value}'}"
    return files, faults


def _file(table: Table, content: bytes, tree: FileTree) -> AccountFile:
    parts = ACCOUNT_FILES[table]
    found = tree.resolve(b"/" + b"/".join(parts))
    node = file_behind(parts, tree)
    if found is None or node is None:
        raise ValueError(f"{as_path(parts)} leads to no file")
    if item_of(found[0]) is None:
        return AccountFile(as_path(found[0]), content, node.mode, node.uid, node.gid)
    # Every user may read what is in a store item; a file takes the place of the link that leads there.
    above = tree.resolve(b"/" + b"/".join(parts[:-1]))
    own = above is not None and item_of(above[0]) is None
    place = as_path((*above[0], parts[-1])) if above is not None and own else as_path(parts)
    return AccountFile(place, content, 0o644 if table in ("passwd", "group") else 0o600)
