"""Items that are found together in any system: one needs the other, and nothing else needs that one."""

from __future__ import annotations

from collections import defaultdict

from sysimage.closure import Closure
from sysimage.layerplan.causes import Causes, first_word
from sysimage.store.paths import StorePath


def families(closure: Closure, causes: Causes | None, risk: int) -> list[tuple[StorePath, ...]]:
    """A partition of the closure.

    An item joins those that refer to it when all of these are of its own family. What could be lost, should another
    system hold one without the other, is at most ``risk`` bytes.
    Without ``causes``, names alone tell a family: what was learned from one system's history differs from system to
    system, and so would the families.
    """
    referrers: dict[StorePath, list[StorePath]] = defaultdict(list)
    for item in closure:
        for reference in item.references:
            if reference != item.path:
                referrers[reference].append(item.path)
    head = {item.path: item.path for item in closure}

    def find(path: StorePath) -> StorePath:
        while head[path] != path:
            path = head[path]
        return path

    for item in closure:
        path, above = item.path, referrers[item.path]
        if not above or not all(_related(causes, path, other) for other in above):
            continue
        if min(item.nar_size, sum(closure[other].nar_size for other in above)) <= risk:
            for other in above:
                head[find(other)] = find(path)
    found: dict[StorePath, list[StorePath]] = defaultdict(list)
    for item in closure:
        found[find(item.path)].append(item.path)
    return [tuple(members) for members in found.values()]


def _related(causes: Causes | None, one: StorePath, other: StorePath) -> bool:
    if causes is None:
        return first_word(one.name) == first_word(other.name)
    return causes.of[one] == causes.of[other] or (one in causes.kin and causes.kin[one] == causes.kin.get(other))
