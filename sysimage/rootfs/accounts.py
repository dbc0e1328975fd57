"""Users and groups of an image: who there is, which IDs they have, and the files of /etc that say so.

An account without a declared ID gets one that follows from its name: the SHA-256 of the name picks a place in the
range, and the next free one is taken when it is not free. So IDs do not depend on what else is declared, save in the
rare case of two names that pick the same place, and files in a volume keep their owner when the system changes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from sysimage.characters import is_line
from sysimage.errors import Issue, SpecError

SYSTEM_IDS = range(200, 1000)
"""IDs chosen for daemons; below lie those that Debian hands out by hand."""
ORDINARY_IDS = range(1000, 60000)
"""IDs chosen for people."""
_NO_HOMES = ("/nonexistent", "/", "/root")
"""Homes that nobody makes: the last is in every root file system."""
_MOST_ID = 2**32 - 2
"""The kernel takes the number above for none."""
_NAME = re.compile(r"[^\s:,/+-][^\s:,/]*")
"""What tools tell from a list, a path, an option, or a line that means another table."""


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or not is_line(name):
        raise ValueError(f"not the name of an account: {name[:80]!r}")


def _check_id(number: int) -> None:
    if not 0 <= number <= _MOST_ID:
        raise ValueError(f"not the ID of an account: {number}")


@dataclass(frozen=True, slots=True)
class User:
    """An account as /etc/passwd has it. A ValueError for what no line of it, or of /etc/shadow, can hold."""

    name: str
    uid: int
    gid: int
    comment: str = ""
    home: str = "/nonexistent"
    shell: str = "/usr/sbin/nologin"
    password_hash: str = "*"  # noqa: S105 - it locks
    """As in /etc/shadow."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_id(self.uid)
        _check_id(self.gid)
        for text in (self.comment, self.home, self.shell, self.password_hash):
            if ":" in text or not is_line(text):
                raise ValueError(f"the account {self.name} cannot have a field {text[:80]!r}")


@dataclass(frozen=True, slots=True)
class Group:
    """A group as /etc/group has it. A ValueError for what no line of it can hold."""

    name: str
    gid: int
    members: tuple[str, ...] = ()
    """Sorted; those whose primary group it is are not listed."""

    def __post_init__(self) -> None:
        _check_id(self.gid)
        for name in (self.name, *self.members):
            _check_name(name)


_Entry = TypeVar("_Entry", User, Group)


@dataclass(frozen=True, slots=True)
class WantedUser:
    """An account that somebody asks for; what is None is chosen, or taken from a base account of that name."""

    name: str
    uid: int | None = None
    group: str | None = None
    """The primary group; one of the user's own name by default."""
    groups: tuple[str, ...] = ()
    comment: str | None = None
    home: str | None = None
    shell: str | None = None
    password_hash: str | None = None
    system: bool = False
    make_home: bool = True
    """Whether the image is to have the home directory, unless the account is a base one and keeps its home."""
    origin: str = "sysimage"
    """Who asks: a JSON pointer or a store path."""


@dataclass(frozen=True, slots=True)
class WantedGroup:
    """A group that somebody asks for."""

    name: str
    gid: int | None = None
    members: tuple[str, ...] = ()
    system: bool = False
    origin: str = "sysimage"


