"""``systemd-tmpfiles --create``: what tmpfiles.d(5) lays out besides directories, which the system makes anyway."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from sysimage.rootfs.tree import Kind
from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command
from sysimage_bootstrap.scripts.commands.secrets import make_secret
from sysimage_bootstrap.scripts.expansion import matching_paths
from sysimage_bootstrap.scripts.random_text import DEVICES, PROC_UUID
from sysimage_bootstrap.scripts.root_files import FileNode
from sysimage_bootstrap.scripts.tmpfiles_lines import TmpfilesLine, tmpfiles_lines

_PLACES = ("/etc/tmpfiles.d", "/usr/lib/tmpfiles.d")
_IGNORED_TYPES = frozenset("wpcbxXrRtTaAhH")
"""Lines about devices, about removing what is old, and about attributes that layers do not hold."""
_FACTORY = "/usr/share/factory"
_OF_THE_MACHINE = ("/run/", "/dev/", "/proc/", "/sys/", "/tmp/", "/var/run/", "/var/lock/")  # noqa: S108 - the image's
"""Nothing there is kept in an image: its init makes what tmpfiles.d wants of it."""


def _changed(line: TmpfilesLine, node: FileNode) -> FileNode:
    """What is there with the mode and the owners that the line says."""
    bits = line.mode.lstrip(":~")
    return replace(
        node,
        mode=int(bits, 8) if re.fullmatch("[0-7]{1,4}", bits) and node.kind is not Kind.SYMLINK else node.mode,
        owner=node.owner if line.owner == "-" else line.owner.lstrip(":"),
        group=node.group if line.group == "-" else line.group.lstrip(":"),
    )


@command("systemd-tmpfiles")
def systemd_tmpfiles(call: Call) -> int:
    unknown = ""
    for name in call.options("E", frozenset({"prefix", "exclude-prefix", "root"})).operands:
        places = [name] if name.startswith("/") else [f"{place}/{name}" for place in _PLACES]
        path = next((one for one in places if call.files.node(one) is not None), None)
        content = None if path is None else call.files.read(path)
        for line in _lines((content or b"").decode(errors="surrogateescape")):
            try:
                _apply(call, line)
            except UnknownError as error:
                unknown = unknown or str(error)
    if unknown:
        raise UnknownError(unknown)
    return 0


def _lines(text: str) -> Iterator[TmpfilesLine]:
    for line in tmpfiles_lines(text):
        argument = "" if line.argument == "-" else line.argument
        yield replace(line, path=posixpath.normpath(line.path), argument=argument)


def _apply(call: Call, line: TmpfilesLine) -> None:
    if line.kind in _IGNORED_TYPES or f"{line.path}/".startswith(_OF_THE_MACHINE):
        return
    if re.search("%[^%]", f"{line.path}{line.argument}"):
        raise UnknownError(f"what {line.path} {line.argument} means on the machine".replace("  ", " "))
    for name, known in ((line.owner, call.state.known_users), (line.group, call.state.known_groups)):
        if name != "-" and name.lstrip(":") not in known and not name.isdecimal():
            raise UnknownError(f"which account {name} is")
    there = call.files.node(line.path, follow=False)
    match line.kind:
        case "d" | "D" | "v" | "q" | "Q" | "e":
            if there is None and line.kind != "e":
                call.files.make_directories(line.path)
            _change(call, line, line.path)
        case "f" | "F":
            if there is None or line.kind == "F" or "+" in line.modifiers:
                call.files.make_directories(posixpath.dirname(line.path))
                call.files.put(line.path, _changed(line, FileNode.file(_unescaped(line.argument))))
        case "L":
            target = line.argument or f"{_FACTORY}{line.path}"
            source = call.files.node(posixpath.join(posixpath.dirname(line.path), target))
            if (there is None or "+" in line.modifiers) and (source is not None or "?" not in line.modifiers):
                call.files.make_directories(posixpath.dirname(line.path))
                call.files.put(line.path, FileNode.symlink(target))
        case "C":
            _copy(call, line, there)
        case "z" | "Z" | "m":
            for path in matching_paths(call.shell, line.path):
                for one in call.files.below(path) if line.kind == "Z" else [path]:
                    _change(call, line, one)
        case _:
            raise UnknownError(f"what the line {line.kind} of tmpfiles.d does")


def _change(call: Call, line: TmpfilesLine, path: str) -> None:
    node = call.files.node(path)
    if node is not None:
        call.files.put(path, _changed(line, node), follow=True)


def _copy(call: Call, line: TmpfilesLine, there: FileNode | None) -> None:
    source = line.argument or f"{_FACTORY}{line.path}"
    if there is not None and not (there.kind is Kind.DIRECTORY and not call.files.names(line.path)):
        return
    if source in (PROC_UUID, *DEVICES):
        make_secret(call, line.path, ("/usr/bin/cp", source, line.path))
        _change(call, line, line.path)
        return
    if source.startswith(_OF_THE_MACHINE):
        raise UnknownError(f"what {source} holds")
    if call.files.node(source) is None:
        return
    call.files.make_directories(posixpath.dirname(line.path))
    for one in call.files.below(source):
        node = call.files.node(one, follow=False)
        if node is not None:
            call.files.put(f"{line.path}{one.removeprefix(source)}", node)
    _change(call, line, line.path)


def _unescaped(text: str) -> bytes:
    """The content of a file, in which C's escapes stand for characters."""
    simple = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\\": "\\", "s": " "}

    def one(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        return simple.get(match[2], match[2])

    text = re.sub(r"\\(?:x([0-9a-fA-F]{2})|(.))", one, text.replace("%%", "%"))
    return text.encode("utf-8", "surrogateescape")
