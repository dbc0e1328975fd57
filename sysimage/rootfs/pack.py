"""An image of store items without an init: links into them, accounts, search paths and a program to run.

The counterpart of ``guix pack -f docker`` and of nixpkgs' image builders, whose semantics are kept where they have any.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sysimage.errors import Issue, SpecError
from sysimage.rootfs.accounts import Accounts, Group, User, settle
from sysimage.rootfs.declared import declared_groups, declared_users
from sysimage.rootfs.inside import Inside
from sysimage.rootfs.system import ImageDefaults
from sysimage.rootfs.tree import Entry
from sysimage.spec.base_accounts import BASE_GROUPS, BASE_USERS
from sysimage.spec.model import StoreKind, StoreSource, SystemSpec
from sysimage.store.paths import StorePath

_SEARCH_PATH = re.compile(
    r'^export ([A-Za-z_][A-Za-z0-9_]*)="\$\{GUIX_PROFILE:-[^}]*\}(/[^"$\x00-\x1f\x7f]*)(?:\$\{\1:\+(.)\}\$\1)?"$',
    re.MULTILINE,
)
"""How a profile's ``etc/profile`` says a search path (guix/build/profiles.scm in Guix)."""
_NO_GROUP = 65534


def pack_accounts(spec: SystemSpec, base: Accounts | None) -> Accounts:
    """Those of the image below, or the ones that the spec may name without declaring them, and what it declares."""
    return settle(base or _known_accounts(), declared_users(spec), declared_groups(spec))


def _known_accounts() -> Accounts:
    users = [
        User(name, uid, BASE_GROUPS.get(name, _NO_GROUP), home="/root" if uid == 0 else "/nonexistent",
             shell="/bin/sh" if uid == 0 else "/usr/sbin/nologin")
        for name, uid in BASE_USERS.items()
    ]  # fmt: skip
    groups = [Group(name, gid) for name, gid in BASE_GROUPS.items()]
    return Accounts(
        tuple(sorted(users, key=lambda user: (user.uid, user.name))),
        tuple(sorted(groups, key=lambda group: (group.gid, group.name))),
    )


def pack_defaults(spec: SystemSpec, roots: Sequence[StorePath], inside: Inside) -> ImageDefaults:
    """What runs, and in which environment. A `SpecError` if the program that is said to be in the item is not."""
    entry_point, command = list(spec.entry_point), list(spec.command)
    for words, key in ((entry_point, "entry-point"), (command, "command")):
        if words and "/" in words[0] and not words[0].startswith("/") and not (words is command and entry_point):
            words[0] = f"{roots[0]}/{words[0]}"
            if not inside.is_program(words[0]):
                raise SpecError(
                    f"cannot run {words[0]}: there is no such program", issues=[Issue(f"/{key}/0", "see above")]
                )
    environment = {**search_paths(roots, inside), **dict(sorted(spec.environment.items()))}
    return ImageDefaults(tuple(entry_point), tuple(command), spec.stop_signal, environment)


def search_paths(roots: Sequence[StorePath], inside: Inside) -> dict[str, str]:
    """Variables under which programs find what the items have. Guix's profiles say theirs; others have a PATH."""
    found: dict[str, list[str]] = {}
    separators = {"PATH": ":"}
    for root in roots:
        profile = inside.find(f"{root}/etc/profile")
        said = _SEARCH_PATH.findall(profile.read_text("utf-8", "replace")) if profile is not None else []
        for name, path, separator in said or _programs(root, inside):
            separators.setdefault(name, separator or ":")
            places = [f"{root}{part}" for part in path.split(separators[name])]
            found.setdefault(name, []).extend(place for place in places if place not in found.get(name, []))
    return {name: separators[name].join(places) for name, places in found.items()}


def _programs(root: StorePath, inside: Inside) -> list[tuple[str, str, str]]:
    return [("PATH", f"/{name}", ":") for name in ("bin", "sbin") if inside.find(f"{root}/{name}") is not None]


def pack_entries(
    spec: SystemSpec, source: StoreSource, item: StorePath, inside: Inside, accounts: Accounts
) -> Iterator[Entry]:
    """Links into the first item, homes of the declared users, and the generation links of a profile of Guix's."""
    issues = []
    for path, target in sorted(source.links.items()):
        meant = str(item) if target == "." else f"{item}/{target}"
        if inside.find(meant) is None:
            issues.append(
                Issue(f"/from-store/links/{path.replace('~', '~0').replace('/', '~1')}", f"{meant} is not there")
            )
        yield Entry.symlink(path, meant, owner="/from-store/links")
    if issues:
        raise SpecError("cannot make the links that the spec asks for", issues=issues)
    for name in accounts.homes:
        user = accounts.user(name)
        if user is not None:
            yield Entry.directory(user.home, 0o700, user.uid, user.gid, f"/users/{name}")
    if spec.store.database and spec.store.kind is StoreKind.GUIX and inside.find(f"{item}/manifest") is not None:
        own = f"{spec.store.state_dir}/profiles/per-user/root/guix-profile"
        yield Entry.symlink(own, "guix-profile-1-link")
        yield Entry.symlink(f"{own}-1-link", str(item))
