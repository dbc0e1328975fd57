"""Files and directories below /usr with modes or owners of their own, set-user-ID programs above all.

No store item can have such. Where the IDs are the same on every Debian system, the item's layer has a file of its own
(`usr_files`); what only this system says, such as the ID of a daemon's group or a declared program, is put on top; so
are programs with capabilities, which are few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sysimage.errors import Issue, SpecError
from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.capabilities import file_capabilities
from sysimage.rootfs.tree import Entry
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec
from sysimage.store.items import OwnFile
from sysimage_bootstrap.system.installed_packages import Installed, provider
from sysimage_bootstrap.system.owners import owner_ids, unknown_owner
from sysimage_bootstrap.system.usr_files import USUAL_DIRECTORY, is_shown

_SET_ID = 0o6000


def attribute_entries(
    spec: SystemSpec, packages: Iterable[Installed], accounts: Accounts, capabilities: Mapping[str, str]
) -> tuple[Entry, ...]:
    """What the packages ship with other attributes than their layers say, and the declared programs, sorted by path.

    ``capabilities`` are those that packages' scripts give to programs, by image path. A `SpecError` names programs that
    no package has, and unknown owners.
    """
    packages = tuple(packages)
    issues: list[Issue] = []
    found = {entry.path: entry for package in packages for entry in _packaged(package, accounts, issues)}
    found |= {entry.path: entry for entry in _declared(spec, packages, accounts, issues)}
    found |= {entry.path: entry for entry in _capable(spec, packages, found, capabilities, issues)}
    if issues:
        raise SpecError("cannot install the privileged programs", issues=issues)
    return tuple(found[path] for path in sorted(found))


def _packaged(package: Installed, accounts: Accounts, issues: list[Issue]) -> Iterator[Entry]:
    for path, said in package.attributes.items():
        file = package.location / path
        if not is_shown(path) or file.is_symlink() or not file.exists():
            continue
        unknown = unknown_owner(accounts, said)
        if unknown is not None and said.mode & _SET_ID and not said.directory:
            issues.append(Issue(f"{package.path}/{path}", f"there is no {unknown}"))
            continue
        wanted = OwnFile(said.mode, *owner_ids(accounts, said))
        if said.directory and wanted != USUAL_DIRECTORY:
            yield Entry.directory(f"/usr/{path}", wanted.mode, wanted.uid, wanted.gid, str(package.path))
        elif not said.directory and wanted != package.usr.own.get(path):
            yield Entry.file(f"/usr/{path}", file, wanted.mode, wanted.uid, wanted.gid, str(package.path))


def _declared(
    spec: SystemSpec, packages: Sequence[Installed], accounts: Accounts, issues: list[Issue]
) -> Iterator[Entry]:
    for path, program in sorted(spec.privileged_programs.items()):
        where = pointer("privileged-programs", path)
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


def _capable(
    spec: SystemSpec,
    packages: Sequence[Installed],
    there: Mapping[str, Entry],
    capabilities: Mapping[str, str],
    issues: list[Issue],
) -> Iterator[Entry]:
    """Programs with capabilities: those that their packages give them, and those that the spec says."""
    wanted: dict[str, tuple[str, str | None]] = {path: (text, None) for path, text in capabilities.items()}
    for path, text in sorted(spec.capabilities.items()):
        if path not in spec.files:
            wanted["/usr/" + path.removeprefix("/usr").lstrip("/")] = text, pointer("capabilities", path)
    for path, (text, where) in wanted.items():
        relative = path.removeprefix("/usr/")
        package = provider(packages, relative)
        is_program = package is not None and not (package.location / relative).is_symlink()
        if package is None or not is_program or not (package.location / relative).is_file():
            if where is not None:
                issues.append(Issue(where, f"no package of the image has the program {path}"))
            continue
        entry = there.get(path) or package.usr_entry(relative)
        try:
            yield replace(entry, capabilities=file_capabilities(text))
        except ValueError as error:
            issues.append(Issue(where or f"{package.path}/{relative}", str(error)))
