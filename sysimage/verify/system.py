"""Whether the image can start: its entry point, accounts, shell, temporary directory and GC roots."""

from __future__ import annotations

from collections.abc import Container, Mapping

from sysimage.verify.config import Config
from sysimage.verify.faults import Faults, shown
from sysimage.verify.store import StoreFacts, as_parts, as_path
from sysimage.verify.tar import MemberKind
from sysimage.verify.tree import FileTree, Parts, item_of

ACCOUNTS = {name: as_parts(f"/etc/{name}") for name in ("passwd", "group")}
"""Files that `check_system` needs to have been captured."""
_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MADE_AT_BOOT = (b"/run/", b"/proc/", b"/dev/", b"/tmp/")


def check_system(
    tree: FileTree,
    config: Config,
    store: StoreFacts | None,
    captured: Mapping[Parts, bytes],
    own: Container[int],
    faults: Faults,
) -> None:
    """Check what a container engine and the first process need before anything has run.

    ``own`` are the numbers of the layers that are not a base image's: whose items GC roots must keep.
    """
    _check_entry_point(tree, config, faults)
    _check_user(config, captured, faults)
    if store is None:
        return
    _check_roots(tree, store, faults)
    if tree.find(as_parts(f"{store.state_directory}/profiles/system")) is not None:
        _check_first_boot(tree, faults)
        if not faults:  # a database that lacks something would make this repeat it for all that hangs on it
            _check_nothing_is_dead(tree, store, own, faults)


def _check_entry_point(tree: FileTree, config: Config, faults: Faults) -> None:
    words = config.entry_point + config.command
    if not words:
        return
    program = words[0]
    if "/" in program:
        start = program if program.startswith("/") else f"{config.working_directory or '/'}/{program}"
        candidates = [start]
    else:
        search = next((one[5:] for one in config.environment if one.startswith("PATH=")), _SEARCH_PATH)
        candidates = [f"{directory}/{program}" for directory in search.split(":")]
    for candidate in candidates:
        found = tree.resolve(candidate.encode("utf-8", "surrogateescape"))
        if found is not None and found[1].kind is MemberKind.FILE:
            if found[1].mode & 0o111:
                return
            faults.add("entry point", "config", f"{shown(as_path(found[0]))} is what runs first, but not executable")
            return
    if any(_leads_to_what_boot_makes(tree, candidate) for candidate in candidates):
        return
    faults.add("entry point", "config", f"{shown(program)} is what runs first, but is not in the image")


def _leads_to_what_boot_makes(tree: FileTree, path: str) -> bool:
    """Whether a path goes through a link that only leads somewhere in a running system, such as to /run."""
    parts = as_parts(path)
    for depth in range(1, len(parts) + 1):
        node = tree.find(parts[:depth])
        if node is not None and node.kind is MemberKind.SYMLINK:
            return (
                ("/" + node.link.decode("utf-8", "surrogateescape").lstrip("/"))
                .encode("utf-8", "surrogateescape")
                .startswith(_MADE_AT_BOOT)
            )
    return False


def _check_user(config: Config, captured: Mapping[Parts, bytes], faults: Faults) -> None:
    user, _, group = config.user.partition(":")
    for name, file in ((user, "passwd"), (group, "group")):
        if not name or name.isdecimal():
            continue
        known = [line.partition(b":")[0] for line in captured.get(ACCOUNTS[file], b"").splitlines()]
        if name.encode() not in known:
            faults.add("user", "config", f"{shown(name)} is to run the entry point, but is not in /etc/{file}")


def _check_first_boot(tree: FileTree, faults: Faults) -> None:
    for path in ("/etc/passwd", "/etc/group"):
        found = tree.resolve(path.encode())
        if found is None or found[1].kind is not MemberKind.FILE:
            faults.add("first boot", path, "is missing, nobody has a name before the first boot")
    shell = tree.resolve(b"/bin/sh")
    if shell is None or shell[1].kind is not MemberKind.FILE or not shell[1].mode & 0o111:
        faults.add("first boot", "/bin/sh", "is missing, or no program")
    temporary = tree.find((b"tmp",))
    if temporary is None or temporary.kind is not MemberKind.DIRECTORY or temporary.mode != 0o1777:
        found_mode = "missing" if temporary is None else f"a {temporary.kind.value} of mode {temporary.mode:04o}"
        faults.add("first boot", "/tmp", f"is {found_mode}; it should be a directory of mode 1777")  # noqa: S108


def _check_roots(tree: FileTree, store: StoreFacts, faults: Faults) -> None:
    for below in ("gcroots", "profiles"):
        for parts, node in tree.walk(as_parts(f"{store.state_directory}/{below}")):
            if node.kind is not MemberKind.SYMLINK or node.link.startswith(_MADE_AT_BOOT):
                continue
            if tree.resolve(as_path(parts).encode("utf-8", "surrogateescape")) is None:
                faults.add(
                    "GC roots", shown(as_path(parts)), f"points to {shown(node.link)}, which is not in the image"
                )


def _check_nothing_is_dead(tree: FileTree, store: StoreFacts, own: Container[int], faults: Faults) -> None:
    """What no GC root leads to, the store's own tools would delete at the first occasion."""
    todo = []
    for below in ("gcroots", "profiles"):
        for _, node in tree.walk(as_parts(f"{store.state_directory}/{below}")):
            if node.kind is MemberKind.SYMLINK and (item := item_of(_link_parts(node.link))) is not None:
                todo.append(as_path(item))
    alive: set[str] = set()
    while todo:
        path = todo.pop()
        if path not in alive:
            alive.add(path)
            todo += store.references.get(path, ())
    for registered in store.items:
        top = tree.find(as_parts(str(registered)))
        if str(registered) not in alive and top is not None and top.layer in own:
            faults.add("GC roots", str(registered), "is not kept by any GC root")


def _link_parts(link: bytes) -> Parts:
    """An absolute link's target as components."""
    return tuple(part for part in link.split(b"/") if part not in (b"", b"."))
