"""The union of several items at the root of an image, as nixpkgs' ``copyToRoot`` and ``contents`` give it.

    one/bin/a     two/bin/b          /bin        a directory
    one/etc/x     two/share/y        /bin/a   → one/bin/a      /bin/b → two/bin/b
                                     /etc        a directory: every image has one
                                     /etc/x   → one/etc/x      /share → two/share

A directory that only one item has is one link; where several have it, or the image itself does, it is a real one. What
is copied is real everywhere, with the owner and the mode that the spec gives it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sysimage.errors import Issue
from sysimage.from_store.item_files import ItemFiles
from sysimage.rootfs.capabilities import file_capabilities
from sysimage.rootfs.tree import Entry
from sysimage.spec.json_text import pointer


@dataclass(frozen=True, slots=True)
class Content:
    """One item whose files are at the root."""

    top: str
    """The item, or a directory in it, by its path in the image."""
    where: str
    """Its place in the spec, a JSON pointer."""
    copy: bool = False
    uid: int = 0
    gid: int = 0
    mode: int | None = None
    """Permission bits of copied files; as the item has them, but writable for the owner, by default."""
    capabilities: Mapping[str, str] = field(default_factory=dict)
    """Path in the item → what its copy may do, as for setcap(8)."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Something that a content has at a path of the union."""

    content: Content
    path: str
    """Where it has it, in the image."""
    place: Path | None
    """Its path on this machine, links followed; None where they lead out of the items."""
    above: tuple[Path, ...] = ()
    """The directories that it is in, on this machine: a link to one of them has no end and stays a link."""

    @property
    def is_directory(self) -> bool:
        return self.place is not None and self.place.is_dir() and self.place not in self.above


def union(
    contents: Sequence[Content],
    files: ItemFiles,
    is_real: Callable[[str], bool],
    is_decided: Callable[[str], bool] = lambda path: False,
) -> tuple[list[Entry], list[Issue]]:
    """The entries of the union, and every conflict.

    ``is_real`` says which image paths must be directories, ``is_decided`` which the spec itself gives something else
    than a directory: there, nothing is a conflict.
    """
    made = _Union(files, is_real, is_decided)
    sources = [_Source(content, content.top, files.find(content.top)) for content in contents]
    flat = [source for source in sources if not source.is_directory]
    issues = [Issue(source.content.where, f"{source.path} is not a directory") for source in flat]
    if sources and not issues:
        made.add_directory("", sources)
        for content in contents:
            for inside in content.capabilities:
                if (content.where, inside) not in made.given:
                    where = content.where + pointer("capabilities", inside)
                    issues.append(Issue(where, f"{content.top}/{inside} is not one of the copied files"))
    return made.entries, issues + made.issues


@dataclass(slots=True)
class _Union:
    files: ItemFiles
    is_real: Callable[[str], bool]
    is_decided: Callable[[str], bool]
    entries: list[Entry] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    given: set[tuple[str, str]] = field(default_factory=set)
    """Places in the spec and paths of files that got capabilities."""

    def add(self, path: str, sources: Sequence[_Source]) -> None:
        """Everything at ``path`` and below."""
        first = sources[0]
        content = first.content
        together = len(sources) > 1 or content.copy or self.is_real(path)
        if together and all(source.is_directory for source in sources):
            self.add_directory(path, sources)
        elif len({str(source.place) for source in sources}) > 1:
            if self.is_decided(path):
                return
            others = ", ".join(other.content.where for other in sources[1:])
            self.issues.append(Issue(content.where, f"{path} is in {others} too, and is not the same there"))
        elif content.copy:
            self._add_copy(path, first)
        else:
            self.entries.append(Entry.symlink(path, first.path, owner=content.where))

    def add_directory(self, path: str, sources: Sequence[_Source]) -> None:
        """The directory itself, where nothing else makes it, and everything in it."""
        if path and not self.is_real(path):
            owner = next((source.content for source in sources if source.content.copy), sources[0].content)
            self.entries.append(Entry.directory(path, 0o755, owner.uid, owner.gid, owner.where))
        below: dict[str, list[_Source]] = {}
        for source in sources:
            if source.place is None:
                continue
            for name in os.listdir(source.place):  # noqa: PTH208 (names only)
                inner = f"{source.path}/{name}"
                found = _Source(source.content, inner, self.files.find(inner), (*source.above, source.place))
                below.setdefault(name, []).append(found)
        for name in sorted(below):
            self.add(f"{path}/{name}", below[name])

    def _add_copy(self, path: str, source: _Source) -> None:
        content, place = source.content, source.place
        link = self.files.link(source.path)
        if place is None or place.is_dir() or (link is not None and _stays(link, source.path, content.top)):
            self.entries.append(Entry.symlink(path, link or source.path, content.uid, content.gid, content.where))
            return
        mode = content.mode if content.mode is not None else 0o755 if os.access(place, os.X_OK) else 0o644
        entry = Entry.file(path, place, mode, content.uid, content.gid, content.where)
        inside = source.path.removeprefix(content.top).lstrip("/")
        if (text := content.capabilities.get(inside)) is not None:
            self.given.add((content.where, inside))
            try:
                entry = replace(entry, capabilities=file_capabilities(text))
            except ValueError as error:
                self.issues.append(Issue(content.where + pointer("capabilities", inside), str(error)))
        self.entries.append(entry)


def _stays(link: str, source: str, top: str) -> bool:
    """Whether a relative link leads to another file of what is copied, which is copied too."""
    target = os.path.normpath(os.path.join(os.path.dirname(source), link))  # noqa: PTH118, PTH120 (the image's)
    return not link.startswith("/") and target.startswith(f"{top}/")
