"""What the packages of a system make of /usr together.

Each item brings its own files there, in its own layer (`usr_files`). What they do not agree on, and what no package
ships, is put on top:

    /usr/bin/awk -> /usr/bin/mawk                 no package ships it: an alternative
    /usr/bin/parallel                             two ship it: the one that was chosen, that diverts, or that replaces
    /usr/bin/parallel.moreutils                   the other one, where the winner's package diverts it
    /usr/lib/dbus-1.0/dbus-daemon-launch-helper   its group's ID is this system's
"""

from __future__ import annotations

import filecmp
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from sysimage.errors import IntegrityError, Issue
from sysimage.rootfs.tree import Entry, Kind
from sysimage.store.shown_files import shown_files
from sysimage_bootstrap.debian.merged_usr import LINKS_TO_USR
from sysimage_bootstrap.scripts.declarations import Diversion
from sysimage_bootstrap.system.installed_packages import Installed

LOCAL = ("bin", "etc", "games", "include", "lib", "man", "sbin", "share", "src")
"""What Debian has below /usr/local."""


@dataclass(slots=True)
class Usr:
    """The union of all items. Paths are relative to /usr."""

    holders: dict[str, list[Installed]] = field(default_factory=dict)
    """Path of a file or a link → the packages that ship it."""
    directories: dict[str, str] = field(default_factory=dict)
    """Path of a directory → something in it, empty if nothing is; the empty path is /usr itself."""

    @classmethod
    def of(cls, packages: Iterable[Installed]) -> Usr:
        """Look into every item."""
        usr = cls({}, {"": ""})
        for package in packages:
            for path, entry in shown_files(package.location, package.usr):
                above = path.rpartition("/")[0]
                usr.directories[above] = usr.directories.get(above) or path
                if entry.is_dir(follow_symlinks=False):
                    usr.directories.setdefault(path, "")
                else:
                    usr.holders.setdefault(path, []).append(package)
        return usr

    def has(self, path: str) -> bool:
        """Whether an item has something there."""
        return path in self.holders or path in self.directories

    def near(self, wanted: Iterable[Entry]) -> Iterator[Entry]:
        """The items' entries at the given paths and at their parent directories."""
        asked = {PurePosixPath(entry.path) for entry in wanted}
        for place in sorted({way for path in asked for way in (path, *path.parents)}):
            if not place.is_relative_to("/usr"):
                continue
            path = str(place)[len("/usr/") :]
            if path in self.directories:
                yield Entry.directory(str(place))
                if first := self.directories[path]:
                    yield _shape(f"/usr/{first}", self.directories, self.holders)
            elif path in self.holders:
                yield _shape(str(place), self.directories, self.holders)


def _shape(path: str, directories: Collection[str], holders: Mapping[str, Sequence[Installed]]) -> Entry:
    """Something of the right kind: the content of a file does not matter to the caller."""
    below = path[len("/usr/") :]
    if below in directories:
        return Entry.directory(path)
    owner = holders[below][0]
    if (owner.location / below).is_symlink():
        return Entry.symlink(path, str((owner.location / below).readlink()), owner=str(owner.path))
    return Entry.file(path, b"", owner=str(owner.path))


def base_entries(usr: Usr) -> Iterator[Entry]:
    """The merged /usr, and the paths in it that belong to the administrator."""
    yield Entry.directory("/usr")
    for name in LINKS_TO_USR:
        if usr.has(name):
            yield Entry.symlink(f"/{name}", f"usr/{name}")
    for name in ("", *(f"/{one}" for one in LOCAL)):
        yield Entry.directory(f"/usr/local{name}")


def settled(
    usr: Usr, elsewhere: Collection[str], chosen: Mapping[str, str], diversions: Sequence[Diversion] = ()
) -> Iterator[Entry]:
    """The winner at each path where packages have different things; ``elsewhere`` are image paths that others settle.

    ``chosen`` are the names, such as ``parallel``, or image paths, for which the spec says a package; a package that
    diverts or replaces another one's files comes before it. What is diverted is at its other place, too. An
    `IntegrityError` names everything else, and both sides.
    """
    issues = []
    diverted = dict(_diverted(usr, diversions))
    diverting = {(one.path, one.package) for one in diversions}
    yield from (entry for path, entry in sorted(diverted.items()) if path not in elsewhere)
    for path, packages in sorted(usr.holders.items()):
        if path in usr.directories:
            known = next(iter(packages))
            issues.append(Issue(f"/usr/{path}", f"is a directory of one package, and not of {known.path}"))
        elif len(packages) > 1 and f"/usr/{path}" not in elsewhere and (others := _others(path, packages)):
            winner = _winner(path, [packages[0], *others], chosen, diverting)
            if winner is None:
                issues += [
                    Issue(f"/usr/{path}", f"{packages[0].path} and {one.path} have different things here")
                    for one in others
                ]
            else:
                yield winner.usr_entry(path)
    if issues:
        raise IntegrityError(
            "cannot put the packages into one /usr: some have different files at the same place",
            hint=_hint(issues, usr),
            issues=issues,
        )


def _hint(issues: Sequence[Issue], usr: Usr) -> str:
    path = issues[0].where
    names = [package.name for package in usr.holders.get(path.removeprefix("/usr/"), ())]
    way = "leave one of them out with exclude"
    return f'{way}, or say which counts: "alternatives": {{"{path}": "{names[0]}"}}' if len(names) > 1 else way


def _diverted(usr: Usr, diversions: Iterable[Diversion]) -> Iterator[tuple[str, Entry]]:
    """Image path → entry of what a package's diversion has moved there."""
    for one in diversions:
        path = one.path.removeprefix("/usr/")
        for package in usr.holders.get(path, ()):
            if package.name != one.package and not usr.has(one.to.removeprefix("/usr/")):
                yield one.to, replace(package.usr_entry(path), path=one.to)


def _winner(
    path: str, packages: Sequence[Installed], chosen: Mapping[str, str], diverting: Collection[tuple[str, str]]
) -> Installed | None:
    names = (f"/usr/{path}", f"/{path}", path, PurePosixPath(path).name)
    wanted = next((chosen[name] for name in names if name in chosen), None)
    for package in packages:
        if package.name == wanted:
            return package
    for package in packages:
        if (f"/usr/{path}", package.name) in diverting:
            return package
    for package in packages:
        if all(other is package or package.replaces(other) for other in packages):
            return package
    return None


def _others(path: str, packages: Sequence[Installed]) -> list[Installed]:
    """Those of the packages that have something else than the first one."""
    first = packages[0]
    return [other for other in packages[1:] if not _same(first, other, path)]


def _same(one: Installed, other: Installed, path: str) -> bool:
    entries = one.usr_entry(path), other.usr_entry(path)
    if entries[0].kind is not entries[1].kind or entries[0].kind is Kind.SYMLINK:
        return entries[0].target == entries[1].target and entries[0].kind is entries[1].kind
    alike = (entries[0].mode, entries[0].uid, entries[0].gid) == (entries[1].mode, entries[1].uid, entries[1].gid)
    return alike and filecmp.cmp(one.location / path, other.location / path, shallow=False)
