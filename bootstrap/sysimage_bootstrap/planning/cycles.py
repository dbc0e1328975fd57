"""Makes the graph of packages acyclic, giving up what matters least.

A store item can only refer to what was made before it. In Debian's graph a few packages depend on each other; in every
cycle there is an edge without which each item still works, since what it stands for is found in the running system's
profile:

    libc6 ──Depends──▶ libgcc-s1 ──NEEDED libc.so.6──▶ libc6                       the first is given up
    dovecot-core ──a plugin's NEEDED──▶ dovecot-sieve ──a program's──▶ dovecot-core    so is this one's

The standard library's graphlib finds the cycles: networkx would take longer to import than all this takes.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise


class Strength(enum.IntEnum):
    """Why one package refers to another, the most dispensable first."""

    DECLARED = enum.auto()
    """Only its dependencies say so."""
    LINK = enum.auto()
    """A symlink leads there; it can lead to the profile instead."""
    SHEBANG = enum.auto()
    """The program there runs a script; the profile's program can run it, too."""
    PLUGIN = enum.auto()
    """The dynamic linker looks there for what only a plugin needs; it can look into the profile instead."""
    LINKED = enum.auto()
    """The dynamic linker looks there for what a program or a library needs. It is removed last, and then the linker
    looks into the profile, as for a plugin."""


Edge = tuple[str, str]
"""The name of a package, and of one it refers to."""


def break_cycles(edges: Mapping[Edge, Strength]) -> frozenset[Edge]:
    """The edges to give up so that the rest is acyclic; the same ones for the same edges, in whatever order they come.

    In each cycle that is found the weakest edge goes, the first by name among equals.
    """
    left = {edge: edges[edge] for edge in sorted(edges)}
    given_up: set[Edge] = {edge for edge in left if edge[0] == edge[1]}
    for edge in given_up:
        del left[edge]
    while cycle := _cycle(left):
        _, weakest = min((left[edge], edge) for edge in cycle)
        del left[weakest]
        given_up.add(weakest)
    return frozenset(given_up)


def dependencies_first(references: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """All packages so that each comes after what it refers to, ties by name; there must be no cycle."""
    sorter: TopologicalSorter[str] = TopologicalSorter(references)
    sorter.prepare()
    ordered: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += ready
        sorter.done(*ready)
    return tuple(ordered)


def _cycle(edges: Iterable[Edge]) -> list[Edge]:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for source, target in edges:
        sorter.add(source, target)
    try:
        sorter.prepare()
    except CycleError as error:
        # The list begins and ends with the same node, and each node is what the next one refers to.
        return [(source, target) for target, source in pairwise(error.args[1])]
    return []
