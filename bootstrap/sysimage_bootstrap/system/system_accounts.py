"""The accounts of a system: Debian's base accounts, its packages' daemons, and those that its spec declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sysimage.errors import IntegrityError, SpecError
from sysimage.rootfs.accounts import NO_ACCOUNTS, Accounts, User, parse_accounts
from sysimage.rootfs.add_accounts import add_accounts
from sysimage.rootfs.declared_entries import declared_groups, declared_users
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.system.installed import Installed, provider
from sysimage_bootstrap.system.sysusers import parse_sysusers
from sysimage_bootstrap.system.tmpfiles import mentioned_accounts, runtime_directories

_MASTER = "share/base-passwd"
_NO_LOGIN = "/usr/sbin/nologin"


def system_accounts(spec: SystemSpec, packages: Sequence[Installed], below: Accounts = NO_ACCOUNTS) -> Accounts:
    """Settle all accounts, so that they can be added to those of the image ``below``; a `SpecError` names what
    contradicts itself."""
    base = _base_accounts(packages)
    users, groups = parse_sysusers(
        (f"{package.path}/{relative}", file.read_text(encoding="utf-8", errors="surrogateescape"))
        for package in packages
        for relative, file in package.walk("lib/sysusers.d")
        if relative.endswith(".conf")
    )
    users = [user for user in users if base.user(user.name) is None]
    groups = [group for group in groups if base.group(group.name) is None]
    known_users = {user.name for user in base.users} | {user.name for user in users} | set(spec.users)
    known_groups = {group.name for group in base.groups} | {group.name for group in groups} | set(spec.groups)
    more_users, more_groups = mentioned_accounts(runtime_directories(packages), known_users, known_groups | known_users)
    return add_accounts(
        base, [*users, *more_users, *declared_users(spec)], [*groups, *more_groups, *declared_groups(spec)], below
    )


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
