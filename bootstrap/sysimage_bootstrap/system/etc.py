"""The item of /etc: configuration files of the packages, as they ship them, and what Debian generates when it
configures packages. What the spec declares is no part of it: it lies over it in the image, path by path.

In the image, /etc is a directory of real directories; each file in it is a link through /etc/static into this item, so
that a user's file takes one file's place, not a whole directory's. Some must be files (see `PLAIN`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sysimage.errors import Issue, SpecError
from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.items.inventory import Attributes
from sysimage_bootstrap.system.certificates import certificate_files
from sysimage_bootstrap.system.installed import Installed, provider
from sysimage_bootstrap.system.pam import pam_files
from sysimage_bootstrap.system.profile import link_union
from sysimage_bootstrap.system.python_sites import sites

NOT_WANTED = frozenset(
    {"alternatives", "apt", "cron.daily", "cron.weekly", "debconf.conf", "dpkg", "init", "init.d", "kernel"}
    | {"ld.so.cache", "mtab", "passwd", "group", "shadow", "gshadow", "rcS.d", "systemd", "ufw", "update-motd.d"}
    | {f"rc{level}.d" for level in range(7)}
)
"""Entries at the top of /etc that configure what is not here, or that others make."""
PLAIN = frozenset({"hosts", "os-release", "machine-id", "subgid", "subuid"})
"""Regular files in the image: programs rewrite them, mount over them, or look for them in a layer."""
COPIED: Mapping[str, str] = {
    "nsswitch.conf": "share/libc-bin/nsswitch.conf",
    "os-release": "lib/os-release",
    "ssh/sshd_config": "share/openssh/sshd_config",
    "sudo.conf": "share/sudo/sudo.conf",
    "rsyslog.conf": "share/rsyslog/rsyslog.conf",
}
"""Path in /etc → path in /usr of the file that a maintainer script would copy there."""
_SHELLS = ("sh", "bash", "rbash", "dash", "zsh", "fish", "ksh93", "mksh", "tmux", "screen")
_HOSTS = b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
_PROFILE = """\
# The environment of the image, where nobody has set another.
{defaults}
if [ "$BASH" ] && [ "$BASH" != /bin/sh ]; then
  PS1='\\u@\\h:\\w\\$ '
  if [ -f /etc/bash.bashrc ]; then . /etc/bash.bashrc; fi
