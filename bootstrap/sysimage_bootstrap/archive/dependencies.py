"""How packages name other packages: ``a (>= 1) | b, c:any``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sysimage_bootstrap.archive.versions import Relation

PACKAGE_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*")

_TARGET = re.compile(
    r"(?P<name>[a-zA-Z0-9][a-zA-Z0-9+._-]*)(?::(?P<architecture>[a-z0-9-]+))?"
    r"(?:\s*\(\s*(?P<relation><<|<=|=|>=|>>|<|>)\s*(?P<version>[A-Za-z0-9.+~:-]+)\s*\))?"
)


@dataclass(frozen=True, slots=True)
class DependencyTarget:
    """One name in a dependency, real or virtual, with the versions it takes."""

    name: str
    relation: Relation | None = None
    version: str | None = None
    architecture: str | None = None
    """What follows the colon: ``any``, ``native``, or the name of one architecture."""

    def accepts(self, version: str | None) -> bool:
        """Whether this version satisfies it; None stands for a virtual package that is provided without a version."""
        if self.relation is None or self.version is None:
            return True
        return version is not None and self.relation.holds(version, self.version)

    def __str__(self) -> str:
        architecture = f":{self.architecture}" if self.architecture else ""
        bound = f" ({self.relation.value} {self.version})" if self.relation else ""
        return f"{self.name}{architecture}{bound}"


@dataclass(frozen=True, slots=True)
class Dependency:
    """Alternatives, the preferred one first; one of them has to be there."""

    alternatives: tuple[DependencyTarget, ...]

    def __str__(self) -> str:
        return " | ".join(map(str, self.alternatives))


@lru_cache(maxsize=16384)
def parse_target(text: str) -> DependencyTarget:
    """Read one name with its bound; a ValueError for anything else."""
    match = _TARGET.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a package relation: {text!r}")
    relation = Relation.parse(match["relation"]) if match["relation"] else None
    return DependencyTarget(match["name"], relation, match["version"], match["architecture"])


def parse_dependencies(text: str) -> tuple[Dependency, ...]:
    """Read the value of Depends and its like; empty text is not a dependency."""
    return tuple(
        Dependency(tuple(parse_target(word) for word in group.split("|"))) for group in text.split(",") if group.strip()
    )


def parse_targets(text: str) -> tuple[DependencyTarget, ...]:
    """Read the value of Provides, Conflicts or Breaks, which have no alternatives."""
    return tuple(parse_target(word) for word in text.split(",") if word.strip())


def reachable(start: Iterable[str], edges: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """``start`` and all that its members lead to, over any number of steps."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += edges.get(name, ())
    return frozenset(found)
