"""The tree of the image on top of that of a base: files follow the links of the base, and the directories of the base
are not changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sysimage.bases.base_image import BaseImage, BaseImageError
from sysimage.errors import Issue
from sysimage.rootfs.tree import NOBODYS, Entry, Kind, RootTree
from sysimage.rules.paths import as_parts, as_path
from sysimage.spec.model import Store
from sysimage.spec.reserved_paths import Use, refusal_in_any_image
from sysimage.verify.tar import MemberKind
from sysimage.verify.tree import FileTree, TreeNode, item_of

_ACCESS = (b".system.posix_acl_access", b".acl.access")
"""Ends of records of permissions, which a mode in the spec replaces."""
CURRENT_SYSTEM = "/run/current-system"


def place_on(tree: RootTree, base: BaseImage, store: Store) -> RootTree:
    """``tree`` as the layer above those of the base. A `BaseImageError` names every new entry that would replace
    a directory, are below a file, or are in a store that the base has elsewhere."""
    if not base.layers:
        return tree  # as the walk would find; without it, a build that changes nothing takes a tenth less time
    placed: dict[str, Entry] = {}
    issues = []
    for entry in tree:
        path, fault = _place(entry, base.tree)
        if fault is None and path != entry.path:
            refusal = None if entry.owner == NOBODYS else refusal_in_any_image(path, _use(entry))
            if refusal is not None:
                fault = f"the base has a link on the way, to {path}, and that {refusal}"
            elif _is_of_the_store(entry.path, store):
                fault = f"the base has a link on the way, to {path}, where the store must be itself"
            elif _is_of_the_store(path, store):
                fault = f"the base has a link on the way, into its store: {path}"
        if fault is not None:
            issues.append(Issue(entry.path, f"{fault} (from {entry.owner})"))
            continue
        found = _kept(entry, base.tree, path, store)
        if found is None:
            continue
        if isinstance(found, str):
            issues.append(Issue(entry.path, f"{found} (from {entry.owner})"))
        elif path not in placed or path == entry.path:
            placed[path] = found
    if issues:
        raise BaseImageError(
            f"cannot build on {base.path}: what is to be in the image contradicts it",
            hint="leave out of the spec, or of the base, what is in both",
            issues=issues,
        )
    return RootTree(_with_the_bases_parents(placed, base.tree).values())


def _place(entry: Entry, base: FileTree) -> tuple[str, str | None]:
    """Where the entry goes when the base's links on its path are followed, and what forbids it."""
    way = "/"
    parts = as_parts(entry.path)
    for part in parts[:-1]:
        way = _below(way, part)
        node = base.find(as_parts(way))
        if node is None or node.kind is MemberKind.DIRECTORY:
            continue
        if node.kind is not MemberKind.SYMLINK:
            return entry.path, f"the base has a {node.kind.value} at {way}"
        target = base.resolve(way.encode("utf-8", "surrogateescape"))
        if target is None or target[1].kind is not MemberKind.DIRECTORY:
            return entry.path, f"the base has a link at {way} that leads to no directory"
        way = as_path(target[0])
    return (_below(way, parts[-1]) if parts else "/"), None


def _kept(entry: Entry, base: FileTree, path: str, store: Store) -> Entry | str | None:
    """The entry as it is to be at ``path``; None for one that the base has already; a text for a conflict."""
    node = base.find(as_parts(path))
    if node is None:
        return replace(entry, path=path)
    if entry.kind is Kind.DIRECTORY:
        if node.kind is MemberKind.DIRECTORY:
            stays = entry.owner == NOBODYS and not _is_of_the_store(entry.path, store)
            if stays:
                return replace(directory_of(node, path), owner=entry.owner, item=entry.item)
            others = tuple(one for one in node.attributes if not one[0].endswith(_ACCESS))
            return replace(entry, path=path, attributes=others)
        if node.kind is MemberKind.SYMLINK and entry.owner == NOBODYS:
            return None
        behind = _directory_behind(node, path, base)
        if behind is not None:
            return replace(entry, path=behind)
        return f"is a directory, the base has a {node.kind.value} there"
    if node.kind is MemberKind.DIRECTORY and node.children:
        if entry.kind is Kind.SYMLINK and entry.owner == NOBODYS and entry.path != CURRENT_SYSTEM:
            return None  # such as /bin, which leads to /usr/bin in an image of its own
        return f"is a {entry.kind.value}, the base has a directory there"
    if entry.owner != NOBODYS and (behind := _directory_behind(node, path, base)) is not None:
        if entry.target is not None and entry.target.encode("utf-8", "surrogateescape") == node.link:
            return None
        return f"is a {entry.kind.value}, the base has a link to its directory {behind} there"
    return replace(entry, path=path)


def directory_of(node: TreeNode, path: str) -> Entry:
    """A directory as a base has it, with its attributes: a layer that repeats it without them would take them away."""
    return replace(Entry.directory(path, node.mode, node.uid, node.gid), attributes=node.attributes)


def _directory_behind(node: TreeNode, path: str, base: FileTree) -> str | None:
    """The directory of the base's own, of no store item, to which its link at ``path`` leads."""
    if node.kind is not MemberKind.SYMLINK:
        return None
    found = base.resolve(path.encode("utf-8", "surrogateescape"))
    if found is None or found[1].kind is not MemberKind.DIRECTORY or item_of(found[0]) is not None:
        return None
    return as_path(found[0])


def _with_the_bases_parents(placed: Mapping[str, Entry], base: FileTree) -> dict[str, Entry]:
    """With the directories above every entry in the form that the base has them in."""
    found = dict(placed)
    for path in placed:
        parts = as_parts(path)
        for depth in range(len(parts)):
            above = as_path(parts[:depth])
            node = base.find(parts[:depth])
            if above not in found and node is not None:
                found[above] = directory_of(node, above)
    return found


def _is_of_the_store(path: str, store: Store) -> bool:
    """Whether what is at ``path`` belongs to the store's owner, whatever a base has there."""
    below = any(f"{path}/".startswith(f"{place}/") for place in (store.store_dir, store.state_dir))
    return below or (bool(store.uid) and path in store.owner_dirs)


def _use(entry: Entry) -> Use:
    return Use.HOME if entry.kind is Kind.DIRECTORY else Use.FILE


def _below(path: str, part: bytes) -> str:
    return f"{path.rstrip('/')}/{part.decode('utf-8', 'surrogateescape')}"
