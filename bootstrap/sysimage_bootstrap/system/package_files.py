"""The files of a system's packages as their maintainer scripts find them: at Debian's paths, with Debian's links."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from sysimage.rootfs.tree import Kind
from sysimage_bootstrap.debian.merged_usr import LINKS_TO_USR
from sysimage_bootstrap.debs.inventory import OWN_SHARE
from sysimage_bootstrap.scripts.root_files import FileNode
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.system.tmpfiles import LINKS_TO_RUN
from sysimage_bootstrap.system.usr_files import is_shown

_DIRECTORIES = frozenset(
    {"/", "/dev", "/etc", "/home", "/mnt", "/opt", "/proc", "/root", "/run", "/run/lock", "/srv", "/sys", "/usr"}
    | {"/tmp", "/var/tmp"}  # noqa: S108 - the image's
    | {"/usr/local", "/usr/local/bin", "/usr/local/lib", "/usr/local/share", "/usr/local/sbin", "/var", "/var/cache"}
    | {"/var/lib", "/var/log", "/var/spool", "/var/lib/dpkg", "/var/lib/systemd"}
)


class PackageFiles:
    """What the packages have, whichever way the image shows it."""

    def __init__(self, packages: Sequence[Installed], store_dir: str) -> None:
        self._packages = packages
        self._store = f"{store_dir}/"
        self._left_out = {f"/usr/{path}" for package in packages for path in package.facts.left_out}

    def node(self, path: str) -> FileNode | None:
        """What the packages have at an absolute path."""
        if path in LINKS_TO_RUN:
            return FileNode.symlink(LINKS_TO_RUN[path])
        if path in _DIRECTORIES:
            return FileNode.directory(0o1777 if path.endswith("tmp") else 0o700 if path == "/root" else 0o755)
        relative = self._in_item(path)
        if relative is None:
            name = path[1:]
            return FileNode.symlink(f"usr/{name}") if name in LINKS_TO_USR and self._holders(name) else None
        found: FileNode | None = None
        for package in self._holders(relative):
            node = self._of(package, relative)
            if node.kind is not Kind.DIRECTORY:
                return node
            if found is None or found == FileNode.directory():
                found = node
        return found

    def names(self, path: str) -> Iterable[str]:
        """The names in a directory."""
        if path == "/":
            return {one[1:] for one in _DIRECTORIES if one.count("/") == 1 and one != "/"} | {
                name for name in LINKS_TO_USR if self._holders(name)
            }
        relative = "" if path == "/usr" else self._in_item(path)
        found: set[str] = set()
        if relative is not None:
            found = {name for package in self._packages for name in package.names(relative)}
            found = {name for name in found if is_shown(f"{relative}/{name}" if relative else name) or path != "/usr"}
        if path == "/usr":
            found |= {"local"}
        return found | {
            posixpath.basename(one) for one in (*_DIRECTORIES, *LINKS_TO_RUN) if posixpath.dirname(one) == path
        }

    def left_out(self, path: str) -> bool:
        """Whether a slim item lacks what its package has there."""
        return path in self._left_out

    def files_of(self, package: str) -> Iterable[str] | None:
        """The image paths of everything that a package has, and of what its slim item lacks."""
        found = next((one for one in self._packages if one.name == package), None)
        if found is None:
            return None
        inside = [*(path for path, _ in found.walk_all()), *found.facts.left_out]
        return [f"/usr/{path}" if is_shown(path) else f"/{path}" for path in inside if not path.startswith(OWN_SHARE)]

    def _holders(self, relative: str) -> list[Installed]:
        return [package for package in self._packages if package.has(relative)]

    def _in_item(self, path: str) -> str | None:
        """Where an item has what is at an image path; None for what no item shows there."""
        if path.startswith("/usr/"):
            relative = path[len("/usr/") :]
            return relative if is_shown(relative) else None
        relative = path[1:]
        return relative if not is_shown(relative) and not relative.startswith(OWN_SHARE) else None

    def _of(self, package: Installed, relative: str) -> FileNode:
        file = package.location / relative
        said = package.attributes.get(relative)
        if file.is_symlink():
            return FileNode.symlink(self._target(package, relative, str(file.readlink())))
        owner, group = (said.owner, said.group) if said else ("root", "root")
        if file.is_dir():
            return FileNode(Kind.DIRECTORY, said.mode if said else 0o755, owner, group)
        mode = said.mode if said else 0o755 if file.stat().st_mode & 0o100 else 0o644
        return FileNode(Kind.FILE, mode, owner, group, file)

    def _target(self, package: Installed, relative: str, says: str) -> str:
        """What a link says in Debian: those that lead from item to item were rewritten."""
        if relative in package.facts.links:
            return package.facts.links[relative]
        if says.startswith(self._store):
            inside = says[len(self._store) :].partition("/")[2]
            return f"/usr/{inside}" if is_shown(inside) else f"/{inside}"
        return says
