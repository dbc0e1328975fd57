"""Whether every user and group that is named exists, and every ID belongs to one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from sysimage.errors import Issue
from sysimage.spec.base_accounts import BASE_GROUPS, BASE_USERS
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec
from sysimage.spec.validation_errors import closest

SYSTEM_IDS = 1000
"""Daemons' IDs are below, people's from here on (Debian policy 9.2.2)."""


def check_accounts(spec: SystemSpec, users: frozenset[str], groups: frozenset[str]) -> Iterator[Issue]:
    """Every fault that the spec alone shows. ``users`` and ``groups`` are the declared names; each user has a group of
    its own name too, unless it says which group it is in. On top of another image only that image knows its accounts
    and their IDs, and packages make accounts of their own: then names are looked up when these are known."""
    on_base = spec.from_image is not None and spec.from_store is not None
    if not on_base and not spec.packages:
        own = {name for name in users if name not in spec.users or spec.users[name].group is None}
        yield from unknown_accounts(spec, users | BASE_USERS.keys(), groups | own | BASE_GROUPS.keys())
    uids, gids = ({}, {}) if on_base else (BASE_USERS, BASE_GROUPS)
    yield from _check_ids("users", "uid", {n: u.uid for n, u in spec.users.items()}, uids)
    yield from _check_ids("groups", "gid", {n: g.gid for n, g in spec.groups.items()}, gids)
    for name, user in spec.users.items():
        if user.system and user.uid is not None and user.uid >= SYSTEM_IDS:
            yield Issue(pointer("users", name, "uid"), f"a system user's ID is below {SYSTEM_IDS}, not {user.uid}")


def unknown_accounts(spec: SystemSpec, users: Collection[str], groups: Collection[str]) -> Iterator[Issue]:
    """Every place of the spec that names a user or a group besides these."""
    for where, name in _named_users(spec):
        if name not in users:
            yield _unknown(where, "user", name, users)
    for where, name in _named_groups(spec):
        if name not in groups:
            yield _unknown(where, "group", name, groups)


def _unknown(where: str, kind: str, name: str, known: Iterable[str]) -> Issue:
    return Issue(where, f'no {kind} is called "{name}"; declare it under "{kind}s"', suggestion=closest(name, known))


def _named_users(spec: SystemSpec) -> Iterator[tuple[str, str]]:
    """Places that name a user, and the name."""
    for name, service in spec.services.items():
        if service.user is not None:
            yield pointer("services", name, "user"), service.user
    for name, group in spec.groups.items():
        for index, member in enumerate(group.members):
            yield pointer("groups", name, "members", index), member
    for key, parts in _owned(spec).items():
        for path, (owner, _) in parts.items():
            yield pointer(key, path, "owner"), owner
    if spec.user is not None and not spec.user.split(":")[0].isdecimal():
        yield "/user", spec.user.split(":")[0]


def _named_groups(spec: SystemSpec) -> Iterator[tuple[str, str]]:
    """Places that name a group, and the name."""
    for name, service in spec.services.items():
        if service.group is not None:
            yield pointer("services", name, "group"), service.group
    for name, user in spec.users.items():
        if user.group is not None:
            yield pointer("users", name, "group"), user.group
        for index, group in enumerate(user.groups):
            yield pointer("users", name, "groups", index), group
    for key, parts in _owned(spec).items():
        for path, (_, group) in parts.items():
            yield pointer(key, path, "group"), group
    group = (spec.user or "").partition(":")[2]
    if group and not group.isdecimal():
        yield "/user", group


def _owned(spec: SystemSpec) -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Key of the spec → path → owner and group."""
    return {
        "files": {path: (part.owner, part.group) for path, part in spec.files.items()},
        "trees": {path: (part.owner, part.group) for path, part in spec.trees.items()},
        "directories": {path: (part.owner, part.group) for path, part in spec.directories.items()},
        "privileged-programs": {path: (part.owner, part.group) for path, part in spec.privileged_programs.items()},
    }


def _check_ids(key: str, field: str, declared: Mapping[str, int | None], base: Mapping[str, int]) -> Iterator[Issue]:
    """One ID, one name; a base account that is declared again keeps its ID."""
    holder = {number: name for name, number in base.items()}
    for name, number in sorted(declared.items()):
        if number is None:
            continue
        where = pointer(key, name, field)
        if name in base:
            if number != base[name]:
                yield Issue(where, f"{name} has the {field} {base[name]} in every Debian system, not {number}")
        elif number in holder:
            yield Issue(where, f"{number} is the {field} of {holder[number]} already")
        else:
            holder[number] = name
