"""Directories that packages want when the system runs: tmpfiles.d(5), and what systemd would make for their services.

Debian's maintainer scripts and systemd make them; here they are entries of the image. Only plain facts are read: lines
with specifiers (``%``), and whatever does other things than making a directory, are for a machine that is being used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sysimage.characters import is_line
from sysimage.rootfs.accounts import WantedGroup, WantedUser
from sysimage.rootfs.tree import is_normalised
from sysimage_bootstrap.scripts.tmpfiles_lines import tmpfiles_lines
from sysimage_bootstrap.system.installed_packages import Installed

LINKS_TO_RUN = {"/var/run": "/run", "/var/lock": "/run/lock"}
"""What Debian has as links in every system."""
_DIRECTORY_LINES = frozenset({"d", "D", "v", "q", "Q"})
_UNIT_DIRECTORIES = {
    "RuntimeDirectory": "/run",
    "StateDirectory": "/var/lib",
    "CacheDirectory": "/var/cache",
    "LogsDirectory": "/var/log",
}
"""Setting of a unit (systemd.exec(5)) → what its names are relative to."""
_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,30}|[0-9]{1,9}")
_SETTING = re.compile(r"([A-Za-z]+)\s*=\s*(.*)")


@dataclass(frozen=True, slots=True)
class RuntimeDirectory:
    """A directory that a package wants to exist when the system runs."""

    path: str
    mode: int
    owner: str
    group: str
    origin: str


def runtime_directories(packages: Iterable[Installed]) -> tuple[RuntimeDirectory, ...]:
    """All of them, sorted by path; what tmpfiles.d says counts."""
    packages = tuple(packages)
    found = {wanted.path: wanted for package in packages for wanted in _of_units(package) if _is_plain(wanted)}
    found |= {wanted.path: wanted for package in packages for wanted in _of_tmpfiles(package) if _is_plain(wanted)}
    return tuple(found[path] for path in sorted(found))


def mentioned_accounts(
    directories: Iterable[RuntimeDirectory], users: Iterable[str], groups: Iterable[str]
) -> tuple[list[WantedUser], list[WantedGroup]]:
    """Daemons' accounts that own directories but are not declared: maintainer scripts would have made them."""
    known_users, known_groups = set(users), set(groups)
    directories = tuple(directories)
    new_users = [
        WantedUser(d.owner, system=True, make_home=False, origin=d.origin)
        for d in directories
        if d.owner not in known_users and not d.owner.isdecimal()
    ]
    known_groups |= {user.name for user in new_users}
    new_groups = [
        WantedGroup(d.group, system=True, origin=d.origin)
        for d in directories
        if d.group not in known_groups and not d.group.isdecimal()
    ]
    return new_users, new_groups


def final_path(path: str) -> str:
    """Where a path leads once /var/run and /var/lock are what they are."""
    for link, target in LINKS_TO_RUN.items():
        if path == link or path.startswith(f"{link}/"):
            return target + path.removeprefix(link)
    return path


def _is_plain(wanted: RuntimeDirectory) -> bool:
    """Whether a path and accounts are what they look like."""
    accounts = all(_ACCOUNT.fullmatch(name) for name in (wanted.owner, wanted.group))
    return accounts and is_normalised(wanted.path) and is_line(wanted.path)


def _mode(text: str) -> int:
    """Octal digits; any other text counts as absent."""
    return int(text, 8) if re.fullmatch("0?[0-7]{1,4}", text) else 0o755


def _of_tmpfiles(package: Installed) -> Iterator[RuntimeDirectory]:
    for line in tmpfiles_lines("\n".join(_lines(package, "lib/tmpfiles.d", ".conf"))):
        has_specifiers = any("%" in text for text in (line.path, line.mode, line.owner, line.group, line.argument))
        if line.kind not in _DIRECTORY_LINES or has_specifiers or not line.path.startswith("/"):
            continue
        yield RuntimeDirectory(
            final_path("/" + "/".join(filter(None, line.path.split("/")))),
            _mode(line.mode.lstrip("~:")),
            "root" if line.owner == "-" else line.owner,
            "root" if line.group == "-" else line.group,
            str(package.path),
        )


def _of_units(package: Installed) -> Iterator[RuntimeDirectory]:
    for relative, file in package.walk("lib/systemd/system"):
        if not relative.endswith(".service") or "@" in relative or not file.is_file():
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        matches = (_SETTING.fullmatch(line.strip()) for line in text.splitlines())
        settings = {match[1]: match[2] for match in matches if match}
        owner = settings.get("User") or "root"
        group = settings.get("Group") or owner
        for setting, top in _UNIT_DIRECTORIES.items():
            for name in settings.get(setting, "").split():
                if "%" in f"{name}{owner}{group}" or settings.get("DynamicUser") == "yes":
                    continue
                mode = _mode(settings.get(f"{setting}Mode", "0755"))
                yield RuntimeDirectory(f"{top}/{name.partition(':')[0]}", mode, owner, group, str(package.path))


def _lines(package: Installed, directory: str, ending: str) -> Iterator[str]:
    for relative, file in package.walk(directory):
        if relative.endswith(ending) and file.is_file():
            yield from file.read_text(encoding="utf-8", errors="replace").splitlines()
