"""The account files of an image on a base: the files of the base, with the missing accounts added."""

from __future__ import annotations

from collections.abc import Iterable

from sysimage.bases.base_image import BaseImage, BaseImageError
from sysimage.errors import Issue
from sysimage.notices import notice
from sysimage.rootfs.account_files import amended
from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.provision import account_files
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemSpec


def tell_lost_accounts(base: BaseImage) -> None:
    """Say that Docker shows nothing of an /etc that is a link: it makes a directory there before a container starts."""
    node = base.tree.find((b"etc",))
    if node is not None and node.link:
        notice(
            "the base image has a link in place of /etc: Docker puts an empty directory there, and finds no account of "
            "the image; Podman follows the link"
        )


def accounts_on(base: BaseImage, accounts: Accounts | None, spec: SystemSpec) -> Iterable[Entry]:
    """The account files of an image with ``accounts``: the files of the base, with the missing accounts added.

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
