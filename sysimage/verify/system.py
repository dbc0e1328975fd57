"""Whether the image can start: what the rules say of its tree, and whether GC roots keep everything."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping

from sysimage.rules import system
from sysimage.rules.finding import Cause
from sysimage.rules.paths import Parts, as_parts, as_path
from sysimage.rules.program_architectures import check_architecture
from sysimage.verify.config import Config
from sysimage.verify.issue_collector import IssueCollector
from sysimage.verify.store import StoreFacts
from sysimage.verify.tar import MemberKind
from sysimage.verify.tree import FileTree, item_of

ACCOUNTS = {name: as_parts(f"/etc/{name}") for name in ("passwd", "group")}
"""Files whose contents `check_system` needs."""


def check_system(
    tree: FileTree,
    config: Config,
    store: StoreFacts | None,
    accounts: Mapping[Parts, bytes],
    own: Collection[int],
    faults: IssueCollector,
    *,
    has_base: bool,
) -> None:
    """Check what a container engine and the first process need before anything has run.

    ``accounts`` are the contents of `ACCOUNTS`, links followed. ``own`` are the numbers of the layers that are not a
    base image's: whose GC roots must lead to items and keep all of theirs, and whose accounts must be able to log in.
    The health check of an image that ``has_base`` may be the base's, which only says that it fails.
    """
    runtime = config.runtime
    passwd, group = (accounts.get(ACCOUNTS[name], b"") for name in ("passwd", "group"))

    def is_own(parts: Parts) -> bool:
        node = tree.find(parts)
        return node is not None and node.layer in own

    findings = system.check_system(
        tree,
        runtime,
        None if store is None else store.state_directory,
        passwd,
        group,
        own=is_own,
        own_health_check=not has_base,
    )
    faults.add_findings(findings, _place)
    if own:  # images of other tools may have reasons
        items = () if store is None else [as_parts(str(item)) for item in store.items]
        faults.add_findings(check_architecture(tree, runtime, items), _place)
    if store is None or faults:  # a database that lacks something would make this repeat it for all that hangs on it
        return
    _check_nothing_is_dead(tree, store, own, faults)


def _place(cause: Cause) -> str:
    """Where in an image the cause of a finding is."""
    match cause:
        case ("file", path):
            return path
        case ("shell", _):
            return "/etc/passwd"
        case _:
            return "config"


def _check_nothing_is_dead(tree: FileTree, store: StoreFacts, own: Container[int], faults: IssueCollector) -> None:
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
