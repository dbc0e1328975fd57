"""Whom a system knows: Debian's base accounts, the daemons of its packages, and whom its spec declares."""

from __future__ import annotations

from collections.abc import Sequence

from sysimage.errors import SpecError
from sysimage.rootfs.accounts import Accounts, WantedGroup, WantedUser, parse_accounts, settle
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.system.installed import Installed, provider
from sysimage_bootstrap.system.sysusers import parse_sysusers
from sysimage_bootstrap.system.wanted_directories import mentioned_accounts, wanted_directories

_MASTER = "share/base-passwd"


def system_accounts(spec: SystemSpec, packages: Sequence[Installed]) -> Accounts:
    """Settle all accounts; a `SpecError` names what contradicts itself."""
    base = _base_accounts(packages)
    users, groups = parse_sysusers(
        (f"{package.path}/{relative}", file.read_text(encoding="utf-8"))
        for package in packages
        for relative, file in package.walk("lib/sysusers.d")
        if relative.endswith(".conf")
    )
    users = [user for user in users if base.user(user.name) is None]
    groups = [group for group in groups if base.group(group.name) is None]
    known_users = {user.name for user in base.users} | {user.name for user in users} | set(spec.users)
    known_groups = {group.name for group in base.groups} | {group.name for group in groups} | set(spec.groups)
    more_users, more_groups = mentioned_accounts(wanted_directories(packages), known_users, known_groups | known_users)
    return settle(base, [*users, *more_users, *_declared_users(spec)], [*groups, *more_groups, *_declared_groups(spec)])


def _base_accounts(packages: Sequence[Installed]) -> Accounts:
    package = provider(packages, f"{_MASTER}/passwd.master")
    if package is None:
        raise SpecError("cannot make the accounts: the system has no base-passwd", hint="do not exclude base-passwd")
    master = package.location / _MASTER
    return parse_accounts(
        (master / "passwd.master").read_text(encoding="utf-8"), (master / "group.master").read_text(encoding="utf-8")
    )


def _declared_users(spec: SystemSpec) -> list[WantedUser]:
    return [
        WantedUser(
            name,
            uid=user.uid,
            group=user.group,
            groups=user.groups,
            comment=user.comment or None,
            home=user.home,
            shell=user.shell,
            password_hash=user.password_hash if "password_hash" in user.model_fields_set else None,
            system=user.system,
            origin=f"/users/{name}",
        )
        for name, user in spec.users.items()
    ]


def _declared_groups(spec: SystemSpec) -> list[WantedGroup]:
    return [
        WantedGroup(name, group.gid, group.members, system=_is_system(spec, name), origin=f"/groups/{name}")
        for name, group in spec.groups.items()
    ]


def _is_system(spec: SystemSpec, group: str) -> bool:
    """Whether a declared group's ID is to be a daemon's: it is, unless a person's account has it as its own."""
    return all(user.system for name, user in spec.users.items() if (user.group or name) == group)
