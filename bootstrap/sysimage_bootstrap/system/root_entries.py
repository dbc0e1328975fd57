"""What the root file system of a system made of packages has beside /etc, accounts and registration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.declared_entries import is_executable
from sysimage.rootfs.tree import Entry
from sysimage_bootstrap.system.installed_packages import Installed, provider

_ROOT_FILES = {".bashrc": "share/base-files/dot.bashrc", ".profile": "share/base-files/dot.profile"}


def var_entries() -> Iterator[Entry]:
    """Directories that have moved."""
    yield Entry.symlink("/var/run", "/run")
    yield Entry.symlink("/var/lock", "/run/lock")
    yield Entry.directory("/run/lock", 0o1777)


def home_entries(accounts: Accounts, packages: Sequence[Installed]) -> Iterator[Entry]:
    """The home directories that the image is to have, with what /etc/skel holds; root's has what Debian puts there."""
    for name, relative in _ROOT_FILES.items():
        package = provider(packages, relative)
        if package is not None:
            yield Entry.file(f"/root/{name}", package.location / relative, owner=str(package.path))
    skeleton = {file.name: file for package in packages for _, file in package.walk("etc/skel") if file.is_file()}
    for name in accounts.homes:
        user = accounts.user(name)
        if user is None:
            continue
        yield Entry.directory(user.home, 0o700, user.uid, user.gid, f"/users/{name}")
        if user.home.startswith("/home/"):
            for file_name, file in sorted(skeleton.items()):
                mode = 0o755 if is_executable(file) else 0o644
                yield Entry.file(f"{user.home}/{file_name}", file, mode, user.uid, user.gid, f"/users/{name}")
