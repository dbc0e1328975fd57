"""The worked examples of the rules, and that each keeps the contract of a plan."""

import networkx as nx
import pytest

from tests.bench.layering import rules
from tests.bench.layering.contestants import graph_of
from tests.layerplan.closures import store_shaped

EXAMPLE = nx.DiGraph(["AB", "AG", "BC", "BE", "CD", "CE", "DF", "EF"])
nx.set_node_attributes(EXAMPLE, {"A": 1, "B": 2, "C": 4, "D": 8, "E": 16, "F": 32, "G": 64}, "size")


def test_nixpkgs_popularity_counts_as_its_example_does() -> None:
    assert rules.path_counts(EXAMPLE) == {"A": 1, "B": 2, "C": 3, "D": 4, "E": 5, "F": 9, "G": 2}


def test_nix2container_popularity_counts_as_its_example_does() -> None:
    assert rules.downward_paths(EXAMPLE) == {"A": 1, "B": 2, "C": 3, "D": 4, "E": 6, "F": 11, "G": 2}


def test_guix_takes_the_largest_alone() -> None:
    assert rules.guix_size(EXAMPLE, 3) == [["G"], ["F"], ["E", "D", "C", "B", "A"]]


def test_auto_layer_draws_what_a_large_path_needs_to_it() -> None:
    graph = nx.DiGraph([("app", "java"), ("java", "libc"), ("app", "data")])
    nx.set_node_attributes(graph, {"app": 1, "java": 100, "libc": 10, "data": 50}, "size")
    layers = rules.nixpkgs_auto(graph, 3)
    assert sorted(map(sorted, layers)) == [["app"], ["data"], ["java", "libc"]]
    assert layers[-1] == ["app"]


def test_auto_layer_stops_when_another_primary_would_not_fit() -> None:
    assert len(rules.nixpkgs_auto(graph_of(store_shaped(60)), 9)) <= 9


def test_apko_groups_by_source_largest_first() -> None:
    origins = {"A": "x", "B": "x", "C": "y", "D": "y", "E": "z", "F": "z", "G": "w"}
    assert rules.apko_origin(EXAMPLE, 3, origins) == [["G"], ["E", "F"], ["C", "D", "A", "B"]]


def test_rpm_ostree_keeps_packages_in_their_bins_by_name() -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from(["/s/h2-a-2", "/s/h1-b-1", "/s/h3-new-1"], size=1)
    kept = rules.rpm_ostree(graph, 9, {}, previous=[["/s/h1-a-1"], ["/s/h1-b-1", "/s/h1-c-1"]])
    assert kept == [["/s/h2-a-2"], ["/s/h1-b-1", "/s/h3-new-1"]]


def test_nixery_makes_a_layer_of_what_only_one_package_needs() -> None:
    graph = nx.DiGraph([("git", "perl"), ("vim", "libc"), ("git", "libc")])
    nx.set_node_attributes(graph, {"git": 5, "perl": 9, "vim": 3, "libc": 7}, "size")
    layers = rules.nixery(graph, 9, {})
    assert sorted(map(sorted, layers)) == [["git", "perl"], ["libc"], ["vim"]]


@pytest.mark.parametrize("room", [1, 2, 7, 30, 99])
def test_every_rule_makes_a_partition_within_the_limit(room: int) -> None:
    graph = graph_of(store_shaped(60))
    plans = {
        "nixpkgs popularity": rules.nixpkgs_popularity(graph, room),
        "auto-layer": rules.nixpkgs_auto(graph, room),
        "nix2container": rules.nix2container_popularity(graph, room),
        "guix": rules.guix_size(graph, room),
        "apko": rules.apko_origin(graph, room, {path: path[-1] for path in graph}),
        "rpm-ostree": rules.rpm_ostree(graph, room, {path: len(path) % 5 for path in graph}),
        "nixery": rules.nixery(graph, room, {}),
    }
    for name, layers in plans.items():
        assert sorted(path for layer in layers for path in layer) == sorted(graph), name
        assert len(layers) <= room, name
