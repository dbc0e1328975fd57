"""From a source and some roots to store items: everything the roots refer to, found, checked and complete."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage.errors import IntegrityError, Issue
from sysimage.progress import Progress, silent
from sysimage.store.items import StoreItem
from sysimage.store.nar import nar_hash_and_size
from sysimage.store.paths import StorePath
from sysimage.store.query.facts import Catalogue, PathFacts, StoreSourceError

STAGE = "store"


@dataclass(frozen=True, slots=True)
class FoundItems:
    """What a source holds of the closure of some roots. ``Closure(found.items, found.roots)`` refuses cycles."""

    items: tuple[StoreItem, ...]
    """Sorted; every reference of each is among them."""
    roots: tuple[StorePath, ...]
    """Sorted."""


def find_items(
    catalogue: Catalogue,
    name: str,
    roots: Iterable[StorePath] = (),
    *,
    location: Path | None = None,
    check: bool = False,
    progress: Progress = silent,
) -> FoundItems:
    """Follow references from ``roots`` (everything in the catalogue when there are none).

    ``name`` is what messages call the source; ``location`` is the directory in which the items lie, by default where
    their paths say. ``check`` reads every item and compares its NAR with what the source says; a difference is an
    `IntegrityError`. Roots and references that the source does not have, and items that are not at the location, are
    a `StoreSourceError`. All such faults are reported at once.
    """
    chosen = tuple(sorted(set(roots) or set(catalogue.paths())))
    if not chosen:
        raise StoreSourceError(f"cannot find store items in {name}: it holds none")
    facts = _follow(catalogue, name, chosen)
    places = {path: (location or Path(path.store_dir)) / path.base_name for path in facts}
    absent = [path for path, place in sorted(places.items()) if not place.exists() and not place.is_symlink()]
    if absent:
        raise StoreSourceError(
            f"cannot find the files of {len(absent)} store items of {name}",
            hint="say where the store's files lie, if they are not where their paths say",
            issues=[Issue(str(path), f"is not at {places[path]}") for path in absent],
        )
    items = _measure(sorted(facts.items()), places, name, check=check, progress=progress)
    return FoundItems(tuple(items), chosen)


def _follow(catalogue: Catalogue, name: str, roots: Iterable[StorePath]) -> dict[StorePath, PathFacts]:
    facts: dict[StorePath, PathFacts] = {}
    issues = []
    todo: list[tuple[StorePath, StorePath | None]] = [(root, None) for root in roots]
    seen = {root for root, _ in todo}
    while todo:
        path, referrer = todo.pop()
        found = catalogue.find(path)
        if found is None:
            why = "is not a valid path there" if referrer is None else f"is not there, but {referrer} refers to it"
            issues.append(Issue(str(path), why))
            continue
        facts[path] = found
        for reference in found.references:
            if reference not in seen:
                seen.add(reference)
                todo.append((reference, path))
    if issues:
        raise StoreSourceError(
            f"cannot find all store items in {name}: {len(issues)} missing", issues=sorted(issues, key=str)
        )
    return facts


def _measure(
    facts: Sequence[tuple[StorePath, PathFacts]],
    places: dict[StorePath, Path],
    name: str,
    *,
    check: bool,
    progress: Progress,
) -> list[StoreItem]:
    items = []
    issues = []
    for number, (path, one) in enumerate(facts, 1):
        nar_hash, nar_size = one.nar_hash, one.nar_size
        if check or nar_hash is None or nar_size is None:
            real_hash, real_size = nar_hash_and_size(places[path])
            if nar_hash not in (None, real_hash):
                issues.append(Issue(str(path), f"has the NAR hash {real_hash}, {name} says {nar_hash}"))
            elif nar_size not in (None, real_size):
                issues.append(Issue(str(path), f"has a NAR of {real_size} bytes, {name} says {nar_size}"))
            nar_hash, nar_size = real_hash, real_size
        items.append(StoreItem(path, nar_hash, nar_size, one.references, one.deriver, places[path]))
        progress(STAGE, number, len(facts))
    if issues:
        raise IntegrityError(
            f"cannot use the store items of {name}: {len(issues)} are not what it says",
            hint="the store is damaged; its own tools can repair it",
            issues=issues,
        )
    return items
