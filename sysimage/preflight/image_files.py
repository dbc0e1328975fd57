"""The files of an image that is not written yet: the tree on top, items as they are here, the base beneath."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from sysimage.bases import NO_BASE, BaseImage
from sysimage.closure import Closure
from sysimage.rootfs.tree import Entry, RootTree
from sysimage.rootfs.tree import Kind as EntryKind
from sysimage.rules.files import FileInfo, FileKind
from sysimage.rules.paths import Parts, as_parts, as_path
from sysimage.rules.programs import UNKNOWN_PROGRAM, Program, Read, read_program
from sysimage.store.items import ShownFiles

_KINDS = {EntryKind.FILE: FileKind.FILE, EntryKind.DIRECTORY: FileKind.DIRECTORY, EntryKind.SYMLINK: FileKind.SYMLINK}
_READABLE, _EXECUTABLE = 0o444, 0o555
"""Modes of files in items, as layers have them."""
_SHOWN_DIRECTORY = 0o755


class ImageFiles:
    """Reads what an image will show, as `sysimage.rules.files.Files`."""

    def __init__(self, tree: RootTree, closure: Closure, base: BaseImage = NO_BASE) -> None:
        self._tree = tree
        self._items = {as_parts(str(item.path)): item.location for item in closure if item.location is not None}
        self._depths = sorted({len(parts) for parts in self._items})
        self._shown = [
            (item.shown, os.fsencode(item.location)) for item in closure if item.shown is not None and item.location
        ]
        self._tops = {shown.top: as_parts(shown.top) for shown, _ in self._shown}
        self._above_tops = {top[:depth] for top in self._tops.values() for depth in range(1, len(top))}
        self._base = base

    def at(self, parts: Parts) -> FileInfo | None:
        entry = self._tree.get(as_path(parts))
        if entry is not None:
            return _seen_entry(entry)
        place = self._place(parts)
        if place is not None:
            return _seen_file(place)
        return self._of_shown(parts) or self._base.tree.at(parts)

    def names(self, parts: Parts) -> Iterable[bytes]:
        found = set(self._children.get(parts, ()))
        place = self._place(parts)
        if place is not None and os.path.isdir(place) and not os.path.islink(place):  # noqa: PTH112, PTH114 - bytes
            found.update(os.listdir(place))  # noqa: PTH208
        for shown, below, directory in self._shown_places(parts):
            if os.path.isdir(directory) and not os.path.islink(directory):  # noqa: PTH112, PTH114 - bytes
                names = os.listdir(directory)  # noqa: PTH208
                found.update(one for one in names if shown.shows(f"{below}/{os.fsdecode(one)}".lstrip("/")))
        return found.union(self._base.tree.names(parts))

    @cached_property
    def _children(self) -> dict[Parts, list[bytes]]:
        children: defaultdict[Parts, list[bytes]] = defaultdict(list)
        for parts in [
            *(as_parts(entry.path) for entry in self._tree),
            *self._items,
            *self._above_tops,
            *self._tops.values(),
        ]:
            if parts:
                children[parts[:-1]].append(parts[-1])
        return children

    def _shown_places(self, parts: Parts) -> Iterator[tuple[ShownFiles, str, bytes]]:
        """Path in the item and place on this machine of what items that show files at a path would have there."""
        # Many items have one top: nearly all show their files below /usr.
        below_tops = {
            name: b"/".join(parts[len(top) :]) for name, top in self._tops.items() if parts[: len(top)] == top
        }
        paths = {name: os.fsdecode(below) for name, below in below_tops.items()}
        for shown, location in self._shown:
            path = paths.get(shown.top)
            if path is not None and (not path or shown.shows(path)):
                yield shown, path, b"/".join((location, below_tops[shown.top])) if path else location

    def _of_shown(self, parts: Parts) -> FileInfo | None:
        for shown, below, place in self._shown_places(parts):
            seen = _seen_file(place)
            if seen is None:
                continue
            if seen.kind is FileKind.DIRECTORY:
                return replace(seen, mode=_SHOWN_DIRECTORY)
            if below in shown.links:
                return replace(seen, link=os.fsencode(shown.links[below]))
            return replace(seen, mode=shown.own[below].mode) if below in shown.own else seen
        return FileInfo(FileKind.DIRECTORY, _SHOWN_DIRECTORY) if parts in self._above_tops else None

    def _place(self, parts: Parts) -> bytes | None:
        """Where what is in an item is on this machine."""
        for depth in self._depths:
            location = self._items.get(parts[:depth])
            if location is not None:
                return b"/".join((os.fsencode(location), *parts[depth:]))
        return None


def _seen_entry(entry: Entry) -> FileInfo:
    link = (entry.target or "").encode("utf-8", "surrogateescape")
    content = entry.content
    if content is None:
        return FileInfo(_KINDS[entry.kind], entry.mode, link)
    if isinstance(content, Path):
        return FileInfo(FileKind.FILE, entry.mode, program=partial(_program_at, os.fsencode(content)))
    text = content
    return FileInfo(FileKind.FILE, entry.mode, program=lambda: read_program(lambda at, size: text[at : at + size]))


def _seen_file(place: bytes) -> FileInfo | None:
    try:
        status = os.lstat(place)
    except OSError:
        return None
    if stat.S_ISLNK(status.st_mode):
        return FileInfo(FileKind.SYMLINK, 0o777, os.readlink(place))  # noqa: PTH115 - bytes
    if stat.S_ISDIR(status.st_mode):
        return FileInfo(FileKind.DIRECTORY, _EXECUTABLE)
    if not stat.S_ISREG(status.st_mode):
        return FileInfo(FileKind.SPECIAL, 0)
    mode = _EXECUTABLE if status.st_mode & 0o100 else _READABLE
    return FileInfo(FileKind.FILE, mode, program=partial(_program_at, place))


def _program_at(place: bytes) -> Program:
    try:
        with open(place, "rb", buffering=0) as file:
            return read_program(_reader(file.fileno()))
    except OSError:
        return UNKNOWN_PROGRAM  # the layer writer reports why the file cannot be read


def _reader(descriptor: int) -> Read:
    return lambda offset, size: os.pread(descriptor, size, offset)