@dataclass(frozen=True)
class Accounts:
    """All users and groups, sorted by ID, then name; names are unique."""

    users: tuple[User, ...]
    groups: tuple[Group, ...]
    homes: tuple[str, ...] = field(default=())
    """Names of the users whose home directories the image is to have, sorted."""

    @cached_property
    def _users(self) -> Mapping[str, User]:
        return {user.name: user for user in self.users}

    @cached_property
    def _groups(self) -> Mapping[str, Group]:
        return {group.name: group for group in self.groups}

    def user(self, name: str) -> User | None:
        return self._users.get(name)

    def group(self, name: str) -> Group | None:
        return self._groups.get(name)

    def group_of(self, user: User) -> Group:
        """A user's primary group; a KeyError if the ID belongs to none."""
        for group in self.groups:
            if group.gid == user.gid:
                return group
        raise KeyError(f"no group has the ID {user.gid}")

    def groups_with(self, name: str) -> tuple[str, ...]:
        """The supplementary groups of a user, sorted by name."""
        return tuple(sorted(group.name for group in self.groups if name in group.members))

    def passwd(self) -> bytes:
        """The text of /etc/passwd."""
        return _table((u.name, "x", u.uid, u.gid, u.comment, u.home, u.shell) for u in self.users)

    def group_file(self) -> bytes:
        """The text of /etc/group."""
        return _table((g.name, "x", g.gid, ",".join(g.members)) for g in self.groups)

    def shadow(self) -> bytes:
        """The text of /etc/shadow: without a date of the last change, so that nothing ages."""
        return _table((u.name, u.password_hash, "", "", "", "", "", "", "") for u in self.users)

    def gshadow(self) -> bytes:
        """The text of /etc/gshadow: no group has a password."""
        return _table((g.name, "*", "", ",".join(g.members)) for g in self.groups)


def parse_accounts(passwd: str, group: str) -> Accounts:
    """Read the texts of a passwd and a group file, such as base-passwd's master files; ValueError for a bad line."""
    users = []
    for line in filter(None, passwd.split("\n")):
        name, _, uid, gid, comment, home, shell = line.split(":")
        users.append(User(name, int(uid), int(gid), comment, home, shell))
    groups = []
    for line in filter(None, group.split("\n")):
        name, _, gid, members = line.split(":")
        groups.append(Group(name, int(gid), tuple(sorted(filter(None, members.split(","))))))
    return Accounts(_sorted(users), _sorted(groups))


def settle(base: Accounts, users: Iterable[WantedUser], groups: Iterable[WantedGroup]) -> Accounts:
    """Add what is wanted to ``base``, choosing the IDs that nobody declared.

    Of two that want the same name the later counts. A wanted user of a base account's name keeps whatever it does not
    say. A `SpecError` names every ID given twice and every group or member that does not exist.
    """
    wanted_users = {user.name: user for user in users}
    wanted_groups = {group.name: group for group in groups}
    issues: list[Issue] = []
    for user in list(wanted_users.values()):
        own = user.group is None and base.user(user.name) is None
        if own and base.group(user.name) is None and user.name not in wanted_groups:
            wanted_groups[user.name] = WantedGroup(user.name, None, (), user.system, user.origin)
    ids = _Ids(base, issues)
    for name, group in sorted(wanted_groups.items()):
        if group.gid is not None:
            ids.take_gid(name, group.gid, group.origin)
    for name, user in sorted(wanted_users.items()):
        if user.uid is not None:
            ids.take_uid(name, user.uid, user.origin)
            if name in wanted_groups:
                ids.prefer_gid(name, user.uid)
    for name, user in sorted(wanted_users.items()):
        if name not in ids.uids:
            ids.choose(name, SYSTEM_IDS if user.system else ORDINARY_IDS, wants_gid=name in wanted_groups)
    for name, group in sorted(wanted_groups.items()):
        if name not in ids.gids:
            ids.choose_gid(name, SYSTEM_IDS if group.system else ORDINARY_IDS)

    all_users = {user.name: user for user in base.users}
    for name, wanted in wanted_users.items():
        gid = ids.gids.get(wanted.group) if wanted.group else _own_gid(base, ids, name)
        if gid is None:
            issues.append(Issue(wanted.origin, f"the group {wanted.group!r} does not exist"))
            gid = 0
        all_users[name] = _merged(wanted, base.user(name), ids.uids[name], gid)
    members = {group.name: set(group.members) for group in base.groups}
    for name, group in wanted_groups.items():
        members.setdefault(name, set()).update(group.members)
        issues += [
            Issue(group.origin, f"the member {member!r} does not exist")
            for member in group.members
            if member not in all_users
        ]
    for name, wanted in wanted_users.items():
        for group_name in wanted.groups:
            if group_name in members:
                members[group_name].add(name)
            else:
                issues.append(Issue(wanted.origin, f"the group {group_name!r} does not exist"))
    if issues:
        raise SpecError(
            "cannot settle users and groups", hint="declare what is missing, or drop an ID that is taken", issues=issues
        )
    all_groups = [Group(name, ids.gids[name], tuple(sorted(members[name]))) for name in members]
    # An account that is there already has its home already, whoever made it, and in the mode that is right for it.
    made = (name for name, u in wanted_users.items() if u.make_home and (u.home or base.user(name) is None))
    homes = tuple(sorted(name for name in made if all_users[name].home not in _NO_HOMES))
    return replace(Accounts(_sorted(all_users.values()), _sorted(all_groups)), homes=homes)


