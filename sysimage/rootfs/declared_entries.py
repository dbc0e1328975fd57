"""What a system.json adds to the root file system of every system: accounts, files, directories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from sysimage.errors import Issue, SpecError
from sysimage.rootfs.accounts import Accounts, WantedGroup, WantedUser
from sysimage.rootfs.capabilities import file_capabilities
from sysimage.rootfs.tree import Entry, Kind
from sysimage.rules.paths import directories_above
from sysimage.spec.check_sources import source_root
from sysimage.spec.json_text import pointer
from sysimage.spec.model import File, SystemSpec


def declared_users(spec: SystemSpec) -> list[WantedUser]:
    """The accounts that ``spec`` declares."""
    return [
        WantedUser(
            name,
            uid=user.uid,
            group=user.group,
            groups=user.groups,
            comment=user.comment or None,
            home=user.home,
            shell=user.shell,
            password_hash=user.password_hash if "password_hash" in user.model_fields_set else None,
            system=user.system,
            origin=f"/users/{name}",
        )
        for name, user in spec.users.items()
    ]


def declared_groups(spec: SystemSpec) -> list[WantedGroup]:
    """The groups that ``spec`` declares."""
    return [
        WantedGroup(name, group.gid, group.members, system=_is_system(spec, name), origin=f"/groups/{name}")
        for name, group in spec.groups.items()
    ]


def _is_system(spec: SystemSpec, group: str) -> bool:
    """Whether a declared group's ID is to be a daemon's: it is, unless a person's account has it as its own."""
    return all(user.system for name, user in spec.users.items() if (user.group or name) == group)


def declared_entries(spec: SystemSpec, spec_dir: Path, accounts: Accounts) -> tuple[Entry, ...]:
    """The entries that ``spec`` declares, with owners resolved to IDs; sources are relative to ``spec_dir``.

    A `SpecError` names every unknown owner, every source that is missing, not a file or outside of ``spec_dir``, every
    path that is the store's own, and every path declared twice.
    """
    issues: list[Issue] = []
    entries: list[Entry] = []
    for path, directory in spec.directories.items():
        where = pointer("directories", path)
        uid, gid = _owner(accounts, directory.owner, directory.group, where, issues)
        entries.append(Entry.directory(path, directory.mode, uid, gid, where))
    for path, file in spec.files.items():
        where = pointer("files", path)
        uid, gid = _owner(accounts, file.owner, file.group, where, issues)
        content: bytes | Path = (file.text or "").encode("utf-8")
        if file.source is not None:
            content = spec_dir / file.source
            fault = _source_fault(content, source_root(spec_dir, file.source))
            if fault:
                issues.append(Issue(f"{where}/source", fault))
                content = b""
        entry = Entry.file(path, content, file_mode(file, spec_dir), uid, gid, where)
        if (text := spec.capabilities.get(path)) is not None:
            try:
                entry = replace(entry, capabilities=file_capabilities(text))
            except ValueError as error:
                issues.append(Issue(pointer("capabilities", path), str(error)))
        entries.append(entry)
    entries += [Entry.symlink(path, target, owner=pointer("symlinks", path)) for path, target in spec.symlinks.items()]
    issues += _misplaced(spec, entries)
    if issues:
        raise SpecError("cannot place what the spec declares", issues=sorted(issues, key=str))
    return tuple(sorted(entries, key=lambda entry: entry.path))


def check_kinds(system: Iterable[Entry], declared: Iterable[Entry]) -> None:
    """Refuse what turns a directory of the system's into something else, or the reverse: whatever reads it would break.

    A file in the place of a file is what a spec is for. A `SpecError` names every such entry.
    """
    there = {entry.path: entry for entry in system}
    above = {parent: path for path in there for parent in directories_above(path)}
    asked = {entry.path: entry for entry in declared}
    issues = []
    for path, entry in asked.items():
        parents = directories_above(path)
        if entry.kind is not Kind.DIRECTORY and path in above:
            issues.append(Issue(entry.owner, f"must be a directory, because the system has {above[path]} below it"))
        for place in [path, *parents] if entry.kind is Kind.DIRECTORY else parents:
            declared_too = place != path and place in asked  # its own turn comes
            if place in there and not declared_too and there[place].kind is not Kind.DIRECTORY:
                what = "link" if there[place].kind is Kind.SYMLINK else "file"
                issues.append(Issue(entry.owner, f"the system has a {what} at {place}, where a directory would be"))
    if issues:
        raise SpecError("cannot place what the spec declares", issues=sorted(set(issues), key=str))


def file_mode(file: File, spec_dir: Path) -> int:
    """The mode of a declared file: what it says, or whether its source can be executed. Only that bit of a
    source's mode counts, as in a version control system: the others depend on this machine's umask."""
    if file.mode is not None:
        return file.mode
    return 0o755 if file.source is not None and is_executable(spec_dir / file.source) else 0o644


def is_executable(file: Path) -> bool:
    """Whether its owner may execute a file of this machine; no user can execute a file that does not exist."""
    try:
        return bool(file.stat().st_mode & 0o100)
    except OSError:
        return False


def _owner(accounts: Accounts, user: str, group: str, where: str, issues: list[Issue]) -> tuple[int, int]:
    uid, gid = accounts.uid(user), accounts.gid(group)
    if uid is None:
        issues.append(Issue(f"{where}/owner", f"there is no user {user!r}"))
    if gid is None:
        issues.append(Issue(f"{where}/group", f"there is no group {group!r}"))
    return uid or 0, gid or 0


def _source_fault(source: Path, root: Path) -> str | None:
    """What is wrong with a source: it must be a regular file inside the directory ``root``, links followed."""
    if not source.exists():
        return f"there is no file {source}"
    if not source.resolve().is_relative_to(root):
        return f"{source} is not inside the spec's directory"
    return None if source.is_file() else f"{source} is not a regular file"


def _misplaced(spec: SystemSpec, entries: list[Entry]) -> Iterator[Issue]:
    own = {spec.store.store_dir: "the store is made of items alone", "/run/current-system": "the system itself is here"}
    seen: dict[str, Entry] = {}
    for entry in entries:
        for top, why in own.items():
            if entry.path == top or entry.path.startswith(f"{top}/"):
                yield Issue(entry.owner, why)
        if entry.path == "/":
            yield Issue(entry.owner, "the root directory is what all else is in")
        other = seen.setdefault(entry.path, entry)
        if other is not entry:
            yield Issue(entry.owner, f"declared by {other.owner} as well")
