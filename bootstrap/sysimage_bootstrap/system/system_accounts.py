"""The accounts of a system: Debian's base accounts, its packages' daemons, and those that its spec declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sysimage.errors import IntegrityError, SpecError
from sysimage.rootfs.accounts import NO_ACCOUNTS, Accounts, User, WantedGroup, WantedUser, parse_accounts
from sysimage.rootfs.add_accounts import add_accounts
from sysimage.rootfs.declared_entries import declared_groups, declared_users
from sysimage.spec.account_ids import NO_IDS, AccountIds
from sysimage.spec.check_accounts import unknown_accounts
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.debs.control_files import SCRIPTS
from sysimage_bootstrap.scripts.declarations import Declarations
from sysimage_bootstrap.system.installed_packages import Installed, provider
from sysimage_bootstrap.system.sysusers import parse_sysusers
from sysimage_bootstrap.system.tmpfiles import mentioned_accounts, runtime_directories

_MASTER = "share/base-passwd"
_NO_LOGIN = "/usr/sbin/nologin"
_MAKES = re.compile(r"^[^#\n]*\b(adduser|addgroup|useradd|groupadd)\s", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class KnownAccounts:
    """What is known of accounts before any maintainer script is read."""

    base: Accounts
    users: tuple[WantedUser, ...]
    """That packages declare in sysusers.d."""
    groups: tuple[WantedGroup, ...]
    not_yet: frozenset[str] = frozenset()
    """Names of those among them that scripts do not find: the script of their package makes them itself."""

    def homes(self, spec: SystemSpec) -> dict[str, str]:
        """The users that scripts find → their homes, as far as these are known."""
        homes = {user.name: user.home for user in self.base.users}
        homes |= {user.name: user.home or "" for user in self.users if user.name not in self.not_yet}
        return homes | {name: user.home or homes.get(name, "") for name, user in spec.users.items()}

    def group_names(self, spec: SystemSpec) -> frozenset[str]:
        """The groups that scripts find."""
        named = {group.name for group in self.base.groups} | {group.name for group in self.groups}
        named |= {user.name for user in self.users}
        return frozenset({*(named - self.not_yet), *spec.groups, *spec.users})


def known_accounts(packages: Sequence[Installed]) -> KnownAccounts:
    """Debian's base accounts, and those that packages declare."""
    base = _base_accounts(packages)
    files = [
        (package, f"{package.path}/{relative}", file.read_text(encoding="utf-8", errors="surrogateescape"))
        for package in packages
        for relative, file in package.walk("lib/sysusers.d")
        if relative.endswith(".conf")
    ]
    users, groups = parse_sysusers((origin, text) for _, origin, text in files)
    users = [user for user in users if base.user(user.name) is None]
    groups = [group for group in groups if base.group(group.name) is None]
    late = {origin for package, origin, _ in files if _makes_accounts(package.facts.maintainer_files)}
    not_yet = {user.name for user in users if user.origin in late}
    not_yet |= {group.name for group in groups if group.origin in late}
    return KnownAccounts(base, tuple(users), tuple(groups), frozenset(not_yet))


def _makes_accounts(scripts: Mapping[str, str]) -> bool:
    """Whether a package that declares accounts makes them by its scripts, as for systems without systemd: these ask
    whether the account is there, and give it what the declaration lacks, such as a home."""
    texts = [scripts[name] for name in SCRIPTS if name in scripts]
    return any(_MAKES.search(text) for text in texts) and not any("systemd-sysusers" in text for text in texts)


