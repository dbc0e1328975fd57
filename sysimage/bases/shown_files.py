"""What items show outside of the store, on a base's files: they lay theirs over it, directories stay as the base has
them."""

from __future__ import annotations

from collections.abc import Iterator

from sysimage.bases.base_image import BaseImage, BaseImageError
from sysimage.bases.tree_on_base import directory_of
from sysimage.closure import Closure
from sysimage.errors import Issue
from sysimage.notices import notice
from sysimage.rootfs.shown_files import shown_entry
from sysimage.rootfs.tree import Entry
from sysimage.rules.paths import as_parts
from sysimage.store.shown_files import shown_files
from sysimage.verify.tar import MemberKind
from sysimage.verify.tree import TreeNode

_USUAL = (0o755, 0, 0)


def shown_on(base: BaseImage, closure: Closure) -> tuple[Entry, ...]:
    """Entries beside the items: the base's directories that look other than usual, and the files of items
    that are in the base's store and nowhere else in it.

    A file of an item replaces the file of the base. A `BaseImageError` names every path where one of them
    has a directory and the other has no directory.
    """
    if not base.layers:
        return ()
    found = _above(base, closure)
    there = {item.path for item in base.items}
    issues: list[Issue] = []
    replaced = 0
    for item in closure:
        if item.shown is None or item.location is None:
            continue
        for path, file in shown_files(item.location, item.shown):
            place = item.shown.place(path)
            node = base.tree.find(as_parts(place))
            is_directory = file.is_dir(follow_symlinks=False)
            if node is not None and is_directory is not (node.kind is MemberKind.DIRECTORY):
                ours = "directory" if is_directory else "file"
                issues.append(Issue(place, f"is a {ours} of {item.path}, the base has a {node.kind.value}"))
            elif is_directory:
                found |= {entry.path: entry for entry in _as_it_is(place, node)}
            elif item.path in there and node is None:
                found[place] = shown_entry(item.location, path, item.shown, str(item.path))
            elif item.path not in there and node is not None:
                replaced += 1
    if issues:
        raise BaseImageError(
            f"cannot build on {base.path}: it and what is to be in the image contradict each other",
            hint="leave out what the base has otherwise: packages with exclude, or a tree's path",
            issues=issues,
        )
    if replaced:
        notice(f"{replaced} files of the base are replaced by those of packages and trees")
    return tuple(found.values())


def _above(base: BaseImage, closure: Closure) -> dict[str, Entry]:
    """The parent directories of the shown files, as the base has them."""
    tops = {item.shown.top: item.shown for item in closure if item.shown is not None}
    found: dict[str, Entry] = {}
    issues = []
    for top in sorted(tops):
        for place in tops[top].directories:
            node = base.tree.find(as_parts(place))
            if node is not None and node.kind is not MemberKind.DIRECTORY:
                issues.append(Issue(place, f"the base has a {node.kind.value} here, where {top} is a directory"))
            found |= {entry.path: entry for entry in _as_it_is(place, node)}
    if issues:
        raise BaseImageError(
            f"cannot build on {base.path}: files of the image cannot be put where they belong",
            hint="build the base again with this version of sysimage, or choose other paths",
            issues=sorted(set(issues), key=str),
        )
    return found


def _as_it_is(path: str, node: TreeNode | None) -> Iterator[Entry]:
    if node is not None and ((node.mode, node.uid, node.gid) != _USUAL or node.attributes):
        yield directory_of(node, path)
