"""Compares what the scripts were understood to make with what dpkg has made of them."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sysimage.rootfs.accounts import Accounts, WantedUser, parse_accounts
from sysimage.rootfs.add_accounts import add_accounts
from sysimage.rootfs.tree import Kind
from sysimage_bootstrap.debs.control_files import SCRIPTS
from sysimage_bootstrap.scripts.declarations import Declarations
from sysimage_bootstrap.scripts.read_scripts import PackageScripts, ScriptSettings, read_scripts
from sysimage_bootstrap.scripts.root_files import FileNode, RootFiles
from sysimage_bootstrap.system.sysusers import parse_sysusers
from tests.dpkg_configure.allowed import reason
from tests.dpkg_configure.chroot import Chroot, ChrootFiles, Owners, scripts_of


@dataclass(frozen=True, slots=True)
class Difference:
    """One path at which dpkg has left something else than was understood."""

    path: str
    what: str
    reason: str
    """Why that is right; empty if it is not."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two trees of the same packages."""

    said: Declarations
    faults: tuple[Difference, ...]
    """Without a reason, and not of a package of which a line is listed as not understood."""
    outcomes: Mapping[str, str]
    """Each package with scripts → one of `OUTCOMES`."""

    @classmethod
    def of(cls, chroot: Chroot) -> Comparison:
        scripts = scripts_of(chroot.configured)
        said, files = _understood(chroot, scripts)
        scripted = {one.name: one for one in scripts if any(name in one.files for name in SCRIPTS)}
        unread = {line.package for line in said.unread}
        lists = _lists(chroot.configured / "var/lib/dpkg/info")
        outcomes = {package: "not read whole" if package in unread else "equal whole" for package in scripted}
        faults = []
        made_later = _made_by_tmpfiles(chroot.unpacked) | {start.creates for start in said.first_starts}
        for one in (*_differences(chroot, files), *_account_differences(chroot, said)):
            packages = _packages_of(one.path, said, lists, scripted)
            right = one.reason or one.path in made_later
            if not right and not (packages and packages <= unread):
                faults.append(one)
            for package in packages - unread:
                outcome = "equal by the list" if right else "not equal"
                outcomes[package] = max(outcomes[package], outcome, key=OUTCOMES.index)
        return cls(said, tuple(faults), outcomes)


OUTCOMES = ("equal whole", "equal by the list", "not read whole", "not equal")


def _made_by_tmpfiles(unpacked: Path) -> set[str]:
    """What tmpfiles.d(5) makes: the image has its directories by `sysimage_bootstrap.system.tmpfiles`, and the rest of
    it when it runs."""
    lines = (line.split() for file in (unpacked / "usr/lib/tmpfiles.d").glob("*.conf") for line in file.open())
    return {words[1].rstrip("/") for words in lines if len(words) > 1 and not words[0].startswith("#")}


def _packages_of(
    path: str, said: Declarations, lists: Mapping[str, set[str]], scripted: Mapping[str, PackageScripts]
) -> set[str]:
    """The packages that may have to do with a path: those that ship it, the one whose script was understood to change
    it, or else all whose scripts mention it or a directory that it is in."""
    shipped = {*lists.get(path, ()), *([said.makers[path]] if path in said.makers else [])} & scripted.keys()
    if shipped:
        return shipped
    words = path.partition(" ")[2] or path  # an account, or a path
    while len(words) > len("/var/lib"):
        mentioned = {
            package
            for package, one in scripted.items()
            if any(words in one.files[file] for file in SCRIPTS if file in one.files)
        }
        if mentioned:
            return mentioned
        words = words.rpartition("/")[0]
    return set()


def _lists(info: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for file in info.glob("*.list"):
        for line in file.read_text().splitlines():
            found.setdefault(line, set()).add(file.stem.partition(":")[0])
    return found


def _understood(chroot: Chroot, scripts: Iterable[PackageScripts]) -> tuple[Declarations, RootFiles]:
    """What reading the scripts makes of the unpacked tree."""
    owners = Owners(chroot.configured)
    source = ChrootFiles(chroot.unpacked, owners, chroot.configured / "var/lib/dpkg/info")
    users, groups = parse_sysusers(_sysusers(chroot))
    named = {user.name for user in users}
    settings = ScriptSettings(
        host_name=platform.node(),
        users=dict.fromkeys(named, ""),
        groups=named | {group.name for group in groups},
    )
    said = read_scripts(scripts, source, settings)
    files = RootFiles(source)
    for path, node in sorted(said.changes.items()):
        files.put(path, node)
    return said, files


def _sysusers(chroot: Chroot) -> list[tuple[str, str]]:
    return [(file.name, file.read_text()) for file in sorted((chroot.unpacked / "usr/lib/sysusers.d").glob("*.conf"))]


def _differences(chroot: Chroot, ours: RootFiles) -> Iterator[Difference]:
    """Everything that dpkg has left otherwise."""
    real = RootFiles(ChrootFiles(chroot.configured, Owners(chroot.configured)))
    for path in sorted({*_walk(real, ""), *_walk(ours, "")}):
        wanted, made = real.node(path, follow=False), ours.node(path, follow=False)
        if _shown(wanted) != _shown(made):
            yield Difference(path, f"dpkg: {_shown(wanted)}; understood: {_shown(made)}", reason(path))
        elif (
            wanted is not None and made is not None and wanted.kind is Kind.FILE and real.read(path) != ours.read(path)
        ):
            yield Difference(path, "another content", reason(path))


def _account_differences(chroot: Chroot, said: Declarations) -> Iterator[Difference]:
    """What accounts have otherwise, their IDs left out."""
    real = parse_accounts(*((chroot.configured / "etc" / name).read_text() for name in ("passwd", "group")))
    masters = (chroot.unpacked / "usr/share/base-passwd" / name for name in ("passwd.master", "group.master"))
    base = parse_accounts(*(file.read_text() for file in masters))
    users, groups = parse_sysusers(_sysusers(chroot))
    members = [
        WantedUser(one.name, groups=one.groups, make_home=False) if base.user(one.name) else one for one in said.users
    ]
    wanted = [user for user in users if base.user(user.name) is None]
    more = [group for group in (*groups, *said.groups) if base.group(group.name) is None]
    made = add_accounts(base, [*wanted, *members], more)
    for table in (_users, _groups):
        wanted_lines, made_lines = table(real), table(made)
        for name in sorted(wanted_lines.keys() | made_lines.keys()):
            there, here = wanted_lines.get(name), made_lines.get(name)
            if there != here:
                yield Difference(name, f"dpkg: {there}; understood: {here}", reason(name))


def _users(accounts: Accounts) -> dict[str, tuple[str, ...]]:
    return {
        f"user {user.name}": (accounts.group_of(user).name, user.comment.rstrip(","), user.home, user.shell)
        for user in accounts.users
    }


def _groups(accounts: Accounts) -> dict[str, tuple[str, ...]]:
    return {f"group {group.name}": group.members for group in accounts.groups}


def _walk(files: RootFiles, path: str) -> Iterator[str]:
    for name in files.names(path or "/"):
        below = f"{path}/{name}"
        yield below
        node = files.node(below, follow=False)
        if node is not None and node.kind is Kind.DIRECTORY and not reason(f"{below}/"):
            yield from _walk(files, below)


def _shown(node: FileNode | None) -> str:
    if node is None:
        return "nothing"
    if node.target is not None:
        return f"link to {node.target}"
    return f"{node.kind.value} {node.mode:04o} {node.owner}:{node.group}"
