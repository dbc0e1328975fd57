"""Which items change for one cause: they come from one source package, so they change in the same steps.

The store may know the source. Otherwise it is inferred from history: several changes in exactly the same steps are no
coincidence, a single one may be one if the names have nothing in common. How far a common first word is to be
believed is learned from the items that share it: ``perl-base`` and ``perl-modules`` change together, a hundred
``node-…`` do not.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, fsum

from sysimage.closure import Closure
from sysimage.layerplan.changes import Observed
from sysimage.store.paths import StorePath

USUAL_KINSHIP = 0.7
"""How likely two items with a common first word come from one source, before anything is seen."""
USUAL_KIN = 6
"""Items of one source, at the most usual; where more share a word, the word alone says less."""
CLUMPING = 2.0
"""Changes come in waves, so coincidences are more frequent than among independent ones."""


@dataclass(frozen=True, slots=True)
class Causes:
    """A partition of the closure."""

    members: tuple[tuple[StorePath, ...], ...]
    """Sorted paths of each cause; sorted by the first."""
    of: dict[StorePath, int]
    """The cause of each item."""
    kin: dict[StorePath, str]
    """The first word of an item's name, where it is likely to indicate a common source."""


def first_word(name: str) -> str:
    """The first letters, without a library's ``lib``: what names of one source most often share."""
    match = re.match(r"(?:lib)?([A-Za-z]+)", name)
    return match[1].lower() if match else name


def find_causes(closure: Closure, observed: Observed) -> Causes:
    """Group the items of ``closure``."""
    own = {item.path: observed.own.get(item.path, 0) for item in closure}
    sharing: dict[str, list[int]] = defaultdict(list)
    for path, steps in own.items():
        sharing[first_word(path.name)].append(steps)
    kinship = {word: _kinship(patterns, observed.steps) for word, patterns in sharing.items()}
    alike: dict[tuple[object, ...], list[StorePath]] = defaultdict(list)
    for item in closure:
        path, steps = item.path, own[item.path]
        word = first_word(path.name)
        coincidences = comb(observed.steps, steps.bit_count())
        if item.source is not None:
            alike["source", item.source].append(path)
        elif steps and 3 * len(closure) < coincidences:
            alike["steps", steps].append(path)
        elif steps and kinship[word] * coincidences > CLUMPING:
            alike["steps and word", steps, word].append(path)
        else:
            alike["alone", path].append(path)
    members = tuple(sorted((tuple(sorted(paths)) for paths in alike.values()), key=lambda paths: paths[0]))
    return Causes(
        members,
        {path: number for number, paths in enumerate(members) for path in paths},
        {path: word for path in own if kinship[word := first_word(path.name)] >= 0.5},
    )


def _kinship(patterns: Sequence[int], steps: int) -> float:
    """How likely two of the items whose changes are given come from one source.

    Floats are summed exactly: `sum` rounds differently since Python 3.12, and a plan is the same under any.
    """
    usual = USUAL_KINSHIP * min(1.0, USUAL_KIN / len(patterns))
    seen = Counter(pattern for pattern in patterns if pattern)
    total = sum(seen.values())
    equal = fsum(_pairs(count) for count in seen.values())
    by_number = Counter(pattern.bit_count() for pattern in patterns if pattern)
    by_chance = fsum(_pairs(count) / comb(steps, changes) for changes, count in by_number.items())
    return (max(0.0, equal - 1.5 * by_chance) + usual) / (_pairs(total) + 1.0)


def _pairs(count: int) -> float:
    return count * (count - 1) / 2
