"""What really changed between successive closures: own changes, apart from rebuilds that others caused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sysimage.closure import Closure
from sysimage.layerplan.lineage import Lineages
from sysimage.layerplan.plan import ChangeHistory, LayerPlan
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath

LONGEST_HISTORY = 64
"""Steps that a memory keeps: what is older says little about tomorrow."""
DATED_STEPS = 26
"""Steps into which dates of changes are sorted: a year, at a fortnight each."""
ALWAYS_SHARE = 0.98
"""From this share of rebuilds on, an item is taken to change whenever something it refers to does."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Bit t of a set belongs to the step from closure t to closure t + 1, oldest first."""

    steps: int
    own: dict[StorePath, int]
    """For each item of the newest closure: the steps in which it changed by itself."""
    present: dict[StorePath, int]
    """The steps before and after which it was there."""
    propagates: bool
    """Whether an item changes whenever something it refers to does; assumed until a change shows otherwise."""

    @property
    def memory(self) -> ChangeHistory:
        """For the next plan."""
        drop = max(0, self.steps - LONGEST_HISTORY)
        return ChangeHistory(
            self.steps - drop,
            tuple(sorted((path, bits >> drop) for path, bits in self.own.items())),
            tuple(sorted((path, bits >> drop) for path, bits in self.present.items())),
            self.propagates,
        )


def observe(closures: Sequence[Closure], previous: LayerPlan | None = None) -> Observed:
    """``closures`` oldest first; the last one is the one to be planned. With one closure nothing is observed.

    ``previous`` adds what it remembers from before them, if it is the plan of the last but one.
    """
    lineages = Lineages()
    numbered = [lineages.track(item.path for item in closure) for closure in closures]
    changes = [_changed(*pair) for pair in pairwise(numbered)]
    propagates = _propagates(closures, numbered, changes)
    own: dict[int, int] = {}
    present: dict[int, int] = {}
    for t, step in enumerate(changes):
        for number in set(numbered[t].values()).intersection(numbered[t + 1].values()):
            present[number] = present.get(number, 0) | 1 << t
        for number, (old, new) in step.items():
            if not propagates or old.name != new.name or _others(closures[t][old]) == _others(closures[t + 1][new]):
                own[number] = own.get(number, 0) | 1 << t
    newest = numbered[-1]
    observed = Observed(
        steps=len(closures) - 1,
        own={path: own.get(number, 0) for path, number in newest.items()},
        present={path: present.get(number, 0) for path, number in newest.items()},
        propagates=propagates,
    )
    if previous is None or not previous.memory.own:
        return observed
    if len(closures) == 1:
        return _since(previous, closures[0])
    if {path for path, _ in previous.memory.own} != {item.path for item in closures[-2]}:
        return observed
    before = {number: path for path, number in numbered[-2].items()}
    return _recall(observed, previous.memory, {p: before[n] for p, n in newest.items() if n in before})


def observe_dates(closure: Closure, days_between: float) -> Observed | None:
    """The dates of `StoreItem.changed`, in steps that end with the latest date known; None where no item has dates.

    Dates say when a source was uploaded and not whether rebuilds propagate, so that is assumed.
    """
    dates = [item.changed[-1] for item in closure if item.changed]
    if not dates:
        return None
    length, end = days_between * 86400, max(dates)
    own = {}
    for item in closure:
        own[item.path] = 0
        for date in item.changed:
            ago = int((end - date) // length)
            if ago < DATED_STEPS:
                own[item.path] |= 1 << DATED_STEPS - 1 - ago
    always = (1 << DATED_STEPS) - 1
    present = {item.path: always if item.changed else 0 for item in closure}
    return Observed(DATED_STEPS, own, present, propagates=True)


def _recall(observed: Observed, memory: ChangeHistory, before: dict[StorePath, StorePath]) -> Observed:
    """Put what ``memory`` knows from before the first observed step below what was observed.

    ``before`` gives the path that each item had in the closure of the memory.
    """
    shift = max(0, memory.steps - (observed.steps - 1))
    mask = (1 << shift) - 1
    own, present = dict(memory.own), dict(memory.present)
    return Observed(
        observed.steps + shift,
        {p: bits << shift | (own[before[p]] & mask if p in before else 0) for p, bits in observed.own.items()},
        {p: bits << shift | (present[before[p]] & mask if p in before else 0) for p, bits in observed.present.items()},
        observed.propagates,
    )


def _since(previous: LayerPlan, closure: Closure) -> Observed:
    """One step from the plan before, known by its paths alone, to ``closure``."""
    memory = previous.memory
    lineages = Lineages()
    before = {n: path for path, n in lineages.track(path for path, _ in memory.own).items()}
    now = lineages.track(item.path for item in closure)
    own: dict[StorePath, int] = {}
    present: dict[StorePath, int] = {}
    held = set(before.values())
    for item in closure:
        old = before.get(now[item.path])
        there = old is not None
        changed = old is not None and old != item.path
        rebuilt = memory.propagates and any(reference not in held for reference in _others(item))
        own[item.path] = int(changed and (not rebuilt or (old is not None and old.name != item.path.name)))
        present[item.path] = int(there)
    observed = Observed(1, own, present, memory.propagates)
    return _recall(observed, memory, {p: before[n] for p, n in now.items() if n in before})


def _changed(older: dict[StorePath, int], newer: dict[StorePath, int]) -> dict[int, tuple[StorePath, StorePath]]:
    """Old and new path of what is in both closures under different paths, by number."""
    before = {number: path for path, number in older.items()}
    return {number: (before[number], path) for path, number in newer.items() if before.get(number, path) != path}


def _propagates(
    closures: Sequence[Closure],
    numbered: Sequence[dict[StorePath, int]],
    changes: Sequence[dict[int, tuple[StorePath, StorePath]]],
) -> bool:
    pushed = followed = 0
    for closure, numbers, now, step in zip(closures, numbered, numbered[1:], changes, strict=False):
        gone = {old for old, _ in step.values()}
        still = set(now.values())
        for item in closure:
            if numbers[item.path] in still and not gone.isdisjoint(_others(item)):
                pushed += 1
                followed += numbers[item.path] in step
    return followed >= ALWAYS_SHARE * pushed


def _others(item: StoreItem) -> tuple[StorePath, ...]:
    return tuple(reference for reference in item.references if reference != item.path)
