"""Which items of successive closures are versions of one another, by name alone.

A hash part says nothing across versions, and no mark separates a name from its version. So names are
compared at four depths, the whole name first: without its last word that begins with a digit, without the last run
of such words, and without all of them. Items that these names do not distinguish are paired in the order of names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from sysimage.store.paths import StorePath

DEPTHS = 4


@lru_cache(maxsize=1 << 17)
def name_depths(name: str) -> tuple[str, str, str, str]:
    """``name`` with less and less of its version.

    >>> name_depths("glibc-2.38-bin")
    ('glibc-2.38-bin', 'glibc-bin', 'glibc-bin', 'glibc-bin')
    """
    words = name.split("-")
    versions = [at for at, word in enumerate(words) if at and word[:1].isdigit()]
    if not versions:
        return name, name, name, name
    start = last = versions[-1]
    while start - 1 in versions:
        start -= 1
    without_last = words[:last] + words[last + 1 :]
    without_run = words[:start] + words[last + 1 :]
    without_any = [word for at, word in enumerate(words) if at not in versions]
    return name, "-".join(without_last), "-".join(without_run), "-".join(without_any)


def package_name(name: str) -> str:
    """The name without its version: what an item is called in a sentence."""
    return name_depths(name)[1]


class Lineages:
    """Numbers items so that the versions of one thing have one number; give it closures oldest first."""

    def __init__(self) -> None:
        self._paths: list[StorePath] = []
        self._seen: list[int] = []
        self._step = 0

    def __len__(self) -> int:
        return len(self._paths)

    def track(self, paths: Iterable[StorePath]) -> dict[StorePath, int]:
        """The number of each path of the next closure."""
        numbers = {path: number for number, path in enumerate(self._paths)}
        left = sorted(set(paths))
        found = {path: numbers[path] for path in left if path in numbers}
        left = [path for path in left if path not in found]
        if left:
            taken = set(found.values())
            # An item of the last closure takes precedence over one that vanished long ago.
            order = sorted(
                (number for number in range(len(self._paths)) if number not in taken),
                key=lambda number: (-self._seen[number], self._paths[number]),
            )
            for depth in range(DEPTHS):
                candidates: dict[str, list[int]] = defaultdict(list)
                for number in order:
                    candidates[name_depths(self._paths[number].name)[depth]].append(number)
                for path in left:
                    same = candidates.get(name_depths(path.name)[depth])
                    if same:
                        found[path] = same.pop(0)
                        taken.add(found[path])
                left = [path for path in left if path not in found]
                if not left:
                    break
                order = [number for number in order if number not in taken]
        for path in left:
            found[path] = len(self._paths)
            self._paths.append(path)
            self._seen.append(self._step)
        for path, number in found.items():
            self._paths[number] = path
            self._seen[number] = self._step
        self._step += 1
        return found
