"""What packages have outside /usr and /etc: empty directories for their data, mostly, and a few files to start from.

Such things are not links into the store but entries of the image, because they are there to be changed. Directories
that a package wants when the system runs are treated alike.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.tree import Entry
from sysimage_bootstrap.debs.inventory import Attributes
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.system.owners import group_id, owner_ids, user_id
from sysimage_bootstrap.system.tmpfiles import final_path, runtime_directories

_TOPS = ("home", "media", "mnt", "opt", "root", "run", "srv", "tmp", "var")
PACKAGE_MANAGER = re.compile(r"/var/(lib/(dpkg|apt|ucf|systemd)|cache/(apt|debconf|ldconfig))(/.*)?")
"""State of programs that do nothing here."""
_PLAIN = Attributes(0o755, "root", "root", directory=True)


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
    for directory in runtime_directories(packages):
        if PACKAGE_MANAGER.fullmatch(directory.path) or directory.path.startswith(("/etc/", "/usr/", "/dev/")):
            continue
        uid, gid = user_id(accounts, directory.owner), group_id(accounts, directory.group)
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
    path = final_path(f"/{relative}")
    file = package.location / relative
    if PACKAGE_MANAGER.fullmatch(path) or path in ("/run", "/var/run", "/var/lock"):
        return
    found = attributes.get(relative)
    if file.is_symlink():
        yield Entry.symlink(path, _target(package, relative), owner=str(package.path))
    elif file.is_dir():
        found = found or _PLAIN
        yield Entry.directory(path, found.mode, *owner_ids(accounts, found), str(package.path))
    else:
        mode = found.mode if found else 0o755 if file.stat().st_mode & 0o100 else 0o644
        uid, gid = owner_ids(accounts, found) if found else (0, 0)
        yield Entry.file(path, file, mode, uid, gid, str(package.path))


def _target(package: Installed, relative: str) -> str:
    """The target of an item's link in the image. What is next to the link in the item, but not in the image, is found
    in the store."""
    said = str((package.location / relative).readlink())
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(relative), said))
    stays = said.startswith("/") or inside.split("/")[0] in (*_TOPS, "etc")
    return said if stays else f"{package.path}/{inside}"
