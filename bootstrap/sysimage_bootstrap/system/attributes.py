"""Files and directories below /usr with modes or owners of their own, set-user-ID programs above all.

No store item can have such. Where the IDs are the same on every Debian system, the item's layer has a file of its own
(`usr_files`); what only this system says, such as the ID of a daemon's group or a declared program, is put on top.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sysimage.errors import Issue, SpecError
from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemSpec
from sysimage.store.items import OwnFile
from sysimage_bootstrap.debs.inventory import Attributes
from sysimage_bootstrap.system.installed import Installed, provider
from sysimage_bootstrap.system.usr_files import USUAL_DIRECTORY, is_shown

_SET_ID = 0o6000


def attribute_entries(spec: SystemSpec, packages: Iterable[Installed], accounts: Accounts) -> tuple[Entry, ...]:
    """What the packages ship with other attributes than their layers say, and the declared programs, sorted by path.

    A `SpecError` names programs that no package has, and unknown owners.
    """
    packages = tuple(packages)
    issues: list[Issue] = []
    found = {entry.path: entry for package in packages for entry in _packaged(package, accounts, issues)}
    found |= {entry.path: entry for entry in _declared(spec, packages, accounts, issues)}
    if issues:
        raise SpecError("cannot install the privileged programs", issues=issues)
    return tuple(found[path] for path in sorted(found))


def _packaged(package: Installed, accounts: Accounts, issues: list[Issue]) -> Iterator[Entry]:
    for path, said in package.attributes.items():
        file = package.location / path
        if not is_shown(path) or file.is_symlink() or not file.exists():
            continue
        uid, gid = _user_id(said, accounts), _group_id(said, accounts)
        if (uid is None or gid is None) and said.mode & _SET_ID and not said.directory:
            unknown = f"group {said.group!r}" if gid is None else f"user {said.owner!r}"
            issues.append(Issue(f"{package.path}/{path}", f"there is no {unknown}"))
            continue
        wanted = OwnFile(said.mode, uid or 0, gid or 0)
        if said.directory and wanted != USUAL_DIRECTORY:
            yield Entry.directory(f"/usr/{path}", wanted.mode, wanted.uid, wanted.gid, str(package.path))
        elif not said.directory and wanted != package.usr.own.get(path):
            yield Entry.file(f"/usr/{path}", file, wanted.mode, wanted.uid, wanted.gid, str(package.path))


def _user_id(said: Attributes, accounts: Accounts) -> int | None:
    user = accounts.user(said.owner)
    return user.uid if user is not None else int(said.owner) if said.owner.isdecimal() else None


def _group_id(said: Attributes, accounts: Accounts) -> int | None:
    group = accounts.group(said.group)
    return group.gid if group is not None else int(said.group) if said.group.isdecimal() else None


def _declared(
    spec: SystemSpec, packages: Sequence[Installed], accounts: Accounts, issues: list[Issue]
) -> Iterator[Entry]:
    for path, program in sorted(spec.privileged_programs.items()):
        where = "/privileged-programs/" + path.replace("~", "~0").replace("/", "~1")
        relative = path.removeprefix("/usr").removeprefix("/")
        package = provider(packages, relative)
        user, group = accounts.user(program.owner), accounts.group(program.group)
        if package is None or not (package.location / relative).is_file():
            issues.append(Issue(where, f"no package of the image has the program {path}"))
        elif user is None or group is None:
            unknown = f"user {program.owner!r}" if user is None else f"group {program.group!r}"
            issues.append(Issue(where, f"there is no {unknown}"))
        else:
            file = package.location / relative
            yield Entry.file(f"/usr/{relative}", file, program.mode, user.uid, group.gid, where)
