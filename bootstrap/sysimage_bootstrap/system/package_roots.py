"""What packages have outside /usr and /etc: empty directories for their data, mostly, and a few files to start from.

Such things are not links into the store but entries of the image, because they are there to be changed. Directories
that a package asks for in tmpfiles.d(5) are treated alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sysimage.rootfs.accounts import Accounts, WantedGroup, WantedUser
from sysimage.rootfs.tree import Entry
from sysimage_bootstrap.items.inventory import Attributes
from sysimage_bootstrap.system.installed import Installed

_TOPS = ("home", "media", "mnt", "opt", "root", "run", "srv", "tmp", "var")
_PACKAGE_MANAGER = re.compile(r"/var/(lib/(dpkg|apt|ucf|systemd)|cache/(apt|debconf|ldconfig))(/.*)?")
"""State of programs that do nothing here."""
_PLAIN = Attributes(0o755, "root", "root", directory=True)
_DIRECTORY_LINES = frozenset({"d", "D", "v", "q", "Q"})


@dataclass(frozen=True, slots=True)
class TmpfilesDirectory:
    """A directory that a package wants to exist when the system runs."""

    path: str
    mode: int
    owner: str
    group: str
    origin: str


def tmpfiles_directories(packages: Iterable[Installed]) -> tuple[TmpfilesDirectory, ...]:
    """The directories that the packages' tmpfiles.d files create. Lines with specifiers (``%``) and those that do other
    things than making a directory are for a machine that is being used, and left out."""
    found: dict[str, TmpfilesDirectory] = {}
    for package in packages:
        for _, file in package.walk("lib/tmpfiles.d"):
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                kind, path, mode, owner, group = [*line.split(), *["-"] * 5][:5]
                if kind.rstrip("!-+=~^$") not in _DIRECTORY_LINES or "%" in line or not path.startswith("/"):
                    continue
                path = _final("/" + "/".join(filter(None, path.split("/"))))
                bits = mode.lstrip("~:")
                found[path] = TmpfilesDirectory(
                    path,
                    0o755 if bits == "-" else int(bits, 8),
                    "root" if owner == "-" else owner,
                    "root" if group == "-" else group,
                    str(package.path),
                )
    return tuple(found[path] for path in sorted(found))


def mentioned_accounts(
    directories: Iterable[TmpfilesDirectory], users: Iterable[str], groups: Iterable[str]
) -> tuple[list[WantedUser], list[WantedGroup]]:
    """Daemons' accounts that directories belong to and nobody declares: maintainer scripts would have made them."""
    known_users, known_groups = set(users), set(groups)
    directories = tuple(directories)
    return (
        [
            WantedUser(d.owner, system=True, make_home=False, origin=d.origin)
            for d in directories
            if d.owner not in known_users and not d.owner.isdecimal()
        ],
        [
            WantedGroup(d.group, system=True, origin=d.origin)
            for d in directories
            if d.group not in known_groups and not d.group.isdecimal()
        ],
    )


def package_entries(packages: Iterable[Installed], accounts: Accounts) -> tuple[Entry, ...]:
    """Entries of the image for what the packages have outside /usr and /etc, sorted by path.

    Where two packages have the same directory, the one that says something special about it counts.
    """
    packages = tuple(packages)
    entries: dict[str, Entry] = {}
    for package in packages:
        for entry in _own_entries(package, accounts):
            known = entries.get(entry.path)
            if known is None or (known.mode, known.uid, known.gid) == (_PLAIN.mode, 0, 0):
                entries[entry.path] = entry
    for directory in tmpfiles_directories(packages):
        if _PACKAGE_MANAGER.fullmatch(directory.path) or directory.path.startswith(("/etc/", "/usr/", "/dev/")):
            continue
        uid, gid = _ids(accounts, directory.owner, directory.group)
        entries[directory.path] = Entry.directory(directory.path, directory.mode, uid, gid, directory.origin)
    return tuple(entries[path] for path in sorted(entries))


def _own_entries(package: Installed, accounts: Accounts) -> Iterator[Entry]:
    attributes: Mapping[str, Attributes] = package.attributes
    for top in _TOPS:
        if (package.location / top).is_dir():
            yield from _entry(package, top, attributes, accounts)
        for relative, _ in package.walk(top):
            yield from _entry(package, relative, attributes, accounts)


def _entry(
    package: Installed, relative: str, attributes: Mapping[str, Attributes], accounts: Accounts
) -> Iterator[Entry]:
    path = _final(f"/{relative}")
    file = package.location / relative
    if _PACKAGE_MANAGER.fullmatch(path) or path in ("/run", "/var/run", "/var/lock"):
        return
    found = attributes.get(relative)
    if file.is_symlink():
        yield Entry.symlink(path, str(file.readlink()), owner=str(package.path))
    elif file.is_dir():
        found = found or _PLAIN
        yield Entry.directory(path, found.mode, *_ids(accounts, found.owner, found.group), str(package.path))
    else:
        mode = found.mode if found else 0o755 if file.stat().st_mode & 0o100 else 0o644
        uid, gid = _ids(accounts, found.owner, found.group) if found else (0, 0)
        yield Entry.file(path, file, mode, uid, gid, str(package.path))


def _final(path: str) -> str:
    """Where a path leads once /var/run and /var/lock are what they are."""
    for link, target in (("/var/run", "/run"), ("/var/lock", "/run/lock")):
        if path == link or path.startswith(f"{link}/"):
            return target + path.removeprefix(link)
    return path


def _ids(accounts: Accounts, owner: str, group: str) -> tuple[int, int]:
    user, found = accounts.user(owner), accounts.group(group)
    uid = user.uid if user else int(owner) if owner.isdecimal() else 0
    gid = found.gid if found else int(group) if group.isdecimal() else 0
    return uid, gid
