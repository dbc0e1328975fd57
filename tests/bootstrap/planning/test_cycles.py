"""Cycles are broken where it costs least, always in the same place, what is linked last."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import pairwise

import networkx
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage_bootstrap.planning.cycles import Edge, Strength, break_cycles, dependencies_first

NAMES = st.sampled_from("abcdefg")
STRENGTHS = st.sampled_from(Strength)
GRAPHS = st.dictionaries(st.tuples(NAMES, NAMES), STRENGTHS, max_size=25)


def graph_of(edges: Mapping[Edge, Strength], without: frozenset[Edge]) -> networkx.DiGraph:
    graph = networkx.DiGraph()
    graph.add_edges_from(edge for edge in edges if edge not in without)
    return graph


def test_the_c_library_does_not_wait_for_the_compilers_runtime() -> None:
    edges = {
        ("libc6", "libgcc-s1"): Strength.DECLARED,
        ("libgcc-s1", "libc6"): Strength.LINKED,
        ("bash", "libc6"): Strength.LINKED,
    }
    assert break_cycles(edges) == {("libc6", "libgcc-s1")}


def test_a_package_that_names_itself_is_not_a_cycle_to_speak_of() -> None:
    assert break_cycles({("a", "a"): Strength.LINKED, ("a", "b"): Strength.DECLARED}) == {("a", "a")}


def test_of_two_references_the_one_that_matters_less_is_given_up() -> None:
    """From a dependency that only is declared to what a program is linked with."""
    order = [Strength.DECLARED, Strength.LINK, Strength.SHEBANG, Strength.PLUGIN, Strength.LINKED]
    assert sorted(Strength) == order
    for weak, strong in pairwise(order):
        assert break_cycles({("a", "b"): strong, ("b", "a"): weak}) == {("b", "a")}
        assert break_cycles({("a", "b"): weak, ("b", "a"): strong}) == {("a", "b")}


def test_of_packages_linked_in_a_circle_the_plugins_look_into_the_profile() -> None:
    edges = {
        ("dovecot-core", "dovecot-sieve"): Strength.PLUGIN,
        ("dovecot-sieve", "dovecot-core"): Strength.LINKED,
        ("dovecot-sieve", "libc6"): Strength.LINKED,
    }
    assert break_cycles(edges) == {("dovecot-core", "dovecot-sieve")}
    assert break_cycles({("a", "b"): Strength.LINKED, ("b", "a"): Strength.LINKED}) == {("a", "b")}


@settings(deadline=None)
@given(GRAPHS)
def test_what_is_left_is_acyclic_and_only_edges_on_cycles_go(edges: dict[Edge, Strength]) -> None:
    given_up = break_cycles(edges)
    assert networkx.is_directed_acyclic_graph(graph_of(edges, given_up))
    whole = graph_of(edges, frozenset())
    component = {
        node: index for index, nodes in enumerate(networkx.strongly_connected_components(whole)) for node in nodes
    }
    assert all(component[source] == component[target] for source, target in given_up)


@settings(deadline=None)
@given(GRAPHS, st.integers())
def test_the_order_of_the_edges_does_not_matter(edges: dict[Edge, Strength], seed: int) -> None:
    shuffled = list(edges.items())
    random.Random(seed).shuffle(shuffled)
    assert break_cycles(dict(shuffled)) == break_cycles(edges)


@settings(deadline=None)
@given(GRAPHS, st.integers())
def test_dependencies_come_first_in_one_order(edges: dict[Edge, Strength], seed: int) -> None:
    kept = sorted(set(edges) - break_cycles(edges))
    references = {name: [target for source, target in kept if source == name] for name in "abcdefg"}
    ordered = dependencies_first(references)
    assert sorted(ordered) == list("abcdefg")
    assert all(ordered.index(target) < ordered.index(source) for source, target in kept)
    shuffled = list(references.items())
    random.Random(seed).shuffle(shuffled)
    assert dependencies_first(dict(shuffled)) == ordered
