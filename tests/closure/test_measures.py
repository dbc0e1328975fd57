"""How many items need each one, and how many it needs: as a walk from every node would find them."""

import networkx as nx
import pytest
from hypothesis import given, settings

from sysimage.closure import Closure, measures, reference_counts, referrer_counts
from tests.layerplan.closures import closures, store_shaped


def check(closure: Closure) -> None:
    graph = closure.graph
    assert referrer_counts(closure) == {path: len(nx.ancestors(graph, path)) for path in graph}
    assert reference_counts(closure) == {path: len(nx.descendants(graph, path)) for path in graph}


@given(closures())
@settings(max_examples=25, deadline=None)
def test_counts_are_those_of_a_walk_from_every_node(closure: Closure) -> None:
    check(closure)


@pytest.mark.parametrize("size", [1, 2, 50])
@pytest.mark.parametrize("block", [1, 7, 4096])
def test_blocks_do_not_change_the_counts(size: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "DISK_BLOCK", block)
    check(store_shaped(size))
