"""The account files of a base image: found where its links lead, with the owners and modes that they have there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sysimage.bases.base_image import BaseImage, BaseImageError
from sysimage.errors import Issue
from sysimage.rootfs.account_files import TABLES, AccountFile, Table, amended
from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.provision import account_files
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemSpec
from sysimage.verify.layer import LayerReading
from sysimage.verify.limits import Limits
from sysimage.verify.small_files import file_behind, files_behind
from sysimage.verify.source import Source
from sysimage.verify.store import as_parts, as_path
from sysimage.verify.tree import FileTree, item_of

ACCOUNT_FILES = {table: as_parts(f"/etc/{table}") for table in TABLES}


def accounts_on(base: BaseImage, accounts: Accounts | None, spec: SystemSpec) -> Iterable[Entry]:
    """The account files of an image that is to know ``accounts``: the base's, with what they lack.

    A `BaseImageError` names those that would have to change and cannot; other errors as in `amended`.
    """
    if accounts is None:
        return ()
    if base.accounts is None:
        return account_files(accounts)
    entries = tuple(amended(base.account_files, accounts, spec.users.keys()))
    changed = {entry.path.rpartition("/")[2] for entry in entries}
    issues = [Issue(f"/etc/{table}", why) for table, why in base.account_faults.items() if table in changed]
    if issues:
        raise BaseImageError(
            f"cannot add accounts to those of {base.path}: not supported as a base for that",
            hint="leave users and groups out, or mend the base",
            issues=issues,
        )
    return entries


def account_files_of_base(
    tree: FileTree, readings: Sequence[LayerReading], source: Source, limits: Limits
) -> tuple[dict[Table, AccountFile], dict[Table, str]]:
    """The account files that are there, and why others that are there cannot be read."""
    contents = files_behind(ACCOUNT_FILES.values(), tree, readings, source, limits)
    files = {}
    faults = {}
    for table, parts in ACCOUNT_FILES.items():
        if parts in contents:
            files[table] = _file(table, contents[parts], tree)
        elif (node := tree.find(parts)) is not None:
            leads = f"a link to {node.link.decode('utf-8', 'replace')}, which is no file in the base"
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
    # What lies in a store item is everybody's to read; a file takes the place of the link that leads there.
    above = tree.resolve(b"/" + b"/".join(parts[:-1]))
    own = above is not None and item_of(above[0]) is None
    place = as_path((*above[0], parts[-1])) if above is not None and own else as_path(parts)
    return AccountFile(place, content, 0o644 if table in ("passwd", "group") else 0o600)