def _own_gid(base: Accounts, ids: _Ids, name: str) -> int | None:
    existing = base.user(name)
    return existing.gid if existing else ids.gids.get(name)


def _merged(wanted: WantedUser, existing: User | None, uid: int, gid: int) -> User:
    if existing is None:
        existing = User(
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
    return replace(existing, uid=uid, gid=gid, **said)


class _Ids:
    """The IDs given so far, and who has them."""

    def __init__(self, base: Accounts, issues: list[Issue]) -> None:
        self.uids = {user.name: user.uid for user in base.users}
        self.gids = {group.name: group.gid for group in base.groups}
        self._used_uids = {uid: name for name, uid in self.uids.items()}
        self._used_gids = {gid: name for name, gid in self.gids.items()}
        self._issues = issues

    def take_uid(self, name: str, uid: int, origin: str) -> None:
        self._take(self.uids, self._used_uids, name, uid, origin, "user")

    def take_gid(self, name: str, gid: int, origin: str) -> None:
        self._take(self.gids, self._used_gids, name, gid, origin, "group")

    def prefer_gid(self, name: str, gid: int) -> None:
        """The group of a user's own name gets the user's ID, unless it has one, or somebody has that."""
        if name not in self.gids and gid not in self._used_gids:
            self.take_gid(name, gid, "")

    def choose(self, name: str, ids: range, *, wants_gid: bool) -> None:
        """A user ID; with ``wants_gid``, the group of that name has or gets the same one where it can."""
        gid = self.gids.get(name)
        if wants_gid and gid is not None and gid in ids and gid not in self._used_uids:
            self.take_uid(name, gid, "")
            return
        chosen = self._free(name, ids, self._used_uids | (self._used_gids if wants_gid and gid is None else {}))
        self.take_uid(name, chosen, "")
        if wants_gid and gid is None:
            self.take_gid(name, chosen, "")

    def choose_gid(self, name: str, ids: range) -> None:
        self.take_gid(name, self._free(name, ids, self._used_gids), "")

    def _take(self, ids: dict[str, int], used: dict[int, str], name: str, number: int, origin: str, kind: str) -> None:
        holder = used.get(number, name)
        if holder != name:
            self._issues.append(Issue(origin, f"the {kind} ID {number} belongs to {holder!r} already"))
        ids[name] = number
        used[number] = name

    def _free(self, name: str, ids: range, used: Mapping[int, str]) -> int:
        start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % len(ids)
        for step in range(len(ids)):
            number = ids[(start + step) % len(ids)]
            if number not in used:
                return number
        raise SpecError(f"cannot choose an ID for {name}: all from {ids[0]} to {ids[-1]} are taken")


def _sorted(entries: Iterable[_Entry]) -> tuple[_Entry, ...]:
    return tuple(sorted(entries, key=_key))


def _key(entry: User | Group) -> tuple[int, str]:
    return (entry.uid if isinstance(entry, User) else entry.gid), entry.name


def _table(rows: Iterable[tuple[object, ...]]) -> bytes:
    return "".join(":".join(map(str, row)) + "\n" for row in rows).encode()
