"""Users and groups of an image, and the files of /etc that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sysimage.characters import is_line
from sysimage.spec.account_ids import check_id, check_name

SHADOW_GROUP = "shadow"
"""The group that may read passwords, in Debian."""


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
        check_name(self.name)
        check_id(self.uid)
        check_id(self.gid)
        for text in (self.comment, self.home, self.shell, self.password_hash):
            if ":" in text or not is_line(text):
                raise ValueError(f"the account {self.name} cannot have a field {text[:80]!r}")

    def passwd_line(self) -> str:
        """Its line of /etc/passwd, without the end."""
        return _line(self.name, "x", self.uid, self.gid, self.comment, self.home, self.shell)

    def shadow_line(self) -> str:
        """Its line of /etc/shadow: without a date of the last change, so that nothing ages."""
        return _line(self.name, self.password_hash, "", "", "", "", "", "", "")


@dataclass(frozen=True, slots=True)
class Group:
    """A group as /etc/group has it. A ValueError for what no line of it can hold."""

    name: str
    gid: int
    members: tuple[str, ...] = ()
    """Sorted; those whose primary group it is are not listed."""

    def __post_init__(self) -> None:
        check_id(self.gid)
        for name in (self.name, *self.members):
            check_name(name)

    def group_line(self) -> str:
        """Its line of /etc/group, without the end."""
        return _line(self.name, "x", self.gid, ",".join(self.members))

    def gshadow_line(self) -> str:
        """Its line of /etc/gshadow: no group has a password."""
        return _line(self.name, "*", "", ",".join(self.members))


@dataclass(frozen=True, slots=True)
class HeldId:
    """An ID and whose it is."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class WantedUser:
    """A requested account; a field of None is chosen, or taken from a base account of that name."""

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
    """Where the request comes from: a JSON pointer or a store path."""


@dataclass(frozen=True, slots=True)
class WantedGroup:
    """A requested group."""

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
    odd_users: tuple[HeldId, ...] = ()
    """Of lines of a base image's that no `User` can hold: the IDs are taken all the same."""
    odd_groups: tuple[HeldId, ...] = ()

    @classmethod
    def of(
        cls,
        users: Iterable[User],
        groups: Iterable[Group],
        homes: Iterable[str] = (),
        *,
        odd_users: Iterable[HeldId] = (),
        odd_groups: Iterable[HeldId] = (),
    ) -> Accounts:
        """Users and groups in any order."""
        return cls(
            tuple(sorted(users, key=lambda user: (user.uid, user.name))),
            tuple(sorted(groups, key=lambda group: (group.gid, group.name))),
            tuple(sorted(homes)),
            tuple(odd_users),
            tuple(odd_groups),
        )

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

    def user_ids(self) -> tuple[HeldId, ...]:
        """Every user ID that is taken."""
        return (*self.odd_users, *(HeldId(user.uid, user.name) for user in self.users))

    def group_ids(self) -> tuple[HeldId, ...]:
        """Every group ID that is taken."""
        return (*self.odd_groups, *(HeldId(group.gid, group.name) for group in self.groups))

    def uid(self, name: str) -> int | None:
        """A user's ID; root has one everywhere, in the images of others too that do not list it."""
        user = self.user(name)
        return user.uid if user is not None else 0 if name == "root" else None

    def gid(self, name: str) -> int | None:
        """A group's ID, root's likewise."""
        group = self.group(name)
        return group.gid if group is not None else 0 if name == "root" else None

    def group_of(self, user: User) -> Group:
        """A user's primary group; a KeyError if the ID belongs to none."""
        for group in self.groups:
            if group.gid == user.gid:
                return group
        raise KeyError(f"no group has the ID {user.gid}")

    def groups_with(self, name: str) -> tuple[str, ...]:
        """The supplementary groups of a user, sorted by name."""
        return tuple(sorted(group.name for group in self.groups if name in group.members))

    @property
    def secret(self) -> tuple[int, int]:
        """Mode and group ID of the files that hold passwords."""
        shadow = self.group(SHADOW_GROUP)
        return (0o640, shadow.gid) if shadow else (0o600, 0)

    def passwd(self) -> bytes:
        """The text of /etc/passwd."""
        return _table(user.passwd_line() for user in self.users)

    def group_file(self) -> bytes:
        """The text of /etc/group."""
        return _table(group.group_line() for group in self.groups)

    def shadow(self) -> bytes:
        """The text of /etc/shadow."""
        return _table(user.shadow_line() for user in self.users)

    def gshadow(self) -> bytes:
        """The text of /etc/gshadow."""
        return _table(group.gshadow_line() for group in self.groups)


NO_ACCOUNTS = Accounts((), ())


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
    return Accounts.of(users, groups)


def _line(*fields: object) -> str:
    return ":".join(map(str, fields))


def _table(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
