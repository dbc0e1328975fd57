"""What is different in another image: packages, layers, files, and what a client of it pulls."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from sysimage.report.facts import Facts, ItemFact
from sysimage.rules.paths import as_path

Later = Callable[[str, str], bool]
"""Whether the second of two versions is later than the first."""
_VERSION = re.compile(r"(.+?)-(\d.*)")


@dataclass(frozen=True, slots=True)
class Change:
    """One name in two images."""

    name: str
    kind: str
    """``added``, ``removed``, ``up``, ``down``, or ``rebuilt`` at the same version."""
    before: str
    """The version; empty for what was added."""
    after: str
    """Empty for what was removed."""
    size: int
    """Bytes more than before."""


@dataclass(frozen=True, slots=True)
class Difference:
    """From another image to this one."""

    other: str
    changes: tuple[Change, ...]
    kept_layers: int
    kept: int
    """Bytes of layers that both have."""
    pulled: int
    """Bytes of layers that a client with the other image lacks."""
    files: tuple[tuple[str, str], ...]
    """``added``, ``removed`` or ``changed``, and the path, for files that no item has."""


def name_and_version(item: ItemFact) -> tuple[str, str]:
    """As the package says, or as store paths are written: what follows the first hyphen before a digit."""
    if item.package is not None:
        return item.package.name, item.package.version
    found = _VERSION.fullmatch(item.base_name)
    return (found[1], found[2]) if found else (item.base_name, "")


def difference(other: Facts, facts: Facts, is_later: Later) -> Difference:
    """``other`` is the image that a client has, ``facts`` the one that it pulls."""
    held = {layer.diff_id for layer in other.layers if layer.diff_id}
    blobs = {layer.identity for layer in other.layers if layer.identity}
    kept = [layer.size for layer in facts.layers if layer.identity in blobs or layer.diff_id in held]
    if facts.kind == "plan" or other.kind == "plan":
        same = _planned_layers(other)
        here = _planned_layers(facts)
        kept = [facts.layers[number - 1].size for number, paths in here.items() if paths in same.values()]
    return Difference(
        other.name,
        tuple(_changes(other, facts, is_later)),
        len(kept),
        sum(kept),
        sum(layer.size for layer in facts.layers) - sum(kept),
        tuple(_files(other, facts)),
    )


def _planned_layers(facts: Facts) -> dict[int, frozenset[str]]:
    """The items of each layer that has some, and is not made again with every update."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for item in facts.items:
        found[item.layer].add(item.path)
    return {number: frozenset(paths) for number, paths in found.items() if number and number != facts.moves_always}


def _changes(other: Facts, facts: Facts, is_later: Later) -> list[Change]:
    old, new = _by_name(other), _by_name(facts)
    found = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, {}), new.get(name, {})
        gone = [item for path, item in before.items() if path not in after]
        come = [item for path, item in after.items() if path not in before]
        for item in gone[len(come) :]:
            found.append(Change(name, "removed", name_and_version(item)[1], "", -item.size))
        for item in come[len(gone) :]:
            found.append(Change(name, "added", "", name_and_version(item)[1], item.size))
        for one, two in zip(gone, come, strict=False):
            versions = name_and_version(one)[1], name_and_version(two)[1]
            kind = "rebuilt" if versions[0] == versions[1] else "up" if is_later(*versions) else "down"
            found.append(Change(name, kind, *versions, two.size - one.size))
    return found


def _by_name(facts: Facts) -> dict[str, dict[str, ItemFact]]:
    found: defaultdict[str, dict[str, ItemFact]] = defaultdict(dict)
    for item in facts.items:
        found[name_and_version(item)[0]][item.path] = item
    return found


def _files(other: Facts, facts: Facts) -> list[tuple[str, str]]:
    if other.others is None or facts.others is None:
        return []
    old, new = _digests(other), _digests(facts)
    return [
        ("added" if path not in old else "removed" if path not in new else "changed", path)
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]


def _digests(facts: Facts) -> dict[str, bytes]:
    return {as_path(file.parts): file.digest for files in (facts.others or {}).values() for file in files}
