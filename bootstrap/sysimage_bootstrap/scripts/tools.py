"""Programs that scripts find: those of the image, and the tools of Debian's installer that are imitated here."""

from __future__ import annotations

import re

from sysimage.rootfs.tree import Kind
from sysimage_bootstrap.scripts.root_files import RootFiles
from sysimage_bootstrap.scripts.shell_parser import parse
from sysimage_bootstrap.scripts.shell_syntax import Command

_PATH = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
_INSTALLER = frozenset(
    {
        "addgroup", "adduser", "deb-systemd-helper", "deb-systemd-invoke", "debconf-show", "delgroup", "deluser",
        "dpkg", "dpkg-divert", "dpkg-maintscript-helper", "dpkg-query", "dpkg-realpath", "dpkg-statoverride",
        "dpkg-trigger", "getent", "groupadd", "groupmod", "invoke-rc.d", "perl", "service", "systemd-sysusers",
        "systemd-tmpfiles", "ucf", "ucfq", "ucfr", "update-alternatives", "update-rc.d", "useradd", "usermod",
    }
)  # fmt: skip
"""Programs that a Debian system has while packages are configured, whether or not the image has them."""
BUILT_IN_FILES = frozenset({"/usr/share/debconf/confmodule", "/usr/share/debconf/confmodule.sh"})
"""Libraries of functions that are commands here."""
_SHELLS = re.compile(r"#! ?(/usr)?/bin/(env )?(ba|da)?sh( |\n)")


def place_of(files: RootFiles, name: str) -> str | None:
    """The path of a program, as ``command -v`` prints it."""
    if "/" in name:
        return name if is_there(files, name) else None
    for directory in _PATH:
        if files.node(f"{directory}/{name}") is not None:
            return f"{directory}/{name}"
    return f"/usr/bin/{name}" if name in _INSTALLER else None


def is_there(files: RootFiles, path: str) -> bool:
    """Whether there is something at a path, for a script that asks."""
    if files.node(path) is not None:
        return True
    directory, _, name = path.rpartition("/")
    return path in BUILT_IN_FILES or (directory in _PATH and name in _INSTALLER)


def program_of(files: RootFiles, name: str) -> tuple[str, Command | None] | None:
    """The path of a program and, if it is a shell script that can be read, its commands; None if it is not there."""
    path = place_of(files, name)
    if path is None:
        return None
    return path, shell_script(files, path, needs_first_line=True)


def shell_script(files: RootFiles, path: str, *, needs_first_line: bool) -> Command | None:
    """The commands of a file; None if it is not a shell script, or one that cannot be read."""
    node = files.node(path)
    if node is None or node.kind is not Kind.FILE:
        return None
    content = files.read(path)
    if content is None or len(content) > 1 << 18:
        return None
    text = content.decode(errors="surrogateescape")
    if needs_first_line and not (_SHELLS.match(text) or re.match(r"#!/gnu/store/[^/]+/bin/(ba|da)?sh", text)):
        return None
    try:
        return parse(text)
    except ValueError:
        return None
