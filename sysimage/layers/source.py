"""What goes into one layer: store items, entries of the image's tree, and the directories above both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sysimage.errors import Issue, SysimageError
from sysimage.layers.shown_files import LayerShown
from sysimage.rootfs.tree import Entry, Kind
from sysimage.rules.paths import directories_above
from sysimage.store.items import StoreItem

STORE_MODE = 0o1775
"""Default mode of the store directory, the same in every layer: a layer with another mode would change it for all
layers below."""

_USUAL = (0o755, 0, 0)


class LayerError(SysimageError):
    """Something cannot be put into a layer; the issues say what."""


@dataclass(frozen=True, slots=True)
class LayerSource:
    """The content of one layer. Items are written with the modes that a NAR knows, entries with their own owners and
    modes.

    Contradictions (an entry inside an item, a parent that is not a directory, an item whose files are nowhere, a layer
    with nothing in it) raise `LayerError`, all at once.
    """

    label: str
    """Names the layer for people: in progress, in the history of the image."""
    items: tuple[StoreItem, ...] = ()
    """Each is read from its ``location`` and placed at its ``path``."""
    entries: tuple[Entry, ...] = ()
    """Part of the image's tree, or all of it."""
    parents: tuple[Entry, ...] = ()
    """Directories of the whole image. Those above this layer's content are written into it in exactly this form;
    one that is in neither ``entries`` nor ``parents`` is root's, 0755, a store directory 1775."""
    uid: int = 0
    """Owner of everything in the items, numerically."""
    gid: int = 0

    def __post_init__(self) -> None:
        issues = [
            Issue(str(item.path), "where its files are on this machine is not known")
            for item in self.items
            if item.location is None
        ]
        issues += [
            Issue(entry.path, "is given as a parent but is not a directory")
            for entry in self.parents
            if entry.kind is not Kind.DIRECTORY
        ]
        placed = {str(item.path) for item in self.items}
        seen: set[str] = set()
        for path in [*map(str, (item.path for item in self.items)), *(entry.path for entry in self.entries)]:
            if path in seen:
                issues.append(Issue(path, "occurs twice"))
            seen.add(path)
        for entry in self.entries:
            issues += [
                Issue(entry.path, f"is inside the store item {above} ({entry.owner})")
                for above in directories_above(entry.path)
                if above in placed
            ]
        if not self.items and not self.entries:
            issues.append(Issue("", "it is empty"))
        if issues:
            raise LayerError(f"cannot make the layer {self.label!r}", issues=issues)

    def directories_above(self) -> tuple[Entry, ...]:
        """The directories above the content that the entries do not hold themselves, sorted by path."""
        given = {entry.path: entry for entry in self.parents}
        present = {entry.path for entry in self.entries}
        stores = {item.path.store_dir for item in self.items}
        needed = {
            above
            for path in [*(item.path.store_dir + "/x" for item in self.items), *(entry.path for entry in self.entries)]
            for above in directories_above(path)
        }
        return tuple(
            given.get(path) or Entry.directory(path, STORE_MODE if path in stores else 0o755)
            for path in sorted(needed - present)
        )

    def shown(self) -> LayerShown:
        """What the items show elsewhere than in the store, of which nothing is written yet."""
        return LayerShown(self.entries, self.parents)

    def unusual_directories(self) -> tuple[Entry, ...]:
        """The directories with an unusual owner or mode at, above and below the paths where the items show files,
        whether or not the items have them."""
        tops = sorted({f"{item.shown.top}/" for item in self.items if item.shown is not None})
        return tuple(
            one
            for one in self.parents
            if ((one.mode, one.uid, one.gid) != _USUAL or one.attributes)
            and any(top.startswith(f"{one.path}/") or one.path.startswith(top) for top in tops)
        )

    def parts(self) -> Iterator[Entry | StoreItem]:
        """Everything in the order in which it is written: a directory before what it holds, siblings by their bytes."""
        placed: list[tuple[str, Entry | StoreItem]] = [(str(item.path), item) for item in self.items]
        placed += [(entry.path, entry) for entry in (*self.directories_above(), *self.entries)]
        placed.sort(key=_components)
        for _, part in placed:
            yield part

    @property
    def weight(self) -> int:
        """About how many bytes there are to move: for showing progress and for doing the biggest work first."""
        return sum(item.nar_size for item in self.items) + sum(entry.size() for entry in self.entries)


def _components(placed: tuple[str, Entry | StoreItem]) -> list[bytes]:
    return placed[0].encode("utf-8", "surrogateescape").strip(b"/").split(b"/")
