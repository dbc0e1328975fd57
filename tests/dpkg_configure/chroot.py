"""A chroot in which dpkg has configured packages, and the same packages unpacked only."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sysimage.rootfs.tree import Kind
from sysimage_bootstrap.archive import default_sources
from sysimage_bootstrap.debs.control_files import MAINTAINER_FILES
from sysimage_bootstrap.scripts.read_scripts import PackageScripts
from sysimage_bootstrap.scripts.root_files import FileNode

_MERGED = ("bin", "lib", "lib64", "sbin")


@dataclass(frozen=True, slots=True)
class Chroot:
    """Both trees, by their tops."""

    configured: Path
    unpacked: Path


def make_chroot(top: Path, packages: Iterable[str]) -> Chroot:
    """Let mmdebstrap install packages, and unpack the same ones beside that."""
    configured, unpacked = top / "configured", top / "unpacked"
    sources = [f"deb {source.uri} {source.suite} main" for source in default_sources(Path("/etc/apt"))]
    options = [
        "--quiet",
        "--mode=root",
        "--variant=essential",
        "--skip=essential/unlink",
        "--skip=cleanup/apt,cleanup/reproducible",
        '--aptopt=APT::Keep-Downloaded-Packages "true"',
        '--aptopt=Acquire::Check-Valid-Until "false"',
        f"--include={','.join(packages)}",
    ]
    subprocess.run(["mmdebstrap", *options, "trixie", configured, *sources], check=True)
    unpacked.mkdir()
    for name in _MERGED:
        (unpacked / "usr" / name).mkdir(parents=True, exist_ok=True)
        (unpacked / name).symlink_to(f"usr/{name}")
    for deb in sorted((configured / "var/cache/apt/archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", deb, unpacked], check=True)
    return Chroot(configured, unpacked)


def scripts_of(configured: Path) -> list[PackageScripts]:
    """The control files of all packages, in the order in which dpkg has configured them."""
    status = (configured / "var/lib/dpkg/status").read_text()
    versions = dict(re.findall(r"^Package: (\S+)\n(?:.+\n)*?Version: (\S+)$", status, re.MULTILINE))
    log = (configured / "var/log/dpkg.log").read_text()
    order = dict.fromkeys(name for name in re.findall(r" configure ([^\s:]+)", log) if name in versions)
    return [
        PackageScripts(name, versions[name], dict(_control_files(configured / "var/lib/dpkg/info", name)))
        for name in (*order, *(name for name in sorted(versions) if name not in order))
    ]


def _control_files(info: Path, package: str) -> Iterator[tuple[str, str]]:
    for name in MAINTAINER_FILES:
        for file in (info / f"{package}.{name}", *info.glob(f"{package}:*.{name}")):
            if file.exists():
                yield name, file.read_text(errors="surrogateescape")


class ChrootFiles:
    """What is below a directory, for the reader of scripts. Names are those of the configured tree's accounts."""

    def __init__(self, top: Path, owners: Owners, info: Path | None = None) -> None:
        self._top, self._owners, self._info = top, owners, info

    def node(self, path: str) -> FileNode | None:
        file = Path(f"{self._top}{path}")
        try:
            found = file.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        mode = stat.S_IMODE(found.st_mode)
        owner, group = self._owners.user(found.st_uid), self._owners.group(found.st_gid)
        if stat.S_ISLNK(found.st_mode):
            return FileNode(Kind.SYMLINK, 0o777, owner, group, target=os.readlink(file))  # noqa: PTH115
        if stat.S_ISDIR(found.st_mode):
            return FileNode(Kind.DIRECTORY, mode, owner, group)
        return FileNode(Kind.FILE, mode, owner, group, file) if stat.S_ISREG(found.st_mode) else None

    def names(self, path: str) -> Iterable[str]:
        try:
            return os.listdir(f"{self._top}{path}")  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def left_out(self, path: str) -> bool:
        return False

    def files_of(self, package: str) -> Iterable[str] | None:
        if self._info is None:
            return None
        lists = [self._info / f"{package}.list", *self._info.glob(f"{package}:*.list")]
        return [line for file in lists if file.exists() for line in file.read_text().splitlines() if line != "/."]


class Owners:
    """Names of the accounts of a tree."""

    def __init__(self, top: Path) -> None:
        self._users = _numbers(top / "etc/passwd") if (top / "etc/passwd").exists() else {}
        self._groups = _numbers(top / "etc/group") if (top / "etc/group").exists() else {}

    def user(self, number: int) -> str:
        return self._users.get(number) or pwd.getpwuid(number).pw_name

    def group(self, number: int) -> str:
        return self._groups.get(number) or grp.getgrgid(number).gr_name


def _numbers(file: Path) -> dict[int, str]:
    return {int(line.split(":")[2]): line.split(":")[0] for line in file.read_text().splitlines() if line}
