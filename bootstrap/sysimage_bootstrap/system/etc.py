"""The item of /etc: configuration files of the packages, as they ship them, and what Debian generates when it
configures packages. What the spec declares is not part of it: it is over it in the image, path by path.

In the image, /etc is a directory of real directories; each file in it is a link through /etc/static into this item, so
that a user's file replaces one file, not a whole directory. Some must be files (see `PLAIN`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sysimage.characters import one_line
from sysimage.errors import Issue, SpecError
from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.tree import Entry, Kind
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.debs.inventory import Attributes
from sysimage_bootstrap.packages.default_packages import is_built_in_zone
from sysimage_bootstrap.system.certificates import LOCAL_CERTIFICATES, authorities, certificate_files
from sysimage_bootstrap.system.environment import pam_environment, shell_profile
from sysimage_bootstrap.system.installed_packages import Installed, provider
from sysimage_bootstrap.system.owners import owner_ids
from sysimage_bootstrap.system.pam import pam_files
from sysimage_bootstrap.system.python_sites import sites
from sysimage_bootstrap.system.union import link_union

_ZONES = "share/zoneinfo"
_NOT_WANTED = frozenset(
    {"apt", "cron.daily", "cron.weekly", "debconf.conf", "dpkg", "init", "init.d", "kernel"}
    | {"ld.so.cache", "mtab", "passwd", "group", "shadow", "gshadow", "rcS.d", "systemd", "ufw", "update-motd.d"}
    | {f"rc{level}.d" for level in range(7)}
)
"""What `not_wanted` gives where the Shepherd is the init."""
_OF_SYSTEMD = frozenset({"systemd"})
PLAIN = frozenset({"debian_version", "hosts", "os-release", "machine-id", "subgid", "subuid"})
"""Regular files in the image: programs rewrite them, mount over them, or look for them in a layer."""
COPIED: Mapping[str, str] = {
    "debian_version": "etc/debian_version",
    "nsswitch.conf": "share/libc-bin/nsswitch.conf",
    "os-release": "lib/os-release",
    "ssh/sshd_config": "share/openssh/sshd_config",
    "sudo.conf": "share/sudo/sudo.conf",
    "rsyslog.conf": "share/rsyslog/rsyslog.conf",
}
"""Path in /etc → path in an item of the file that a maintainer script would copy there, or that is to be a file."""
_SHELLS = ("sh", "bash", "rbash", "dash", "zsh", "fish", "ksh93", "mksh", "tmux", "screen")
_HOSTS = b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


def not_wanted(spec: SystemSpec) -> frozenset[str]:
    """Entries at the top of /etc that configure programs which images lack, or that other modules make."""
    return _NOT_WANTED - _OF_SYSTEMD if spec.has_systemd else _NOT_WANTED


def generated_files(
    spec: SystemSpec,
    packages: Sequence[Installed],
    environment: Mapping[str, str],
    certificates: Mapping[str, bytes],
) -> dict[str, bytes]:
    """Path in /etc → content, for every file that no package ships in this form. ``certificates`` are the
    authorities."""
    files: dict[str, bytes] = {}
    for path, relative in COPIED.items():
        package = provider(packages, relative)
        if package is not None and not any(other.has(f"etc/{path}") and path not in PLAIN for other in packages):
            files[path] = (package.location / relative).read_bytes()
    files |= pam_files() if any(package.name == "libpam-runtime" for package in packages) else {}
    files |= certificate_files(certificates)
    files["hosts"] = _HOSTS
    files["shells"] = _shells(packages)
    files["timezone"] = one_line(spec.time_zone)
    files["default/locale"] = files["locale.conf"] = one_line(f"LANG={spec.locale}")
    files["environment"] = pam_environment(environment)
    files["profile"] = shell_profile(environment)
    files["subuid"] = files["subgid"] = b""
    if spec.host_name is not None:
        files["hostname"] = one_line(spec.host_name)
    return files


def generated_links(spec: SystemSpec, packages: Sequence[Installed]) -> dict[str, str]:
    """Path in /etc → what the link says. A `SpecError` for a time zone that the image does not have."""
    links = {"mtab": "/proc/self/mounts"}
    zone = f"{_ZONES}/{spec.time_zone}"
    package = provider(packages, zone)
    if package is None and is_built_in_zone(spec.time_zone):
        return links
    if package is None or _is_directory(package.location / zone):
        raise SpecError(
            "cannot set the time zone: the image does not have it",
            hint="older names are in the package tzdata-legacy",
            issues=[Issue("/time-zone", f"no package of the image has {spec.time_zone!r}")],
        )
    links["localtime"] = f"/usr/{zone}"
    return links


def all_certificates(packages: Sequence[Installed], declared: Iterable[Entry]) -> dict[str, bytes]:
    """The certificate authorities by image path; of what the spec declares, those of the administrator."""
    local = {
        entry.path: entry.read()
        for entry in declared
        if entry.kind is Kind.FILE and entry.path.startswith(LOCAL_CERTIFICATES) and entry.path.endswith(".crt")
    }
    return authorities([package.location for package in packages], local)


def build_etc(
    packages: Iterable[Installed],
    files: Mapping[str, bytes],
    links: Mapping[str, str],
    without: frozenset[str],
    top: Path,
) -> None:
    """Make the item ``top`` of what the packages have in etc/ but ``without`` some names, with ``files`` and ``links``
    in the place of theirs."""
    placeholders = {**links, **dict.fromkeys(files, "generated")}
    link_union(
        [package.source("etc") for package in packages],
        top,
        skip=without,
        replaced=placeholders,
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
        if _is_directory(file):
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
    return found.mode, *owner_ids(accounts, found)


def _walk(directory: Path, relative: str) -> Iterator[tuple[str, Path]]:
    for file in sorted(directory.iterdir()):
        path = f"{relative}/{file.name}" if relative else file.name
        yield path, file
        if _is_directory(file):
            yield from _walk(file, path)


def _shells(packages: Sequence[Installed]) -> bytes:
    lines = ["# Login shells."]
    for name in _SHELLS:
        if provider(packages, f"bin/{name}") is not None:
            lines += [f"/bin/{name}", f"/usr/bin/{name}"]
    return "".join(f"{line}\n" for line in lines).encode()


def _is_directory(file: Path) -> bool:
    """Whether it is one itself: a link may lead nowhere on this machine."""
    return file.is_dir() and not file.is_symlink()
