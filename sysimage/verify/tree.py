"""The file system an engine would show: layers on top of each other, whiteouts applied, links followed inside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from sysimage.digest import NIX_BASE32_ALPHABET
from sysimage.rules.files import FileInfo, FileKind, ResolvedPath, resolve_path
from sysimage.rules.paths import Parts
from sysimage.rules.programs import UNKNOWN_PROGRAM, Program
from sysimage.verify.issue_collector import IssueCollector, escaped
from sysimage.verify.tar import MemberKind, TarMember

WHITEOUT = b".wh."
USR = b"usr"
"""The top directory in which files of items have another name."""
OPAQUE = b".wh..wh..opq"
_PLAIN = (0o755, 0, 0)
_KINDS = {
    MemberKind.FILE: FileKind.FILE,
    MemberKind.HARD_LINK: FileKind.FILE,
    MemberKind.DIRECTORY: FileKind.DIRECTORY,
    MemberKind.SYMLINK: FileKind.SYMLINK,
}
_ITEM = re.compile(rb"[" + NIX_BASE32_ALPHABET.encode() + rb"]{32}-[A-Za-z0-9+\-._?=]{1,211}")
_SHORTEST_ITEM = 34


def item_of(parts: Parts) -> Parts | None:
    """The image path of the store item that a path is in."""
    for depth, part in enumerate(parts):
        if len(part) >= _SHORTEST_ITEM and _ITEM.fullmatch(part):
            return parts[: depth + 1]
    return None


@dataclass(slots=True)
class TreeNode:
    """What is at one path."""

    kind: MemberKind
    mode: int
    uid: int
    gid: int
    size: int
    link: bytes
    layer: int
    """Number of the layer that put it there."""
    content_at: Parts
    """The member of that layer that has the content; another path for a hard link."""
    attributes: tuple[tuple[bytes, bytes], ...] = ()
    """Of a directory, as `TarMember.attributes`."""
    program: Program = UNKNOWN_PROGRAM
    """What the kernel reads of it, where it is executable."""
    children: dict[bytes, TreeNode] = field(default_factory=dict)


def is_of_aufs(parts: Parts) -> bool:
    """Whether it is what AUFS kept beside the files, in layers that old Docker made: engines ignore it, but
    hard links may lead to files in ``.wh..wh.plnk``."""
    return bool(parts) and parts[0] in (b".wh..wh.plnk", b".wh..wh.orph", b".wh..wh.aufs")


def root_node() -> TreeNode:
    return TreeNode(MemberKind.DIRECTORY, 0o755, 0, 0, 0, b"", 0, ())


class FileTree:
    """Layers applied one after the other."""

    def __init__(self, faults: IssueCollector) -> None:
        self.root = root_node()
        self._faults = faults
        self._ours: set[int] = set()
        self._programs: Mapping[Parts, Program] = {}
        self._linked: dict[Parts, TreeNode] = {}
        """Files of the current layer that exist only as targets of hard links."""

    def apply(
        self,
        number: int,
        members: Sequence[TarMember],
        *,
        ours: bool,
        programs: Mapping[Parts, Program] = MappingProxyType({}),
    ) -> None:
        """Put a layer on top. A layer of ``ours`` must not change other layers' directories; none may change an item.

        ``programs`` are the layer's executable files.
        """
        self._programs = programs
        if ours:
            self._ours.add(number)
        where = f"layer {number}"
        self._linked = {}
        for member in members:
            if not is_of_aufs(member.parts) and member.parts and member.parts[-1].startswith(WHITEOUT):
                self._white_out(member, where)
        placed: set[Parts] = set()
        for member in members:
            if is_of_aufs(member.parts):
                if member.kind is MemberKind.FILE and (node := self._node(number, member, placed, where)) is not None:
                    self._linked[member.parts] = node
            elif not (member.parts and member.parts[-1].startswith(WHITEOUT)):
                self._place(number, member, placed, where)

    def is_ours(self, node: TreeNode) -> bool:
        """Whether a layer that sysimage wrote has put it there."""
        return node.layer in self._ours

    def _white_out(self, member: TarMember, where: str) -> None:
        *above, name = member.parts
        parent = self._directory(tuple(above))
        hidden = name[len(WHITEOUT) :]
        if name == OPAQUE:
            if parent is not None:
                parent.children.clear()
        elif hidden in (b"", b".", b"..") or hidden.startswith(WHITEOUT):
            self._faults.add("whiteout", where, f"{member.name} is a malformed whiteout")
        elif parent is not None:
            parent.children.pop(hidden, None)

    def _directory(self, parts: Parts) -> TreeNode | None:
        """The directory at exactly this path, no link followed."""
        node = self.root
        for part in parts:
            child = node.children.get(part)
            if child is None or child.kind is not MemberKind.DIRECTORY:
                return None
            node = child
        return node

    def _place(self, number: int, member: TarMember, placed: set[Parts], where: str) -> None:
        parent = self._parent(number, member, where)
        if parent is None:
            return
        node = self._node(number, member, placed, where)
        if node is None:
            return
        placed.add(member.parts)
        old = self.root if not member.parts else parent.children.get(member.parts[-1])
        if old is not None:
            if member.parts and old.layer not in (0, number):
                self._compare(old, node, member, where)
            if old.kind is node.kind is MemberKind.DIRECTORY:
                node.children = old.children
        if member.parts:
            parent.children[member.parts[-1]] = node
        else:
            self.root = node

    def _parent(self, number: int, member: TarMember, where: str) -> TreeNode | None:
        node = self.root
        for depth, part in enumerate(member.parts[:-1], 1):
            child = node.children.get(part)
            if child is None:
                child = root_node()
                child.layer = number
                node.children[part] = child
            if child.kind is not MemberKind.DIRECTORY:
                above = "/" + b"/".join(member.parts[:depth]).decode("utf-8", "surrogateescape")
                self._faults.add("parents", where, f"{member.name} is below {escaped(above)}, a {child.kind.value}")
                return None
            node = child
        return node

    def _node(self, number: int, member: TarMember, placed: set[Parts], where: str) -> TreeNode | None:
        if member.kind is not MemberKind.HARD_LINK:
            node = TreeNode(
                member.kind, member.mode, member.uid, member.gid, member.size, member.link, number, member.parts
            )
            node.attributes = member.attributes
            node.program = self._programs.get(member.parts, UNKNOWN_PROGRAM)
            return node
        target = tuple(part for part in member.link.split(b"/") if part not in (b"", b"."))
        found = self.find(target) if target in placed else self._linked.get(target)
        if found is None or found.kind is MemberKind.DIRECTORY:
            self._faults.add(
                "hard links", where, f"{member.name} is a hard link to {escaped(member.link)}, no earlier file here"
            )
            return None
        # To a symlink, too: buildah and an optimised Nix store have such.
        return replace(found, layer=number, children={})

    def _compare(self, old: TreeNode, new: TreeNode, member: TarMember, where: str) -> None:
        if old.kind is new.kind is MemberKind.DIRECTORY:
            if member.parts[0] == USR and (old.mode, old.uid, old.gid) == _PLAIN:
                return  # as every item has it; a system may want something special of it, once
            if (old.mode, old.uid, old.gid) != (new.mode, new.uid, new.gid) and {old.layer, new.layer} <= self._ours:
                self._faults.add(
                    "clobbering",
                    where,
                    f"{member.name} is {new.mode:04o} {new.uid}:{new.gid}, in layer {old.layer} it is "
                    f"{old.mode:04o} {old.uid}:{old.gid}",
                )
        elif item_of(member.parts) is not None:
            # What an item is in the end is measured; others may well have written it twice.
            self._faults.style(ours=self.is_ours(new))(
                "clobbering",
                where,
                f"{member.name}, in a store item, replaces the {old.kind.value} of layer {old.layer}",
            )

    def find(self, parts: Parts) -> TreeNode | None:
        """What is at exactly this path, no link followed."""
        if not parts:
            return self.root
        parent = self._directory(parts[:-1])
        return None if parent is None else parent.children.get(parts[-1])

    def at(self, parts: Parts) -> FileInfo | None:
        """The same as the rules see it."""
        node = self.find(parts)
        if node is None:
            return None
        return FileInfo(_KINDS.get(node.kind, FileKind.SPECIAL), node.mode, node.link, lambda: node.program)

    def names(self, parts: Parts) -> Iterable[bytes]:
        """The names in a directory."""
        node = self._directory(parts)
        return () if node is None else tuple(node.children)

    def resolve(self, path: bytes) -> tuple[Parts, TreeNode] | None:
        """Follow links as a process inside the image would; None where the path leads nowhere or in a circle."""
        found = resolve_path(self, path)
        if not isinstance(found, ResolvedPath):
            return None
        node = self.find(found.parts)
        return None if node is None else (found.parts, node)

    def walk(self, parts: Parts = ()) -> Iterator[tuple[Parts, TreeNode]]:
        """Everything at and below a path, a directory before its entries, names sorted by bytes."""
        top = self.find(parts)
        stack = [] if top is None else [(parts, top)]
        while stack:
            path, node = stack.pop()
            yield path, node
            stack += [((*path, name), node.children[name]) for name in sorted(node.children, reverse=True)]
