"""Our /usr on a base's: items lay their files over it, directories stay as the base has them."""

from __future__ import annotations

from collections.abc import Iterator

from sysimage.bases.base_image import BaseImage, BaseImageError
from sysimage.closure import Closure
from sysimage.errors import Issue
from sysimage.notices import notice
from sysimage.rootfs.tree import Entry
from sysimage.rootfs.usr import usr_entry
from sysimage.rules.paths import as_parts
from sysimage.store.shown import shown_files
from sysimage.verify.tar import MemberKind
from sysimage.verify.tree import Node

_USUAL = (0o755, 0, 0)


def usr_on(base: BaseImage, closure: Closure) -> tuple[Entry, ...]:
    """Entries beside the items: the base's directories that look other than usual, and the files of items
    that are in the base's store and not in its /usr.

    A file of an item takes the place of the base's, as anywhere. A `BaseImageError` names every path where one of them
    has a directory and the other has no directory.
    """
    if not base.layers:
        return ()
    top = base.tree.find(as_parts("/usr"))
    if top is not None and top.kind is not MemberKind.DIRECTORY and any(item.usr is not None for item in closure):
        raise BaseImageError(
            f"cannot build on {base.path}: its /usr is a {top.kind.value}, where packages put their files",
            hint="build the base again with this version of sysimage, or put paths of a store on it",
        )
    there = {item.path for item in base.items}
    found: dict[str, Entry] = {}
    issues: list[Issue] = []
    replaced = 0
    for item in closure:
        if item.usr is None or item.location is None:
            continue
        for path, file in shown_files(item.location, item.usr):
            node = base.tree.find(as_parts(f"/usr/{path}"))
            is_directory = file.is_dir(follow_symlinks=False)
            if node is not None and is_directory is not (node.kind is MemberKind.DIRECTORY):
                ours = "directory" if is_directory else "file"
                issues.append(Issue(f"/usr/{path}", f"is a {ours} of {item.path}, the base has a {node.kind.value}"))
            elif is_directory:
                found |= {entry.path: entry for entry in _as_it_is(f"/usr/{path}", node)}
            elif item.path in there and node is None:
                found[f"/usr/{path}"] = usr_entry(item.location, path, item.usr, str(item.path))
            elif item.path not in there and node is not None:
                replaced += 1
    if issues:
        raise BaseImageError(
            f"cannot build on {base.path}: its /usr and the packages' contradict each other",
            hint="leave the packages out with exclude, or put paths of a store on such a base",
            issues=issues,
        )
    if replaced:
        notice(f"{replaced} files in /usr of the base are the packages' now")
    return tuple(found.values())


def _as_it_is(path: str, node: Node | None) -> Iterator[Entry]:
    if node is not None and (node.mode, node.uid, node.gid) != _USUAL:
        yield Entry.directory(path, node.mode, node.uid, node.gid)
