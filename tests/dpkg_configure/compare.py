"""Compares what the scripts were understood to make with what dpkg has made of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sysimage.rootfs.tree import Kind
from sysimage_bootstrap.scripts.declarations import Declarations
from sysimage_bootstrap.scripts.read import Settings, read_scripts
from sysimage_bootstrap.scripts.root_files import Node, RootFiles
from sysimage_bootstrap.system.sysusers import parse_sysusers
from tests.dpkg_configure.chroot import Chroot, ChrootFiles, Owners, scripts_of

ALLOWED = {
    "state of installers": (
        r"/var/lib/(dpkg|apt|ucf|systemd|pam|dbus|python|polkit-1|shells\.state|update-rc\.d|update-notifier)(/.*)?",
        r"/var/lib/apache2/.*/enabled_by_admin(/.*)?",
    ),
    "caches and logs": (
        r"/var/cache/(apt|debconf|ldconfig|man|fontconfig|private)(/.*)?",
        r"/var/log/(apt(/.*)?|dpkg\.log|alternatives\.log|bootstrap\.log|fontconfig\.log|journal)",
        r"/usr/(lib|share)/.*(__pycache__(/.*)?|\.pyc)",
    ),
    "of one machine": (r"/etc/(machine-id|resolv\.conf|hostname|mailname|apt(/.*)?|\.pwd\.lock|postfix/main\.cf)",),
    "secrets and indexes that are made at the first start": (
        r"/etc/ssh/ssh_host_.*",
        r"/etc/ssl/(private|certs)(/.*)?",
        r"/etc/aliases\.db",
        r"/var/lib/mysql(/.*)?",
        r"/var/lib/rabbitmq/\.erlang\.cookie",
    ),
    "accounts, whose IDs are chosen by name": (r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?",),
    "written by sysimage in another way": (
        r"/var/cache/lighttpd(/.*)?",  # by tmpfiles.d
        r"/etc/ca-certificates\.conf|/var/lib/ca-certificates-java/.*",
        r"/etc/(pam\.d/common-.*|ld\.so\.cache|shells|default/locale|locale\.conf|timezone)",
    ),
    "the init is another one": (
        r"/etc/(systemd|rc[0-6S]\.d|init\.d)(/.*)?",
        r"/etc/(fstab|mtab|vconsole\.conf|credstore.*)",
        r"/var/(lib|log|cache)/private",
        r"/var/log/README",
    ),
    "functions over the merged tree": (
        r"/usr/lib/.*/(gconv-modules\.cache|giomodule\.cache|loaders\.cache)",
        r"/usr/share/(mime|icons|glib-2\.0/schemas)/.*",
        r"/usr/share/info/dir(\.old)?",
    ),
    "of a preinst, which is read with its package's files in place": (r"/etc/apparmor\.d/disable/.*",),
    "not part of a system at rest": (r"/(dev|proc|sys|run|tmp|boot|root)(/.*)?", r"/var/tmp/.*"),
}
"""Why a path may differ → expressions of such paths. Each was looked at."""
_ALLOWED = re.compile("|".join(f"(?:{one})" for paths in ALLOWED.values() for one in paths))


def understood(chroot: Chroot) -> tuple[Declarations, RootFiles]:
    """What reading the scripts makes of the unpacked tree."""
    owners = Owners(chroot.configured)
    source = ChrootFiles(chroot.unpacked, owners, chroot.configured / "var/lib/dpkg/info")
    texts = [(file.name, file.read_text()) for file in sorted((chroot.unpacked / "usr/lib/sysusers.d").glob("*.conf"))]
    users, groups = parse_sysusers(texts)
    named = {user.name for user in users}
    settings = Settings(users=dict.fromkeys(named, ""), groups=named | {group.name for group in groups})
    said = read_scripts(scripts_of(chroot.configured), source, settings)
    files = RootFiles(source)
    for path, node in sorted(said.changes.items()):
        files.put(path, node)
    return said, files


def differences(chroot: Chroot, ours: RootFiles) -> Iterator[tuple[str, str]]:
    """Path, and what dpkg has made there instead, for everything that is not `ALLOWED`."""
    real = RootFiles(ChrootFiles(chroot.configured, Owners(chroot.configured)))
    for path in sorted({*_walk(real, ""), *_walk(ours, "")}):
        if _ALLOWED.fullmatch(path):
            continue
        wanted, made = real.node(path, follow=False), ours.node(path, follow=False)
        if _shown(wanted) != _shown(made):
            yield path, f"dpkg: {_shown(wanted)}; understood: {_shown(made)}"
        elif (
            wanted is not None and made is not None and wanted.kind is Kind.FILE and real.read(path) != ours.read(path)
        ):
            yield path, "another content"


def _walk(files: RootFiles, path: str) -> Iterator[str]:
    for name in files.names(path or "/"):
        below = f"{path}/{name}"
        yield below
        node = files.node(below, follow=False)
        if node is not None and node.kind is Kind.DIRECTORY and not _ALLOWED.fullmatch(below):
            yield from _walk(files, below)


def _shown(node: Node | None) -> str:
    if node is None:
        return "nothing"
    if node.target is not None:
        return f"link to {node.target}"
    return f"{node.kind.value} {node.mode:04o} {node.owner}:{node.group}"
