"""An image of store items without an init: links into them, accounts, search paths and a program to run.

The counterpart of ``guix pack -f docker`` and of nixpkgs' image builders, whose semantics are kept where they have any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from sysimage.errors import Issue, SpecError
from sysimage.from_store.contents import Content, union
from sysimage.from_store.item_files import ItemFiles
from sysimage.from_store.search_paths import search_paths
from sysimage.rootfs.accounts import Accounts, Group, User
from sysimage.rootfs.add_accounts import add_accounts
from sysimage.rootfs.declared_entries import declared_groups, declared_users
from sysimage.rootfs.provision import skeleton
from sysimage.rootfs.system import ImageDefaults
from sysimage.rootfs.tree import Entry, Kind
from sysimage.spec.base_accounts import BASE_GROUPS, BASE_USERS
from sysimage.spec.json_text import pointer
from sysimage.spec.model import StoreContent, StoreKind, StoreSource, SystemSpec
from sysimage.store.paths import StorePath

_NO_GROUP = 65534


def pack_accounts(spec: SystemSpec, base: Accounts | None) -> Accounts:
    """Those of the image below, or the ones that the spec may name without declaring them, and what it declares."""
    return add_accounts(base or _known_accounts(), declared_users(spec), declared_groups(spec))


def _known_accounts() -> Accounts:
    users = [
        User(name, uid, BASE_GROUPS.get(name, _NO_GROUP), home="/root" if uid == 0 else "/nonexistent",
             shell="/bin/sh" if uid == 0 else "/usr/sbin/nologin")
        for name, uid in BASE_USERS.items()
    ]  # fmt: skip
    return Accounts.of(users, [Group(name, gid) for name, gid in BASE_GROUPS.items()])


def pack_defaults(
    spec: SystemSpec, roots: Sequence[StorePath], files: ItemFiles, base_environment: Mapping[str, str]
) -> ImageDefaults:
    """The program that a container runs, and its environment, added to that of the image below.

    A `SpecError` if a program that is named relative to the item is not in it.
    """
    entry_point, command = list(spec.entry_point), list(spec.command)
    for words, key in ((entry_point, "entry-point"), (command, "command")):
        if words and "/" in words[0] and not words[0].startswith("/") and not (words is command and entry_point):
            words[0] = f"{roots[0]}/{words[0]}"
            if not files.is_program(words[0]):
                raise SpecError(
                    f"cannot run {words[0]}: there is no such program", issues=[Issue(f"/{key}/0", "see above")]
                )
    environment = {**search_paths(roots, files, base_environment), **dict(sorted(spec.environment.items()))}
    return ImageDefaults(tuple(entry_point), tuple(command), spec.stop_signal, environment)


def real_directories(
    spec: SystemSpec, declared: Sequence[Entry], is_base_directory: Callable[[str], bool]
) -> Callable[[str], bool]:
    """Says of an image path whether something beside the contents needs a directory there."""
    places = [entry.path for entry in (*skeleton(spec.store), *declared) if entry.kind is Kind.DIRECTORY]
    places += [user.home for user in spec.users.values() if user.home is not None]
    inner = [entry.path for entry in declared] + places + list(spec.from_store.links if spec.from_store else ())
    needed = {*places, *(str(above) for path in inner for above in PurePosixPath(path).parents)}
    return lambda path: path in needed or is_base_directory(path)


def decided_paths(spec: SystemSpec, declared: Sequence[Entry]) -> Callable[[str], bool]:
    """A function from an image path to whether the spec itself declares a file or a link there."""
    links = spec.from_store.links if spec.from_store else {}
    found = {entry.path for entry in declared if entry.kind is not Kind.DIRECTORY} | links.keys()
    return found.__contains__


def content_entries(
    contents: Sequence[StoreContent],
    tops: Sequence[str],
    files: ItemFiles,
    accounts: Accounts,
    is_real: Callable[[str], bool],
    is_decided: Callable[[str], bool],
) -> list[Entry]:
    """The union of the spec's ``contents``, which are the items ``tops``. A `SpecError` names every conflict."""
    issues = []
    parts = []
    for number, (content, top) in enumerate(zip(contents, tops, strict=True)):
        where = f"/from-store/contents/{number}"
        uid, gid = accounts.uid(content.owner), accounts.gid(content.group)
        if uid is None:
            issues.append(Issue(f"{where}/owner", f"there is no user {content.owner!r}"))
        if gid is None:
            issues.append(Issue(f"{where}/group", f"there is no group {content.group!r}"))
        if uid is not None and gid is not None:
            parts.append(Content(top, where, content.copy_, uid, gid, content.mode, content.capabilities))
    entries, conflicts = union(parts, files, is_real, is_decided)
    if issues or conflicts:
        raise SpecError(
            "cannot put the contents at the root of the image",
            hint="leave one of the items out, or say in symlinks or files what is there",
            issues=[*issues, *conflicts],
        )
    return entries


def pack_entries(
    spec: SystemSpec, source: StoreSource, item: StorePath, files: ItemFiles, accounts: Accounts
) -> Iterator[Entry]:
    """Links into the first item, homes of the declared users, and the generation links of a Guix profile."""
    issues = []
    for path, target in sorted(source.links.items()):
        meant = str(item) if target == "." else f"{item}/{target}"
        if files.find(meant) is None:
            issues.append(Issue(pointer("from-store", "links", path), f"{meant} is not there"))
        yield Entry.symlink(path, meant, owner="/from-store/links")
    if issues:
        raise SpecError("cannot make the links that the spec asks for", issues=issues)
    for name in accounts.homes:
        user = accounts.user(name)
        if user is not None:
            yield Entry.directory(user.home, 0o700, user.uid, user.gid, f"/users/{name}")
    if spec.store.database and spec.store.kind is StoreKind.GUIX and files.find(f"{item}/manifest") is not None:
        own = f"{spec.store.state_dir}/profiles/per-user/root/guix-profile"
        owner = spec.store.uid, spec.store.gid
        yield Entry.symlink(own, "guix-profile-1-link", *owner)
        yield Entry.symlink(f"{own}-1-link", str(item), *owner)
