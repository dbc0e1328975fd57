"""A functional package store in a directory of the user's: items are made once, by recipe, and kept.

    root/gnu/store/<hash part>-<name>                        the items, in canonical form
    root/gnu/store/.making-<hash part>-<name>                one that is being made
    root/var/sysimage/registered/gnu/store/<hash part>-...   what is known of it; an item without this does not exist
    root/var/sysimage/locks/<hash part>-<name>               held while it is made

It needs no root, and no item depends on the user: content, modes and times are functions of the recipe.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sysimage.errors import IntegrityError, Issue, MachineError, SysimageError
from sysimage.files.atomic import sync_filesystem
from sysimage.files.directory_tree import remove_tree
from sysimage.files.locks import locked_name
from sysimage.files.temporary import sweep
from sysimage.notices import notice
from sysimage.store.items import StoreItem
from sysimage.store.nar import nar_hash_and_size
from sysimage.store.paths import StorePath
from sysimage.store.scan import Candidates, scan_and_hash
from sysimage.store.tree_fingerprint import tree_fingerprint
from sysimage_bootstrap.store import registration
from sysimage_bootstrap.store.canonical import bytes_below, canonicalise
from sysimage_bootstrap.store.recipe import Recipe
from sysimage_bootstrap.store.registration import Registration

_MAKING = ".making-"


@dataclass(frozen=True, slots=True)
class BuiltItem:
    """What a builder may say about the item it has just made; the store remembers it."""

    source: str | None = None
    """The source package."""
    changed: tuple[int, ...] = ()
    """When the source changed, seconds since the epoch, in any order."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """JSON; read back with `ItemStore.facts`."""
    references: frozenset[StorePath] | None = None
    """The references that the item is meant to have, self-reference left out; None leaves it to the scan."""


class ItemStore:
    """Items under ``root``, whose paths say ``store_dir``. Safe for several threads and processes at a time.

    When this object first meets an item, numbers, sizes and times of its files are compared with what they were when
    its hash was known to be right. If they differ, the item is read; a damaged item counts as absent and is made again.
    """

    def __init__(self, root: Path, store_dir: str) -> None:
        self.root = root
        self.store_dir = store_dir
        inside = store_dir.removeprefix("/")
        self.items_dir = root / inside
        """Where the items are on this machine."""
        self._registered_dir = root / "var/sysimage/registered" / inside
        self._locks_dir = root / "var/sysimage/locks"
        self._known: dict[StorePath, Registration] = {}

    def path_of(self, recipe: Recipe) -> StorePath:
        """Where the item of a recipe is, or will be."""
        return recipe.path(self.store_dir)

    def location(self, path: StorePath) -> Path:
        """Where an item's files are, or will be, on this machine."""
        return self.items_dir / path.base_name

    def get(self, path: StorePath) -> StoreItem | None:
        """The item at a path; None if it has not been made, or is damaged."""
        known = self._lookup(path)
        return None if known is None else known.item

    def read(self, path: StorePath) -> StoreItem | None:
        """The item at a path, with every byte read whatever its files look like; None if it is missing or damaged."""
        self._known.pop(path, None)
        known = self._lookup(path, always=True)
        return None if known is None else known.item

    def registered(self) -> tuple[StorePath, ...]:
        """The paths of everything that was made here, damaged or not, sorted."""
        if not self._registered_dir.is_dir():
            return ()
        found = set()
        for file in self._registered_dir.iterdir():
            with suppress(ValueError):  # no item's
                found.add(StorePath.parse(f"{self.store_dir}/{file.name}"))
        return tuple(sorted(found))

    def drop(self, path: StorePath) -> None:
        """Forget that an item was made: it is made again when it is asked for."""
        (self._registered_dir / path.base_name).unlink(missing_ok=True)
        self._known.pop(path, None)

    def has(self, path: StorePath) -> bool:
        """Whether an item and its registration exist, by name only; `get` checks them."""
        registered = self._registered_dir / path.base_name
        return os.path.lexists(registered) and os.path.lexists(self.location(path))

    def facts(self, path: StorePath) -> Mapping[str, Any]:
        """The facts that the builder of an item recorded; a KeyError if there is no such item."""
        known = self._lookup(path)
        if known is None:
            raise KeyError(str(path))
        return known.facts

    def remember(self, path: StorePath, facts: Mapping[str, Any]) -> None:
        """Record facts about an item that is there, besides those that are known, or in their place."""
        known = self._lookup(path)
        if known is None:
            raise KeyError(str(path))
        if any(known.facts.get(name) != fact for name, fact in facts.items()):
            self._known[path] = replace(known, facts={**known.facts, **facts})
            registration.write_again(self._registered_dir / path.base_name, self._known[path])

    def items(self) -> tuple[StoreItem, ...]:
        """Every item of the store that is not damaged, sorted by path."""
        return tuple(item for path in self.registered() if (item := self.get(path)) is not None)

    def closure(self, paths: Iterable[StorePath]) -> tuple[StoreItem, ...]:
        """The items at ``paths`` and all they refer to, sorted by path; an `IntegrityError` names what is missing."""
        closed: dict[StorePath, StoreItem] = {}
        missing: list[Issue] = []
        waiting = sorted(set(paths))
        seen = set(waiting)
        while waiting:
            path = waiting.pop()
            item = self.get(path)
            if item is None:
                missing.append(Issue(str(path), "is not in the store"))
                continue
            closed[path] = item
            fresh = [reference for reference in item.references if reference not in seen]
            seen.update(fresh)
            waiting += fresh
        if missing:
            raise IntegrityError("cannot find the closure: items are missing", issues=sorted(missing, key=str))
        return tuple(closed[path] for path in sorted(closed))

    def realise(
        self,
        recipe: Recipe,
        build: Callable[[Path], BuiltItem | None],
        *,
        source: str | None = None,
        changed: Iterable[int] = (),
        mentions: Iterable[StorePath] = (),
    ) -> StoreItem:
        """The item of a recipe, made by ``build`` unless the store has it.

        ``build`` gets a free path, and puts a directory, a file or a symlink there, with any modes and times. It may
        refer to the recipe's inputs, their closure, its own path (`path_of`), and to what it ``mentions``, which may be
        items of another store than this. What it returns takes precedence over ``source`` and ``changed``. If it
        raises, nothing is left.

        Missing inputs, unwanted references and special files are an `IntegrityError`, a full disk a `MachineError`.
        """
        path = self.path_of(recipe)
        item = self.get(path)
        if item is not None:
            return item
        try:
            for directory in (self.items_dir, self._registered_dir, self._locks_dir):
                directory.mkdir(parents=True, exist_ok=True)
            with locked_name(self._locks_dir / path.base_name):
                item = self.get(path)  # another process may have made it meanwhile
                if item is not None:
                    return item
                return self._make(path, recipe, build, BuiltItem(source, tuple(changed)), tuple(mentions))
        except OSError as error:
            raise MachineError(f"cannot make {path}: {error.strerror}: {error.filename or self.root}") from error

    def sweep(self) -> None:
        """Remove what killed builds left, except what a process is making now."""
        sweep(self._registered_dir)
        if not self.items_dir.is_dir():
            return
        self._locks_dir.mkdir(parents=True, exist_ok=True)
        for draft in sorted(self.items_dir.glob(f"{_MAKING}*")):
            with locked_name(self._locks_dir / draft.name.removeprefix(_MAKING), wait=False) as nobody_makes_it:
                if nobody_makes_it:
                    remove_tree(draft)

    def prune(self, alive: Container[str], before: int) -> int:
        """Remove what is not at an ``alive`` path and was not made after a time (nanoseconds since the epoch); returns
        the bytes freed. The caller must have the store for itself."""
        self.sweep()
        freed = 0
        for place in sorted(self.items_dir.iterdir()) if self.items_dir.is_dir() else ():
            registered = self._registered_dir / place.name
            made = registered.stat().st_mtime_ns if registered.exists() else 0
            if f"{self.store_dir}/{place.name}" in alive or made > before or place.name.startswith(_MAKING):
                continue
            freed += bytes_below(place)
            registered.unlink(missing_ok=True)  # first: an item without it does not exist
            remove_tree(place)
        self._known.clear()
        return freed

    def _make(
        self,
        path: StorePath,
        recipe: Recipe,
        build: Callable[[Path], BuiltItem | None],
        default: BuiltItem,
        mentions: tuple[StorePath, ...],
    ) -> StoreItem:
        candidates = Candidates({item.path for item in self.closure(recipe.inputs)} | {path, *mentions})
        draft = self.items_dir / f"{_MAKING}{path.base_name}"
        remove_tree(draft)
        try:
            made = build(draft) or default
            if not os.path.lexists(draft):
                raise IntegrityError(f"cannot make {path}: its builder made nothing")
            canonicalise(draft)
            nar_hash, nar_size, references = scan_and_hash(draft, candidates)
            if made.references is not None:
                _compare(path, made.references, references - {path})
            sync_filesystem(self.items_dir)
            final = self.location(path)
            remove_tree(final)  # not registered, or damaged: nothing refers to it
            draft.rename(final)
        except BaseException:
            remove_tree(draft)
            raise
        item = StoreItem(
            path=path,
            nar_hash=nar_hash,
            nar_size=nar_size,
            references=tuple(sorted(references)),
            source=made.source or default.source,
            changed=tuple(sorted(set(made.changed or default.changed))),
        )
        state = tree_fingerprint(final)
        registration.write(self._registered_dir / path.base_name, Registration(item, made.facts, state))
        self._known[path] = Registration(replace(item, location=final), made.facts, state)
        return self._known[path].item

    def _lookup(self, path: StorePath, *, always: bool = False) -> Registration | None:
        """What is known of an item whose files look as they did when they were right, or are right."""
        known = self._known.get(path)
        if known is not None:
            return known
        if path.store_dir != self.store_dir:
            return None
        found = registration.read(self._registered_dir / path.base_name)
        location = self.location(path)
        if found is None or not os.path.lexists(location):
            return None
        try:
            state = tree_fingerprint(location)
            right = (state == found.state and not always) or (
                nar_hash_and_size(location) == (found.item.nar_hash, found.item.nar_size)
            )
        except SysimageError:  # what cannot be read, or cannot be in a store
            right = False
        if not right:
            notice(f"{location} was damaged: it is made again when it is needed")
            return None
        if state != found.state:
            registration.write_again(self._registered_dir / path.base_name, replace(found, state=state))
        known = Registration(replace(found.item, location=location), found.facts, state)
        self._known[path] = known
        return known


def store_dirs(root: Path) -> tuple[str, ...]:
    """The store directories that the items below ``root`` are of, sorted."""
    registered = root / "var/sysimage/registered"
    return tuple(sorted(f"/{Path(top).relative_to(registered)}" for top, _, files in os.walk(registered) if files))


def _compare(path: StorePath, wanted: frozenset[StorePath], found: frozenset[StorePath]) -> None:
    issues = [Issue(str(reference), "is declared but the content does not mention it") for reference in wanted - found]
    issues += [Issue(str(reference), "is mentioned in the content but not declared") for reference in found - wanted]
    if issues:
        raise IntegrityError(
            f"cannot make {path}: its references are not what they should be", issues=sorted(issues, key=str)
        )
