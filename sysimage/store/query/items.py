"""From a source and some roots to store items: everything the roots refer to, found, checked and complete."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sysimage.errors import IntegrityError, Issue
from sysimage.progress import Progress, silent
from sysimage.store.derivations import outputs_of
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage.store.query.catalogue import Catalogue, PathInfo, StoreSourceError
from sysimage.store.query.item_measurements import MeasurementOptions, Measurer


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
    memory: MeasurementOptions | None = None,
    progress: Progress = silent,
) -> FoundItems:
    """Follow references from ``roots`` (everything in the catalogue without roots).

    ``name`` is what messages call the source; ``location`` is the directory in which the items are, by default where
    their paths say. Items of which the source does not know hash and size are read, unless ``memory`` has what they
    gave. Roots and references that the source does not have, and items that are not at the location, are a
    `StoreSourceError`; one that is not what the source says, where it was read, is an `IntegrityError`. All such
    faults are reported at once.
    """
    chosen = tuple(sorted(set(roots) or set(catalogue.paths())))
    if not chosen:
        raise StoreSourceError(f"cannot find store items in {name}: it holds none")
    facts = _follow(catalogue, name, chosen)
    places = {path: (location or Path(path.store_dir)) / path.base_name for path in facts}
    absent = [path for path, place in sorted(places.items()) if not os.path.lexists(place)]
    if absent:
        raise StoreSourceError(
            f"cannot find the files of {len(absent)} store items of {name}",
            hint="say where the store's files are, if they are not where their paths say",
            issues=[Issue(str(path), f"is not at {places[path]}") for path in absent],
        )
    return FoundItems(tuple(_items(facts, places, name, memory or MeasurementOptions(), progress)), chosen)


def _follow(catalogue: Catalogue, name: str, roots: Iterable[StorePath]) -> dict[StorePath, PathInfo]:
    """The facts about everything within reach, asked for in rounds: each is read on all cores, where it is read."""
    facts: dict[StorePath, PathInfo] = {}
    issues = []
    referrers: dict[StorePath, StorePath | None] = dict.fromkeys(roots)
    todo = list(referrers)
    while todo:
        found = catalogue.find(todo)
        for path in todo:
            if path not in found:
                referrer = referrers[path]
                why = "is not a valid path there" if referrer is None else f"is not there, but {referrer} refers to it"
                issues.append(Issue(str(path), why))
        facts |= found
        fresh = []
        for path in todo:
            for reference in found[path].references if path in found else ():
                if reference not in referrers:
                    referrers[reference] = path
                    fresh.append(reference)
        todo = fresh
    if issues:
        raise StoreSourceError(
            f"cannot find all store items in {name}: {len(issues)} missing", issues=sorted(issues, key=str)
        )
    return facts


def _items(
    facts: Mapping[StorePath, PathInfo],
    places: Mapping[StorePath, Path],
    name: str,
    memory: MeasurementOptions,
    progress: Progress,
) -> list[StoreItem]:
    unknown = {path: places[path] for path, one in sorted(facts.items()) if None in (one.nar_hash, one.nar_size)}
    measurer = Measurer(Path(name), unknown, scan=False, memory=memory)
    measured = measurer.measure(tuple(unknown), progress) if unknown else {}
    measurer.keep()
    items = []
    issues = []
    for path, one in sorted(facts.items()):
        nar_hash, nar_size = one.nar_hash, one.nar_size
        if nar_hash is None or nar_size is None:
            real = measured[path]
            if nar_hash not in (None, real.nar_hash):
                issues.append(Issue(str(path), f"has the NAR hash {real.nar_hash}, {name} says {nar_hash}"))
            elif nar_size not in (None, real.nar_size):
                issues.append(Issue(str(path), f"has a NAR of {real.nar_size} bytes, {name} says {nar_size}"))
            nar_hash, nar_size = real.nar_hash, real.nar_size
        facts_of_it = (path, nar_hash, nar_size, one.references, one.deriver, places[path])
        items.append(StoreItem(*facts_of_it, outputs=outputs_of(path, places[path])))
    if issues:
        raise IntegrityError(
            f"cannot use the store items of {name}: {len(issues)} are not what it says",
            hint="the store is damaged; its own tools can repair it",
            issues=issues,
        )
    return items
