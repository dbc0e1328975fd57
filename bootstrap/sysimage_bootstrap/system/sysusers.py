"""Accounts that packages declare in sysusers.d(5), as the values that `sysimage.rootfs.accounts` settles."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import replace

from sysimage.errors import Issue, SysimageError
from sysimage.rootfs.accounts import Group, User, WantedGroup, WantedUser
from sysimage.spec.base_accounts import BASE_GROUPS

_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}")


class SysusersError(SysimageError):
    """A package's sysusers.d file says something that cannot be read."""


def parse_sysusers(texts: Iterable[tuple[str, str]]) -> tuple[list[WantedUser], list[WantedGroup]]:
    """Users and groups of ``(origin, text)`` pairs. Ranges (``r``) are left out: sysimage chooses IDs by its own rules.

    A `SysusersError` names every line that is not understood.
    """
    users: dict[str, WantedUser] = {}
    groups: dict[str, WantedGroup] = {}
    members: list[tuple[str, str, str]] = []
    issues: list[Issue] = []
    lines: dict[str, tuple[int, str]] = {}
    for origin, text in texts:
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            try:
                fields = shlex.split(line)
                _read(fields, origin, users, groups, members)
                lines[fields[1]] = number, line.strip()
            except ValueError as error:
                issues.append(Issue(origin, f"{error}: {line.strip()}", number))
    numbers = {str(gid): name for name, gid in BASE_GROUPS.items()}
    numbers |= {str(group.gid): name for name, group in groups.items() if group.gid is not None}
    for name, wanted in users.items():
        if wanted.group is not None and wanted.group.isdecimal():
            if wanted.group not in numbers:
                number, line = lines[name]
                issues.append(Issue(wanted.origin, f"no group has the number {wanted.group}: {line}", number))
            users[name] = replace(wanted, group=numbers.get(wanted.group))
    for user, group, origin in members:
        if group not in groups:
            groups[group] = WantedGroup(group, system=True, origin=origin)
        if user in users:
            users[user] = _joined(users[user], group)
    if issues:
        raise SysusersError("cannot read the accounts that packages declare", issues=issues)
    return list(users.values()), list(groups.values())


def _joined(user: WantedUser, group: str) -> WantedUser:
    return replace(user, groups=tuple(sorted({*user.groups, group})))


def _read(
    fields: list[str],
    origin: str,
    users: dict[str, WantedUser],
    groups: dict[str, WantedGroup],
    members: list[tuple[str, str, str]],
) -> None:
    kind, name, number, *rest = [*fields, "-", "-", "-", "-"][:6]
    if kind == "r":
        return
    if not _NAME.fullmatch(name):
        raise ValueError("not an account name")
    if kind in ("u", "u!"):
        comment, home, shell = (None if value == "-" else value for value in rest)
        uid, group = _user_id(number)
        if group is None and uid is not None:
            groups.setdefault(name, WantedGroup(name, uid, system=True, origin=origin))
        users[name] = WantedUser(
            name, uid, group, (), comment, home or "/", shell, "!*", system=True, make_home=False, origin=origin
        )
        User(name, uid or 0, 0, comment or "", home or "", shell or "")  # a ValueError for what /etc/passwd cannot hold
    elif kind == "g":
        gid = None if number == "-" else int(number)
        groups[name] = WantedGroup(name, gid, system=True, origin=origin)
        Group(name, gid or 0)
    elif kind == "m":
        if not _NAME.fullmatch(number):
            raise ValueError("not a group")
        members.append((name, number, origin))
    else:
        raise ValueError(f"not a kind of line: {kind!r}")


def _user_id(text: str) -> tuple[int | None, str | None]:
    """User ID and group (name or number) that a third field says; a path, whose owner would count, says neither."""
    if text == "-" or text.startswith("/"):
        return None, None
    uid, _, group = text.partition(":")
    return None if uid == "-" else int(uid), group or None
