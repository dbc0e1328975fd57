"""The owners of what a package ships: accounts by their names, or else the numbers that the package has beside them."""

from __future__ import annotations

from sysimage.rootfs.accounts import Accounts
from sysimage_bootstrap.debs.inventory import Attributes


def owner_ids(accounts: Accounts, said: Attributes) -> tuple[int, int]:
    """User and group ID, as dpkg finds them: a name that no account has gives way to its number."""
    return user_id(accounts, said.owner, said.uid), group_id(accounts, said.group, said.gid)


def user_id(accounts: Accounts, name: str, number: int = 0) -> int:
    """The ID of a user by name or, where the name is one, number."""
    user = accounts.user(name)
    return user.uid if user is not None else int(name) if name.isdecimal() else number


def group_id(accounts: Accounts, name: str, number: int = 0) -> int:
    """The ID of a group by name or, where the name is one, number."""
    group = accounts.group(name)
    return group.gid if group is not None else int(name) if name.isdecimal() else number


def unknown_owner(accounts: Accounts, said: Attributes) -> str | None:
    """The user or group that is absent and has no number in the package either; None if both are known."""
    if accounts.group(said.group) is None and not said.group.isdecimal() and not said.gid:
        return f"group {said.group!r}"
    if accounts.user(said.owner) is None and not said.owner.isdecimal() and not said.uid:
        return f"user {said.owner!r}"
    return None
