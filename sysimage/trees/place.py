"""Trees in a system: their items besides its own, and their files over what it has at the same paths."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sysimage.errors import Issue, SpecError
from sysimage.notices import notice
from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.system import SystemResult
from sysimage.rootfs.tree import Entry, Kind
from sysimage.rules.paths import directories_above
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec
from sysimage.spec.reserved_paths import ReservedPaths, Use
from sysimage.spec.trees import Tree
from sysimage.store.items import USR, ShownFiles, StoreItem
from sysimage.trees.items import TreeStore
from sysimage.trees.selection import Selection

_FILE_MODE = 0o644


@dataclass(frozen=True, slots=True)
class _TreeFile:
    """What one tree has at one image path."""

    path: str
    item: StoreItem = field(compare=False)
    inside: str
    """Relative to the item."""
    kind: Kind
    location: Path


@dataclass(frozen=True, slots=True)
class PlacedTree:
    """A tree of a spec, its items, and what it has in the image."""

    path: str
    tree: Tree
    items: tuple[StoreItem, ...]
    files: tuple[_TreeFile, ...]

    @property
    def where(self) -> str:
        """Its place in the spec."""
        return pointer("trees", self.path)


def with_trees(
    spec: SystemSpec, spec_dir: Path, system: SystemResult, accounts: Accounts, trees: TreeStore
) -> SystemResult:
    """``system`` with the trees of its spec; ``accounts`` know the owners.

    The items are roots of their own, so that a system does not change because a tree does. What the spec declares at a
    path of a tree counts before the tree, and the tree before what the system generates and what packages have in
    ``/usr``: such a file is an entry of the image, since the layers of items have no order. A `SpecError` names every
    fault: in the content of trees, in the paths of their files, and in files that are already at these paths.
    """
    if not spec.trees:
        return system
    placed, issues = _made(spec, spec_dir, trees)
    for tree in placed:
        issues += _misplaced(spec, tree)
    packages = _packages_of(system)
    issues += _contradictions(placed, system, packages)
    if issues:
        raise SpecError(f"cannot put the trees of {spec.name} into the image", issues=issues)
    covered = {file.path for tree in placed for file in tree.files if file.kind is not Kind.DIRECTORY}
    kept = [entry for entry in system.entries if entry.path not in covered or _is_declared(entry)]
    declared = {entry.path for entry in kept}
    replacing = {tree.path: frozenset(_replacing(tree, packages)) for tree in placed}
    copies = [
        entry
        for tree in placed
        for entry in _entries(tree, replacing[tree.path], accounts, trees)
        if entry.path not in declared
    ]
    items = [item for tree in placed for item in _shown(tree, replacing[tree.path])]
    return replace(system.with_items(items), entries=tuple(sorted((*kept, *copies), key=lambda entry: entry.path)))


def _made(spec: SystemSpec, spec_dir: Path, trees: TreeStore) -> tuple[list[PlacedTree], list[Issue]]:
    placed: list[PlacedTree] = []
    issues: list[Issue] = []
    for path, tree in sorted(spec.trees.items()):
        try:
            items = trees.items(Selection.of(path, tree, spec_dir, spec.allow_secrets))
        except SpecError as error:
            issues += error.issues or [Issue(pointer("trees", path), error.message)]
            continue
        placed.append(PlacedTree(path, tree, items, tuple(_files(path, items))))
    return placed, issues


def _files(path: str, items: tuple[StoreItem, ...]) -> Iterator[_TreeFile]:
    """Everything in the items by its path in the image, parents first; what two of them have is their top."""
    for item in items:
        waiting = [("", item.place)]
        while waiting:
            inside, location = waiting.pop()
            status = location.lstat()
            place = f"{path}/{inside}" if inside else path
            if stat.S_ISDIR(status.st_mode):
                if inside or item is items[0]:
                    yield _TreeFile(place, item, inside, Kind.DIRECTORY, location)
                names = sorted(os.listdir(location), reverse=True)  # noqa: PTH208 - names only
                waiting += [(f"{inside}/{name}" if inside else name, location / name) for name in names]
            elif stat.S_ISLNK(status.st_mode):
                yield _TreeFile(place, item, inside, Kind.SYMLINK, location)
            else:
                yield _TreeFile(place, item, inside, Kind.FILE, location)


def _misplaced(spec: SystemSpec, tree: PlacedTree) -> Iterator[Issue]:
    """Files at places that are the system's own."""
    places = ReservedPaths.of(spec)
    for file in tree.files:
        use = Use.DIRECTORY if file.kind is Kind.DIRECTORY else Use.FILE
        said = places.elsewhere(file.path)
        if said is not None:
            yield Issue(tree.where, f"{file.path} is {said} by a link of the system's")
        elif (refusal := places.refusal(file.path, use, owner=tree.tree.owner)) is not None:
            yield Issue(tree.where, f"{file.path} {refusal}")


