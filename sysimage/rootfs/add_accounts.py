"""Accounts that are asked for, added to those that are there: IDs, primary groups, members and homes.

An account without a declared ID gets one that follows from its name: the SHA-256 of the name picks a place in the
range, and the next free one is taken when it is not free. So IDs do not depend on what else is declared, except in the
rare case of two names that pick the same place, and files in a volume keep their owner when the system changes; a lock
file, which keeps the IDs that were chosen, excludes that case. On top of another image, the IDs of its accounts are not
free, and an account of the same name has the same ID.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from itertools import chain

from sysimage.errors import Issue, SpecError
from sysimage.rootfs.accounts import NO_ACCOUNTS, Accounts, Group, HeldId, User, WantedGroup, WantedUser
from sysimage.spec.account_ids import NO_IDS, AccountIds

SYSTEM_IDS = range(200, 1000)
"""IDs chosen for daemons; below are those that Debian hands out by hand."""
ORDINARY_IDS = range(1000, 60000)
"""IDs chosen for people."""
_NO_HOMES = ("/nonexistent", "/", "/root")
"""Homes that are not made: the last is in every root file system."""


def add_accounts(
    base: Accounts,
    users: Iterable[WantedUser],
    groups: Iterable[WantedGroup],
    below: Accounts = NO_ACCOUNTS,
    locked: AccountIds = NO_IDS,
) -> Accounts:
    """``base`` with the requested accounts, and IDs chosen for those without one, as the image ``below`` lets them.

    An ID in ``locked`` belongs to its name alone, whether there is such an account now or not. Of two requests for the
    same name the later counts. A requested user with the name of a base account keeps every field that the request
    leaves out. A `SpecError` names every ID given twice and every group or member that does not exist.
    """
    wanted_users = {user.name: _in_its_group(user, base, below) for user in users}
    wanted_groups = {group.name: group for group in groups}
    for user in wanted_users.values():
        if user.group is not None and below.group(user.group) is not None and base.group(user.group) is None:
            wanted_groups.setdefault(user.group, WantedGroup(user.group, origin=user.origin))
    wanted_groups |= _own_groups(base, wanted_users.values(), wanted_groups)
    ids = _Ids(base, below, locked)
    ids.take_declared(wanted_users, wanted_groups)
    ids.choose_others(wanted_users, wanted_groups)
    there = {user.name: user for user in (*base.users, *below.users)}
    all_users, group_issues = _users(base, there, wanted_users, ids)
    members, member_issues = _members(base, wanted_users.values(), wanted_groups, all_users)
    if issues := [*ids.issues, *group_issues, *member_issues]:
        raise SpecError(
            "cannot settle users and groups", hint="declare what is missing, or drop an ID that is taken", issues=issues
        )
    all_groups = [Group(name, ids.groups.numbers[name], tuple(sorted(names))) for name, names in members.items()]
    # An existing account keeps its home and the mode of the home.
    made = (name for name, user in wanted_users.items() if user.make_home and (user.home or name not in there))
    return Accounts.of(all_users.values(), all_groups, [name for name in made if all_users[name].home not in _NO_HOMES])


def _in_its_group(user: WantedUser, base: Accounts, below: Accounts) -> WantedUser:
    """A user of the image below stays in the primary group that it has there."""
    there = below.user(user.name)
    if there is None or user.group is not None or base.user(user.name) is not None:
        return user
    return replace(user, group=next((group.name for group in below.groups if group.gid == there.gid), None))


def _own_groups(base: Accounts, users: Iterable[WantedUser], groups: Container[str]) -> dict[str, WantedGroup]:
    """The groups of new users that name no primary group and whose own is not there yet."""
    return {
        user.name: WantedGroup(user.name, None, (), user.system, user.origin)
        for user in users
        if user.group is None
        and base.user(user.name) is None
        and base.group(user.name) is None
        and user.name not in groups
    }


def _users(
    base: Accounts, there: Mapping[str, User], wanted_users: Mapping[str, WantedUser], ids: _Ids
) -> tuple[dict[str, User], list[Issue]]:
    """All users by name, and the primary groups that do not exist. Accounts in ``there`` keep every field that is not
    specified."""
    users = {user.name: user for user in base.users}
    issues = []
    for name, wanted in wanted_users.items():
        existing = base.user(name)
        if wanted.group is None and existing is not None:
            gid: int | None = existing.gid
        else:
            gid = ids.groups.numbers.get(wanted.group or name)
        if gid is None:
            issues.append(Issue(wanted.origin, f"the group {wanted.group!r} does not exist"))
        users[name] = _user(wanted, there.get(name), ids.users.numbers[name], gid or 0)
    return users, issues


def _user(wanted: WantedUser, existing: User | None, uid: int, gid: int) -> User:
    """The account as requested; a field that is not given keeps its value, or has its default."""
    user = existing or User(
        wanted.name,
        uid,
        gid,
        home="/nonexistent" if wanted.system else f"/home/{wanted.name}",
        shell="/usr/sbin/nologin" if wanted.system else "/bin/sh",
        password_hash="!",  # noqa: S106 - it locks
    )
    said = {
        key: value
        for key in ("comment", "home", "shell", "password_hash")
        if (value := getattr(wanted, key)) is not None
    }
    return replace(user, uid=uid, gid=gid, **said)


def _members(
    base: Accounts,
    wanted_users: Iterable[WantedUser],
    wanted_groups: Mapping[str, WantedGroup],
    users: Container[str],
) -> tuple[dict[str, set[str]], list[Issue]]:
    """The supplementary members of every group, and the members and groups that do not exist."""
    members = {group.name: set(group.members) for group in base.groups}
    issues = []
    for name, group in wanted_groups.items():
        members.setdefault(name, set()).update(group.members)
        unknown = [member for member in group.members if member not in users]
        issues += [Issue(group.origin, f"the member {member!r} does not exist") for member in unknown]
    for user in wanted_users:
        for name in user.groups:
            if name in members:
                members[name].add(user.name)
            else:
                issues.append(Issue(user.origin, f"the group {name!r} does not exist"))
    return members, issues


class _Numbers:
    """The IDs of one kind of account, and the faults of those that were taken twice."""

    def __init__(
        self,
        kind: str,
        numbers: Mapping[str, int],
        odd: Iterable[HeldId],
        below: Iterable[HeldId],
        locked: Mapping[str, int],
        issues: list[Issue],
    ) -> None:
        self.numbers = dict(numbers)
        """By name."""
        self.holders = {one.number: one.name for one in odd} | {number: name for name, number in numbers.items()}
        below = tuple(below)
        self.below = {one.name: one.number for one in below}
        self.locked = locked
        self._holders_below = {one.number: one.name for one in below}
        self._kept = {*locked.values(), *self._holders_below}
        self._kind, self._issues = kind, issues

    def is_free(self, number: int) -> bool:
        """Whether no account has it, of this image or of the one below, and the lock file keeps it for none."""
        return number not in self.holders and number not in self._kept

    def keep(self, name: str) -> None:
        """Give ``name``, if it has no ID, that of the image below or else the one that is locked; a fault if what is
        locked belongs to another name by now."""
        if name in self.numbers:
            return
        if name in self.below:
            self.reserve(name, self.below[name])
        elif name in self.locked:
            number = self.locked[name]
            if (holder := self._holders_below.get(number)) is not None:
                said = f"the {self._kind} ID {number} is that of {name!r} in the lock file and of {holder!r} there"
                self._issues.append(Issue("from-image", said))
            self.reserve(name, number, "the lock file")

    def reserve(self, name: str, number: int, origin: str = "") -> None:
        """Give ``number`` to ``name``; a fault if another name has it, or ``name`` another one already: files belong
        to that."""
        holder = self.holders.get(number, name)
        if (there := self.numbers.get(name, number)) != number:
            self._issues.append(Issue(origin, f"{name!r} has the {self._kind} ID {there} already, not {number}"))
        elif holder != name and name not in self.numbers:
            self._issues.append(Issue(origin, f"the {self._kind} ID {number} belongs to {holder!r} already"))
        self.numbers[name] = number
        self.holders[number] = name


class _Ids:
    """The user and group IDs given so far."""

    def __init__(self, base: Accounts, below: Accounts, locked: AccountIds) -> None:
        self.issues: list[Issue] = []
        users = {user.name: user.uid for user in base.users}
        groups = {group.name: group.gid for group in base.groups}
        self.users = _Numbers("user", users, base.odd_users, below.user_ids(), locked.users, self.issues)
        self.groups = _Numbers("group", groups, base.odd_groups, below.group_ids(), locked.groups, self.issues)

    def take_declared(self, users: Mapping[str, WantedUser], groups: Mapping[str, WantedGroup]) -> None:
        """The IDs that are asked for by number, and for the own group of a user with one the same, if it is free."""
        for name, group in sorted(groups.items()):
            if group.gid is not None:
                self.groups.reserve(name, group.gid, group.origin)
        for name, user in sorted(users.items()):
            if user.uid is not None:
                self.users.reserve(name, user.uid, user.origin)
                has_none = all(
                    name not in there for there in (self.groups.numbers, self.groups.below, self.groups.locked)
                )
                if name in groups and has_none and self.groups.is_free(user.uid):
                    self.groups.reserve(name, user.uid)

    def choose_others(self, users: Mapping[str, WantedUser], groups: Mapping[str, WantedGroup]) -> None:
        """An ID for every user and then every group that has none: that of the image below, the one that is locked, or
        a free one."""
        for numbers, names in ((self.users, users), (self.groups, groups)):
            for name in sorted(names):
                numbers.keep(name)
        for name, user in sorted(users.items()):
            if name not in self.users.numbers:
                self._choose_user(name, _range(user), has_group=name in groups)
        for name, group in sorted(groups.items()):
            if name not in self.groups.numbers:
                self.groups.reserve(name, _free(name, _range(group), self.groups.is_free))

    def _choose_user(self, name: str, ids: range, *, has_group: bool) -> None:
        """A user ID; with ``has_group``, the group of that name has or gets the same one where it can."""
        gid = self.groups.numbers.get(name) if has_group else None
        if gid is not None and gid in ids and self.users.is_free(gid):
            self.users.reserve(name, gid)
        elif has_group and gid is None:
            chosen = _free(name, ids, lambda number: self.users.is_free(number) and self.groups.is_free(number))
            self.users.reserve(name, chosen)
            self.groups.reserve(name, chosen)
        else:
            self.users.reserve(name, _free(name, ids, self.users.is_free))


def _range(wanted: WantedUser | WantedGroup) -> range:
    return SYSTEM_IDS if wanted.system else ORDINARY_IDS


def _free(name: str, ids: range, is_free: Callable[[int], bool]) -> int:
    """The first of ``ids`` that is free, from the place on that the name picks."""
    start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % len(ids)
    for number in chain(ids[start:], ids[:start]):
        if is_free(number):
            return number
    raise SpecError(f"cannot choose an ID for {name}: all from {ids[0]} to {ids[-1]} are taken")