elif [ "$(id -u)" -eq 0 ]; then PS1='# '; else PS1='$ '; fi
for file in /etc/profile.d/*.sh; do
  if [ -r "$file" ]; then . "$file"; fi
done
unset file
"""


def generated_files(
    spec: SystemSpec, packages: Sequence[Installed], environment: Mapping[str, str]
) -> dict[str, bytes]:
    """Path in /etc → content, of everything that no package ships as it is."""
    files: dict[str, bytes] = {}
    for path, relative in COPIED.items():
        package = provider(packages, relative)
        if package is not None and not any(other.has(f"etc/{path}") and path not in PLAIN for other in packages):
            files[path] = (package.location / relative).read_bytes()
    files |= pam_files() if any(package.name == "libpam-runtime" for package in packages) else {}
    files |= certificate_files(package.location for package in packages)
    files["hosts"] = _HOSTS
    files["shells"] = _shells(packages)
    files["timezone"] = f"{spec.time_zone}\n".encode()
    files["default/locale"] = files["locale.conf"] = f"LANG={spec.locale}\n".encode()
    files["environment"] = "".join(f"{name}={_pam_quoted(value)}\n" for name, value in environment.items()).encode()
    defaults = "\n".join(
        f'if [ -z "${{{name}+set}}" ]; then export {name}={_quoted(value)}; fi'
        for name, value in environment.items()
        if name != "PATH"
    )
    path = _quoted(environment.get("PATH", ""))
    files["profile"] = _PROFILE.format(defaults=f"export PATH={path}\n{defaults}").encode()
    files["subuid"] = files["subgid"] = b""
    if spec.host_name is not None:
        files["hostname"] = f"{spec.host_name}\n".encode()
    return files


def generated_links(spec: SystemSpec, packages: Sequence[Installed]) -> dict[str, str]:
    """Path in /etc → what the link says. A `SpecError` for a time zone that the image does not have."""
    links = {"mtab": "/proc/self/mounts"}
    zone = f"share/zoneinfo/{spec.time_zone}"
    if provider(packages, zone) is None:
        raise SpecError(
            "cannot set the time zone: the image does not have it",
            hint="older names are in the package tzdata-legacy",
            issues=[Issue("/time-zone", f"there is no time zone {spec.time_zone!r}")],
        )
    links["localtime"] = f"/usr/{zone}"
    return links


def build_etc(packages: Iterable[Installed], files: Mapping[str, bytes], links: Mapping[str, str], top: Path) -> None:
    """Make the item ``top`` of what the packages have in etc/, with ``files`` and ``links`` in the place of theirs."""
    placeholders = {**links, **dict.fromkeys(files, "generated")}
    link_union(
        [package.source("etc") for package in packages],
        top,
        skip=NOT_WANTED,
        replaced=placeholders,
        whole_directories=False,
    )
    for site in sites(top):
        (top / site).unlink()
    for path, content in files.items():
        (top / path).unlink()
        (top / path).write_bytes(content)


def etc_entries(
    system: str, etc: Path, packages: Sequence[Installed], accounts: Accounts, links: Mapping[str, str]
) -> Iterator[Entry]:
    """The image's /etc: directories, links through /etc/static, and the few that must be files.

    ``etc`` is the item on this machine; ``links`` are those that are the same in the image.
    """
    yield Entry.symlink("/etc/static", f"{system}/etc")
    attributes = {
        path: (package, found) for package in packages for path, found in package.attributes.items()
        if path.startswith("etc/")
    }  # fmt: skip
    for relative, file in _walk(etc, ""):
        path = f"/etc/{relative}"
        if file.is_dir() and not file.is_symlink():
            package, found = attributes.get(f"etc/{relative}", (None, None))
            yield Entry.directory(path, *_owned(accounts, found, 0o755), owner=str(package.path) if package else system)
        elif relative in links:
            yield Entry.symlink(path, links[relative])
        elif relative in PLAIN or (relative == "hostname"):
            yield Entry.file(path, file.read_bytes())
        elif f"etc/{relative}" in attributes:
            # A file with an owner or a mode of its own, such as sudoers, cannot be a link into the store.
            package, found = attributes[f"etc/{relative}"]
            content = package.location / "etc" / relative
            yield Entry.file(path, content, *_owned(accounts, found, 0o644), owner=str(package.path))
        else:
            yield Entry.symlink(path, f"/etc/static/{relative}", owner=system)


def _owned(accounts: Accounts, found: Attributes | None, mode: int) -> tuple[int, int, int]:
    if found is None:
        return mode, 0, 0
    user, group = accounts.user(found.owner), accounts.group(found.group)
    return found.mode, user.uid if user else 0, group.gid if group else 0


def _walk(directory: Path, relative: str) -> Iterator[tuple[str, Path]]:
    for file in sorted(directory.iterdir()):
        path = f"{relative}/{file.name}" if relative else file.name
        yield path, file
        if file.is_dir() and not file.is_symlink():
            yield from _walk(file, path)


def _shells(packages: Sequence[Installed]) -> bytes:
    lines = ["# Login shells."]
    for name in _SHELLS:
        if provider(packages, f"bin/{name}") is not None:
            lines += [f"/bin/{name}", f"/usr/bin/{name}"]
    return "".join(f"{line}\n" for line in lines).encode()


def _quoted(value: str) -> str:
    """For a POSIX shell."""
    return "'" + value.replace("'", "'\\''") + "'"


def _pam_quoted(value: str) -> str:
    """For pam_env, which reads lines: quotes keep blanks, nothing keeps a line break."""
    return '"' + re.sub(r"\s", " ", value) + '"' if re.search(r"[\s#]", value) else value