def _contradictions(
    placed: list[PlacedTree], system: SystemResult, packages: Mapping[str, list[StoreItem]]
) -> Iterator[Issue]:
    """Directories where something else is, and files that two have at one path."""
    there: dict[str, tuple[Kind, str]] = {entry.path: (entry.kind, entry.owner) for entry in system.entries}
    closed = {file.path: tree for tree in placed for file in tree.files if file.kind is not Kind.DIRECTORY}
    for entry in system.entries:
        for above in directories_above(entry.path):
            if above in closed:
                yield Issue(closed[above].where, f"has a file at {above}, and {entry.owner} has something below")
    for tree in placed:
        for file in tree.files:
            kind, owner = there.get(file.path, (file.kind, ""))
            if kind is not file.kind and Kind.DIRECTORY in (kind, file.kind):
                yield Issue(tree.where, f"has a {_word(file.kind)} at {file.path}, {owner} a {_word(kind)}")
            elif file.path in there and owner.startswith("/trees/") and file.kind is not Kind.DIRECTORY:
                yield Issue(tree.where, f"has a file at {file.path}, and so has {owner}")
            else:
                yield from _of_packages(tree, file, packages)
        there |= {file.path: (file.kind, tree.where) for file in tree.files if file.path not in there}
        first = tree.path
        while (first := first.rpartition("/")[0]) and first in there:
            if there[first][0] is not Kind.DIRECTORY:
                yield Issue(tree.where, f"is below {first}, which is a {_word(there[first][0])} of {there[first][1]}")


def _packages_of(system: SystemResult) -> dict[str, list[StoreItem]]:
    """The items whose files are shown, by the directory that they are shown in, with a slash."""
    packages: dict[str, list[StoreItem]] = {}
    for item in system.items:
        if item.shown is not None and item.location is not None:
            packages.setdefault(f"{item.shown.top}/", []).append(item)
    return packages


def _of_packages(tree: PlacedTree, file: _TreeFile, packages: Mapping[str, list[StoreItem]]) -> Iterator[Issue]:
    """Faults: files of items at a path of the tree that the tree cannot replace."""
    for item, is_directory in _at(file, packages):
        both = is_directory, file.kind is Kind.DIRECTORY
        if both != (True, True) and (any(both) or not _is_of_usr(item)):
            yield Issue(tree.where, f"has a {_word(file.kind)} at {file.path}, where {item.path.name} has one")


def _replacing(tree: PlacedTree, packages: Mapping[str, list[StoreItem]]) -> Iterator[_TreeFile]:
    """The files of a tree at whose paths packages have one in ``/usr``."""
    for file in tree.files:
        if file.kind is not Kind.DIRECTORY and (items := [item for item, _ in _at(file, packages) if _is_of_usr(item)]):
            notice(f"{file.path} is the file of the tree {tree.path}, instead of that of {items[0].path.name}")
            yield file


def _at(file: _TreeFile, packages: Mapping[str, list[StoreItem]]) -> Iterator[tuple[StoreItem, bool]]:
    """The items that show something at a file's path, and whether it is a directory."""
    for top, item in ((top, item) for top, items in packages.items() if file.path.startswith(top) for item in items):
        inside = file.path.removeprefix(top)
        place = item.place / inside
        if os.path.lexists(place) and item.shown is not None and item.shown.shows(inside):
            yield item, place.is_dir() and not place.is_symlink()


def _is_of_usr(item: StoreItem) -> bool:
    return item.shown is not None and item.shown.top == USR


def _word(kind: Kind) -> str:
    return {Kind.DIRECTORY: "directory", Kind.FILE: "file", Kind.SYMLINK: "link"}[kind]


def _is_declared(entry: Entry) -> bool:
    """By the spec: its owner is a place in it."""
    return entry.owner.startswith(("/files/", "/symlinks/", "/directories/"))


def _shown(tree: PlacedTree, replacing: Collection[_TreeFile]) -> Iterator[StoreItem]:
    """The items of a tree, which show at its path what is not an entry of the image."""
    for item in tree.items:
        left_out = tuple(sorted(file.inside for file in replacing if file.item is item))
        yield replace(item, shown=None if tree.tree.is_copied else ShownFiles(left_out, top=tree.path))


def _entries(
    tree: PlacedTree, replacing: Collection[_TreeFile], accounts: Accounts, trees: TreeStore
) -> Iterator[Entry]:
    """The files that differ from those of the item: copies with an owner, in the layer of the item, and
    replacements."""
    uid, gid = accounts.uid(tree.tree.owner), accounts.gid(tree.tree.group)
    missing = [
        Issue(f"{tree.where}/{key}", f"there is no {kind} {name!r}")
        for key, kind, name, found in (
            ("owner", "user", tree.tree.owner, uid),
            ("group", "group", tree.tree.group, gid),
        )
        if found is None
    ]
    if uid is None or gid is None:
        raise SpecError("cannot place what the spec declares", issues=missing)
    digests = {item.path: trees.digests(item) for item in tree.items}
    mode = tree.tree.mode if tree.tree.mode is not None else _FILE_MODE
    for file in tree.files if tree.tree.is_copied else replacing:
        if file.kind is Kind.DIRECTORY:
            yield Entry.directory(file.path, _entered(mode), uid, gid, tree.where)
            continue
        if file.kind is Kind.SYMLINK:
            entry = Entry.symlink(file.path, os.readlink(file.location), uid, gid, tree.where)  # noqa: PTH115
        else:
            its = _entered(mode) if file.location.stat().st_mode & stat.S_IXUSR else mode
            entry = Entry.file(file.path, file.location, its, uid, gid, tree.where)
            entry = replace(entry, known_digest=digests[file.item.path][file.inside])
        yield entry if file in replacing else replace(entry, item=file.item.path)


def _entered(mode: int) -> int:
    """A mode with a bit to execute for each bit to read."""
    return mode | (mode & 0o444) >> 2
