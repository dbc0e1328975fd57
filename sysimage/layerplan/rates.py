"""How likely each cause is to change its items in the next step, learned from all of them together.

What is rare is not learned from one item: the chance is a sum of a few features, and their weights are fitted to
the history of all causes of the closure, with weights from elsewhere worth `PRIOR` observations. The features: how
often it changed so far, whether it changed just now (fixes follow releases), and how many of its kin did (a team
uploads its packages one after another).

Floats are summed by `fsum`: what `sum` rounds to differs between versions of Python, and the layers must not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum
from operator import mul, truediv

from sysimage.closure import Closure
from sysimage.layerplan.causes import Causes, find_causes, first_word
from sysimage.layerplan.changes import Observed

Features = tuple[float, float, float, float, float]
"""One, changes a step so far, the square of that, just changed (0 or 1), share of kin just changed."""
USUAL_WEIGHTS = (0.02, 0.3, 0.6, 0.08, 0.2)
USUAL_MEANS = (1.0, 0.1, 0.03, 0.1, 0.1)
PRIOR = 200.0
"""Observations that the usual weights are worth."""
LEAST, MOST = 0.004, 0.95
"""The bounds of every chance: no item is certain to stay, and none is certain to change."""
FIT_ROUNDS = 40


@dataclass(frozen=True, slots=True)
class Rates:
    """The outlook for the next step."""

    causes: Causes
    chances: tuple[float, ...]
    """By cause: from 0 to 1."""


@dataclass(frozen=True, slots=True)
class _Line:
    """What was seen of one cause."""

    own: int
    present: int
    stirred: Sequence[float]
    """By step: the share of its kin that changed in the step before."""

    def features(self, step: int) -> Features:
        """As they were before ``step``."""
        before = (1 << step) - 1
        rate = ((self.own & before).bit_count() + 0.05) / ((self.present & before).bit_count() + 1.0)
        just = float(self.own >> (step - 1) & 1) if step else 0.0
        return 1.0, rate, rate * rate, just, self.stirred[step]


def predict(closure: Closure, observed: Observed) -> Rates:
    """The chance of each cause to change in the step after the last one observed."""
    causes = find_causes(closure, observed)
    lines = _lines(causes, observed)
    weights = _learn(lines, observed.steps)
    chances = []
    for line in lines:
        chance = fsum(map(mul, weights, line.features(observed.steps)))
        chances.append(min(MOST, max(LEAST, chance)))
    return Rates(causes, tuple(chances))


def _lines(causes: Causes, observed: Observed) -> list[_Line]:
    own, present = [], []
    kin: dict[str, list[int]] = defaultdict(list)
    for number, members in enumerate(causes.members):
        own.append(union(observed.own.get(path, 0) for path in members))
        present.append(union(observed.present.get(path, 0) for path in members))
        kin[first_word(members[0].name)].append(number)
    stirred = [[0.0] * (observed.steps + 1) for _ in causes.members]
    for numbers in kin.values():
        if len(numbers) < 3:
            continue
        for t in range(observed.steps):
            changed = sum(own[n] >> t & 1 for n in numbers)
            for n in numbers if changed else ():
                stirred[n][t + 1] = round((changed - (own[n] >> t & 1)) / (len(numbers) - 1), 1)
    return list(map(_Line, own, present, stirred))


def _learn(lines: Sequence[_Line], steps: int) -> tuple[float, ...]:
    """Non-negative weights by expectation maximisation: every change is shared out among the features in
    proportion to what each contributed to expecting it."""
    cells: Counter[tuple[Features, int]] = Counter()
    for line in lines:
        for t in range(max(8, steps // 3), steps):
            if line.present >> t & 1:
                cells[line.features(t), line.own >> t & 1] += 1
    usual = [PRIOR * mean for mean in USUAL_MEANS]
    totals = list(usual)
    for (features, _), count in cells.items():
        for j, feature in enumerate(features):
            totals[j] += count * feature
    changes = [(features, count) for (features, changed), count in cells.items() if changed]
    weights = list(USUAL_WEIGHTS)
    for _ in range(FIT_ROUNDS if changes else 0):
        sums = list(map(mul, USUAL_WEIGHTS, usual))
        for features, count in changes:
            parts = list(map(mul, weights, features))
            share = count / fsum(parts)
            for j, part in enumerate(parts):
                sums[j] += part * share
        weights = list(map(truediv, sums, totals))
    return tuple(weights)


def union(sets: Iterable[int]) -> int:
    """The union of sets that are bits of numbers."""
    found = 0
    for bits in sets:
        found |= bits
    return found
