"""Programs with set-user-ID or set-group-ID bits, which no store item can have.

They are copies that the image has from the start, and the profile's link to such a program leads there:
``/usr/bin/su`` is the program that works. Not below /run as in a Guix system: a container's /run may be a file system
from which nothing can be executed (``docker run --tmpfs /run``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sysimage.errors import Issue, SpecError
from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.system.installed import Installed, provider

DIRECTORY = "/var/lib/privileged/bin"
_SET_ID = 0o6000


@dataclass(frozen=True, slots=True)
class PrivilegedCopy:
    """A copy of a store's program with bits and owner of its own."""

    relative: str
    """Path of the program in the profile, such as ``bin/su``."""
    source: str
    """The program in the store."""
    content: Path
    """The same on this machine."""
    mode: int
    uid: int
    gid: int
    origin: str

    @property
    def target(self) -> str:
        """Image path of the copy."""
        return f"{DIRECTORY}/{PurePosixPath(self.relative).name}"

    def entry(self) -> Entry:
        return Entry.file(self.target, self.content, self.mode, self.uid, self.gid, self.origin)


def privileged_copies(
    spec: SystemSpec, packages: Iterable[Installed], accounts: Accounts
) -> tuple[PrivilegedCopy, ...]:
    """What the packages ship with such bits, and what the spec declares (which counts), sorted by path.

    A `SpecError` names programs that no package has, unknown owners, and two programs of the same name.
    """
    packages = tuple(packages)
    issues: list[Issue] = []
    wanted = dict(_packaged(packages))
    wanted |= dict(_declared(spec, packages, issues))
    copies: dict[str, PrivilegedCopy] = {}
    for relative, (package, mode, owner, group, origin) in sorted(wanted.items()):
        user, found_group = accounts.user(owner), accounts.group(group)
        if user is None or found_group is None:
            issues.append(Issue(origin, f"there is no {'group' if user else 'user'} {group if user else owner!r}"))
            continue
        copy = PrivilegedCopy(
            relative, f"{package.path}/{relative}", package.location / relative, mode, user.uid, found_group.gid, origin
        )
        other = copies.setdefault(copy.target, copy)
        if other is not copy:
            issues.append(Issue(origin, f"{other.relative} and {relative} would both be {copy.target}"))
    if issues:
        raise SpecError("cannot install the privileged programs", issues=issues)
    return tuple(copies[target] for target in sorted(copies))


_Wanted = tuple[str, tuple[Installed, int, str, str, str]]


def _packaged(packages: Iterable[Installed]) -> Iterator[_Wanted]:
    for package in packages:
        for relative, found in package.attributes.items():
            if not found.directory and found.mode & _SET_ID and (package.location / relative).is_file():
                yield relative, (package, found.mode, found.owner, found.group, str(package.path))


def _declared(spec: SystemSpec, packages: tuple[Installed, ...], issues: list[Issue]) -> Iterator[_Wanted]:
    for path, program in sorted(spec.privileged_programs.items()):
        where = "/privileged-programs/" + path.replace("~", "~0").replace("/", "~1")
        relative = path.removeprefix("/usr").removeprefix("/")
        package = provider(packages, relative)
        if package is None or not (package.location / relative).is_file():
            issues.append(Issue(where, f"no package of the image has the program {path}"))
            continue
        yield relative, (package, program.mode, program.owner, program.group, where)
