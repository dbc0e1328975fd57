"""Real package updates, replayed as the closures a functional store would have held.

The data: for twelve systems the packages they need, with installed sizes (bytes), dependencies, source packages, and
the days on which each source was uploaded. On a given day

- a package's version is how many uploads its source had seen;
- a store path's hash covers the package's version and, where rebuilds propagate (input-addressed stores), the store
  paths it refers to;
- sizes differ between versions by at most 5 %, the same for the same version everywhere;
- packages that depend on each other in a circle are one item;
- systems change: about one in six of the items that nothing refers to arrives on a day in the middle, and one in six
  leaves.
"""

from __future__ import annotations

import bisect
import datetime
import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx

DATA = Path(__file__).parent / "trixie.json.gz"
STORE = "/gnu/store"
TURNOVER = datetime.date(2023, 7, 1)
"""The day on which roots come and go."""
LETTERS = "0123456789abcdfghijklmnpqrsvwxyz"
SMALLEST = 4096
"""Bytes: no item is smaller, before its size varies."""

PathInfo = dict[str, Any]
"""An item as ``nix path-info --json`` prints it: path, narHash, narSize, references."""


def _letters(*parts: str) -> str:
    raw = hashlib.sha256("\0".join(parts).encode()).digest()
    return "".join(LETTERS[byte & 31] for byte in raw[:32])


@dataclass(frozen=True)
class Node:
    """A store item through time: one package, or a circle of them."""

    packages: tuple[str, ...]
    needs: tuple[int, ...]
    """Numbers of other nodes, ascending."""


class Replay:
    """The store on any day."""

    def __init__(self, *, propagates: bool, data: Path = DATA, turnover: datetime.date = TURNOVER) -> None:
        with gzip.open(data, "rt") as file:
            recorded = json.load(file)
        self.packages: dict[str, Any] = recorded["packages"]
        self.uploads = {source: sorted(days) for source, days in recorded["uploads"].items()}
        self.propagates = propagates
        self.turnover = turnover
        graph = nx.DiGraph()
        graph.add_nodes_from(sorted(self.packages))
        for name, package in sorted(self.packages.items()):
            graph.add_edges_from((name, needed) for needed in package["depends"] if needed in self.packages)
        condensed = nx.condensation(graph)
        self.nodes = {
            number: Node(tuple(sorted(condensed.nodes[number]["members"])), tuple(sorted(condensed.successors(number))))
            for number in condensed
        }
        self._dependencies_first = list(reversed(list(nx.topological_sort(condensed))))
        node_of = condensed.graph["mapping"]
        self.systems = {
            name: frozenset(node_of[package] for package in system["closure"])
            for name, system in recorded["systems"].items()
        }
        self._days: dict[datetime.date, tuple[dict[int, str], dict[int, int]]] = {}

    def source(self, node: int) -> str:
        """The source package of a node's first package."""
        source: str = self.packages[self.nodes[node].packages[0]]["source"]
        return source

    def closure(self, system: str, day: datetime.date) -> list[PathInfo]:
        """What ``system`` holds on ``day``, sorted by path; sizes in bytes."""
        paths, sizes = self._store(day)
        infos = [
            {
                "path": paths[node],
                "narHash": "sha256:" + hashlib.sha256(paths[node].encode()).hexdigest(),
                "narSize": sizes[node],
                "references": sorted(paths[needed] for needed in self.nodes[node].needs),
            }
            for node in self.present(system, day)
        ]
        return sorted(infos, key=lambda info: str(info["path"]))

    def path(self, node: int, day: datetime.date) -> str:
        """The store path of a node on a day."""
        return self._store(day)[0][node]

    def present(self, system: str, day: datetime.date) -> frozenset[int]:
        """The nodes that ``system`` holds on ``day``."""
        held = self.systems[system]
        needed = {other for node in held for other in self.nodes[node].needs}
        absent = set()
        for node in held - needed:
            lot = hashlib.sha256(f"{system} {self.nodes[node].packages[0]}".encode()).digest()[0] % 6
            arrives, leaves = lot == 0, lot == 1
            if (arrives and day < self.turnover) or (leaves and day >= self.turnover):
                absent.add(node)
        return held - absent

    def _store(self, day: datetime.date) -> tuple[dict[int, str], dict[int, int]]:
        if day not in self._days:
            paths: dict[int, str] = {}
            sizes: dict[int, int] = {}
            for number in self._dependencies_first:
                node = self.nodes[number]
                versions = [(package, self._version(package, day)) for package in node.packages]
                labels = [f"{package}={version}" for package, version in versions]
                inputs = [paths[needed] for needed in node.needs] if self.propagates else []
                label = f"{node.packages[0]}-0.{_letters(*labels)[:6]}"
                paths[number] = f"{STORE}/{_letters(*labels, *inputs)}-{label}"
                sizes[number] = sum(self._size(package, version) for package, version in versions)
            self._days[day] = paths, sizes
        return self._days[day]

    def _version(self, package: str, day: datetime.date) -> int:
        return bisect.bisect_right(self.uploads.get(self.packages[package]["source"], []), day.isoformat())

    def _size(self, package: str, version: int) -> int:
        draw = int(hashlib.sha256(f"{package} {version}".encode()).hexdigest()[:8], 16) / 2**32
        return int(max(self.packages[package]["size"], SMALLEST) * (1 + (draw - 0.5) / 10))
