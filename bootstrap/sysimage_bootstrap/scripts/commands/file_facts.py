"""Commands that look at files."""

from __future__ import annotations

import posixpath
import re
from stat import filemode

from sysimage.rootfs.capabilities import file_capabilities
from sysimage.rootfs.tree import Kind
from sysimage.spec.base_accounts import BASE_GROUPS, BASE_USERS
from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command
from sysimage_bootstrap.scripts.root_files import FileNode


@command("readlink", "realpath", "dpkg-realpath")
def readlink(call: Call) -> int:
    options = call.options("", frozenset({"root"}))
    status = 0
    for operand in options.operands:
        path = call.path(operand)
        if call.name == "readlink" and not options.has("f", "e", "m", "canonicalize"):
            node = call.files.node(path, follow=False)
            if node is None or node.target is None:
                status = 1
                continue
            call.print(f"{node.target}\n")
        else:
            real = call.files.real(path)
            above, node = call.files.node(posixpath.dirname(real)), call.files.node(real, follow=False)
            if above is None or (node is None and options.has("e")) or (node is not None and node.target is not None):
                status = 1
                continue
            call.print(f"{real}\n")
    return status


@command("stat")
def stat(call: Call) -> int:
    options = call.options("c", frozenset({"format", "printf"}))
    options.only("c", "L", "format")
    form = options.value("c", "format")
    if form is None:
        raise UnknownError("what stat prints")
    status = 0
    for operand in options.operands:
        node = call.files.node(call.path(operand), follow=options.has("L"))
        if node is None:
            status = 1
            continue
        pieces = re.split("%(.)", form)
        pieces[1::2] = [_field(letter, node, operand) for letter in pieces[1::2]]
        call.print("".join(pieces) + "\n")
    return status


def _field(letter: str, node: FileNode, operand: str) -> str:
    known = {"U": node.owner, "G": node.group, "a": f"{node.mode:o}", "n": operand, "%": "%"}
    if letter in ("u", "g") and (node.owner if letter == "u" else node.group) == "root":
        return "0"
    if letter == "F" and node.content == b"":
        return "regular empty file"
    if letter == "F":
        return {Kind.DIRECTORY: "directory", Kind.SYMLINK: "symbolic link"}.get(node.kind, "regular file")
    if letter not in known:
        raise UnknownError(f"what stat prints for %{letter}")
    return known[letter]


@command("ls")
def ls(call: Call) -> int:
    options = call.options()
    options.only("1", "d", "A", "a", "L", "l", "n")
    is_long = options.has("l", "n")
    status = 0
    for operand in sorted(options.operands) or ["."]:
        path = call.path(operand)
        node = call.files.node(path, follow=options.has("L") or not is_long) or call.files.node(path, follow=False)
        if node is None:
            status = 2
        elif node.kind is Kind.DIRECTORY and not options.has("d"):
            if is_long or len(options.operands) > 1:
                raise UnknownError("how ls shows a directory")
            names = [".", "..", *call.files.names(path)] if options.has("a") else call.files.names(path)
            call.print("".join(f"{name}\n" for name in names if options.has("A", "a") or not name.startswith(".")))
        elif is_long:
            call.print(_long(node, operand, numbers=options.has("n")))
        else:
            call.print(f"{operand}\n")
    return status


def _long(node: FileNode, shown: str, *, numbers: bool) -> str:
    """A line of ``ls -l``, with dashes for size and time."""
    owner, group = node.owner, node.group
    if numbers and (owner not in BASE_USERS or group not in BASE_GROUPS):
        raise UnknownError(f"which IDs {owner} and {group} have")
    names = (BASE_USERS[owner], BASE_GROUPS[group]) if numbers else (owner, group)
    kind = {Kind.DIRECTORY: 0o040000, Kind.SYMLINK: 0o120000}.get(node.kind, 0o100000)
    leads_to = "" if node.target is None else f" -> {node.target}"
    return f"{filemode(kind | node.mode)} 1 {names[0]} {names[1]} - - - - {shown}{leads_to}\n"


@command("cmp", "diff")
def cmp(call: Call) -> int:
    options = call.options()
    operands = options.operands
    if len(operands) < 2:
        raise UnknownError("what is compared")
    contents = []
    for operand in operands[:2]:
        if call.files.node(call.path(operand)) is None and operand != "/dev/null":
            return 2
        content = b"" if operand == "/dev/null" else call.files.read(call.path(operand))
        if content is None:
            raise UnknownError(f"what {operand} holds")
        contents.append(content)
    if contents[0] == contents[1]:
        return 0
    if call.name == "diff" or not options.has("s", "quiet", "silent"):
        call.out.unknown = "how two files differ"
    return 1


@command("uname")
def uname(call: Call) -> int:
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(call.state.architecture)
    if call.arguments == ["-m"] and machine:
        call.print(f"{machine}\n")
    elif call.arguments in (["-s"], []):
        call.print("Linux\n")
    elif call.arguments == ["-r"]:
        call.print(f"{_KERNEL}\n")
    else:
        call.out.unknown = "which kernel the machine has"
    return 0


_KERNEL = "6.12.0"
"""Scripts ask for the kernel's version to refuse one that is too old, which none is that runs containers today."""


@command("date", "df", "free", "who", "od")
def only_when_running(call: Call) -> int:
    call.out.unknown = f"what {call.name} prints when the system runs"
    return 0


@command("ps", "pidof", "pgrep", "runlevel", "lsof", "netstat", "ss", "lpstat")
def nothing_runs(call: Call) -> int:
    """No process of the system is there while its packages are configured."""
    return 0 if call.name in ("ps", "netstat", "ss") else 1


@command("hostname")
def hostname(call: Call) -> int:
    options = call.options()
    full = call.state.host_name or "localhost"  # an engine's /etc/hosts adds no domain
    short, _, domain = full.partition(".")
    if options.has("d", "domain"):
        call.print(f"{domain}\n")
    else:
        call.print(f"{full if options.has('f', 'fqdn', 'long', 'A') else short}\n")
    return 0


@command("ischroot")
def ischroot(call: Call) -> int:
    return 0


@command("setcap")
def setcap(call: Call) -> int:
    words = [word for word in call.arguments if word not in ("-q", "-f")]
    if any(word.startswith("-") and word != "-r" for word in words):
        raise UnknownError("what setcap does")
    if len(words) % 2:
        return 1
    for text, path in zip(words[::2], words[1::2], strict=True):
        real = call.files.real(call.path(path))
        node = call.files.node(real)
        if node is None or node.kind is not Kind.FILE:
            return 1
        if text == "-r":
            call.state.capabilities.pop(real, None)
            continue
        try:
            file_capabilities(text)
        except ValueError:
            raise UnknownError(f"which capabilities {text} are") from None
        call.state.capabilities[real] = text
    return 0


@command("getcap")
def getcap(call: Call) -> int:
    for path in call.options().operands:
        if text := call.state.capabilities.get(call.files.real(call.path(path))):
            call.print(f"{path} {text}\n")
    return 0


@command("mountpoint")
def mountpoint(call: Call) -> int:
    """What a running system has: openjdk's scripts end at once where /proc is not mounted."""
    return int(not {call.path(place) for place in call.options().operands} <= {"/", "/dev", "/proc", "/run", "/sys"})


@command("aa-enabled", "aa-status", "systemd-detect-virt", "fuser")
def nothing_of_this(call: Call) -> int:
    return 1


@command("sleep", "sync", "logger", "tty", "stty", "setterm")
def nothing(call: Call) -> int:
    return 0