def system_accounts(
    spec: SystemSpec,
    packages: Sequence[Installed],
    known: KnownAccounts,
    declarations: Declarations,
    below: Accounts = NO_ACCOUNTS,
    *,
    of_units: tuple[Sequence[WantedUser], Sequence[WantedGroup]] = ((), ()),
    locked: AccountIds = NO_IDS,
) -> Accounts:
    """Settle all accounts, with those that maintainer scripts make, so that they can be added to those of the image
    ``below``; a `SpecError` names what contradicts itself. An account of ``of_units`` is made if no other source names
    it. An ID in ``locked`` counts more than one that a package asks for, and less than one that the spec declares."""
    base = known.base
    users = [*known.users, *_made(declarations.users, base)]
    groups = [*known.groups, *(group for group in declarations.groups if base.group(group.name) is None)]
    known_users = {user.name for user in base.users} | {user.name for user in users} | set(spec.users)
    known_groups = {group.name for group in base.groups} | {group.name for group in groups} | set(spec.groups)
    more_users, more_groups = mentioned_accounts(runtime_directories(packages), known_users, known_groups | known_users)
    more_users = [*(user for user in of_units[0] if user.name not in known_users), *more_users]
    more_groups = [*(group for group in of_units[1] if group.name not in known_groups), *more_groups]
    if issues := list(
        unknown_accounts(
            spec,
            known_users | {user.name for user in more_users},
            _with_own_groups(spec, known_groups, (*users, *more_users)) | {group.name for group in more_groups},
        )
    ):
        raise SpecError("cannot settle users and groups", issues=issues)
    of_packages = [replace(user, uid=None) if user.name in locked.users else user for user in (*users, *more_users)]
    their_groups = [replace(one, gid=None) if one.name in locked.groups else one for one in (*groups, *more_groups)]
    return add_accounts(
        base, [*of_packages, *declared_users(spec)], [*their_groups, *declared_groups(spec)], below, locked
    )


def chosen_ids(spec: SystemSpec, base: Accounts, below: Accounts, accounts: Accounts) -> AccountIds:
    """The IDs in ``accounts`` that a lock file keeps: all but those of Debian's base accounts, of the image below, and
    those that the spec declares."""
    users = {name for name, user in spec.users.items() if user.uid is not None}
    groups = {name for name, group in spec.groups.items() if group.gid is not None}
    users |= {user.name for user in (*base.users, *below.users)}
    groups |= {group.name for group in (*base.groups, *below.groups)}
    return AccountIds(
        {user.name: user.uid for user in accounts.users if user.name not in users},
        {group.name: group.gid for group in accounts.groups if group.name not in groups},
    )


def _with_own_groups(spec: SystemSpec, groups: set[str], users: Iterable[WantedUser]) -> set[str]:
    """The groups, and those of users' own names, unless a user has another."""
    declared = {name for name, user in spec.users.items() if user.group is None}
    return groups | declared | {user.name for user in users if user.group is None}


def _made(users: Sequence[WantedUser], base: Accounts) -> list[WantedUser]:
    """The users that scripts make. A base account that a script adds to a group keeps its other fields."""
    return [
        user if base.user(user.name) is None else WantedUser(user.name, groups=user.groups, make_home=False)
        for user in users
    ]


def _base_accounts(packages: Sequence[Installed]) -> Accounts:
    package = provider(packages, f"{_MASTER}/passwd.master")
    if package is None:
        raise SpecError("cannot make the accounts: the system has no base-passwd", hint="do not exclude base-passwd")
    texts = [
        (package.location / _MASTER / name).read_text(encoding="utf-8", errors="surrogateescape")
        for name in ("passwd.master", "group.master")
    ]
    try:
        base = parse_accounts(*texts)
        return replace(base, users=tuple(_with_a_shell(user, packages) for user in base.users))
    except ValueError as error:
        raise IntegrityError(f"cannot read the base accounts of {package.path}: {error}") from None


def _with_a_shell(user: User, packages: Sequence[Installed]) -> User:
    """A base account as the image can have it: small systems may lack its shell."""
    for shell in (user.shell, "/bin/sh", _NO_LOGIN):
        if shell == _NO_LOGIN or provider(packages, shell.removeprefix("/").removeprefix("usr/")) is not None:
            return replace(user, shell=shell)
    return user
